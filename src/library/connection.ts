import { readSettings, type Settings } from '../session/environment.js';
import { openStoreSession, type StoreSession } from '../session/store-session.js';
import { checkFolderFormat } from '../shared/state-format.js';

/** Where batches are, and whose; what is left out is as the environment says, as for the command line (no `.env` is read). */
export interface Connection {
  /** `REDIS_URL`; '' for the private Redis of `home`. */
  redisUrl?: string;
  /** `RIVYA_API_KEY`. */
  apiKey?: string;
  /** `RIVYA_BASE_URL`: an origin. */
  baseUrl?: string;
  /** `RIVYA_BATCH_HOME`. */
  home?: string;
  /** `RIVYA_BATCH_PREFIX`: what all keys in Redis begin with. */
  prefix?: string;
  /** Sentences about the connection, such as that Redis does not answer for the moment; absent: nobody is told. */
  onNotice?(text: string): void;
}

/** @throws BatchError `bad_configuration` */
export function settingsOf({ redisUrl, apiKey, baseUrl, home, prefix }: Connection): Settings {
  const given = {
    REDIS_URL: redisUrl,
    RIVYA_API_KEY: apiKey,
    RIVYA_BASE_URL: baseUrl,
    RIVYA_BATCH_HOME: home,
    RIVYA_BATCH_PREFIX: prefix,
  };
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  return readSettings({ ...process.env, ...Object.fromEntries(said) });
}

/** A process' hold on Redis, until it is closed. */
export async function connect(connection: Connection): Promise<StoreSession> {
  const settings = settingsOf(connection);
  await checkFolderFormat(settings.home);
  const tell = (text: string) => connection.onNotice?.(text);
  return openStoreSession(settings, { note: tell, warn: tell });
}

/** Works with a hold on Redis for as long as that takes. */
export async function connected<T>(
  connection: Connection,
  work: (session: StoreSession) => Promise<T>,
): Promise<T> {
  const session = await connect(connection);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
