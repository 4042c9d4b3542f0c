import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { PinoPretty as pretty } from 'pino-pretty';
import { createRivyaClient, type RivyaClient } from '../rivya/client.js';
import { redactSecrets } from '../rivya/redact-secrets.js';
import { type Clock, machineTime } from '../shared/clock.js';
import { BatchError } from '../shared/errors.js';
import { AccountLedger } from '../shared/ledger/account-ledger.js';
import { BatchLedger } from '../shared/ledger/batch-ledger.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { accountHash, clockKey } from '../shared/ledger/keys.js';
import { LedgerClock, readLedgerMs } from '../shared/ledger/ledger-clock.js';
import { createLogger, type LogLevel } from '../shared/logger.js';
import { openStore, type Store } from '../shared/store/open-store.js';
import { requireApiKey, type Settings } from './environment.js';
import type { Terminal } from './terminal.js';

/** A command's hold on Redis. */
export interface StoreSession {
  settings: Settings;
  store: Store;
  connection: Redis;
  /** The ledger's time, the same on all machines. */
  clock: Clock;
  /** A batch's ledger, whichever account it belongs to. @throws BatchError `batch_not_found` */
  findBatch(
    name: string,
  ): Promise<{ ledger: BatchLedger; account: AccountLedger; meta: BatchMeta }>;
  close(): Promise<void>;
}

export async function openStoreSession(
  settings: Settings,
  terminal: Terminal,
): Promise<StoreSession> {
  const store = await openStore({ redisUrl: settings.redisUrl, home: settings.home });
  for (const warning of store.warnings) terminal.warn(warning);
  store.onConnectionChange((change) => {
    if (change.state === 'lost')
      terminal.warn('Redis does not answer; waiting for it to come back.');
    else if (change.state === 'back') terminal.note('Redis is back.');
    else terminal.warn(change.error.message);
  });
  const connection = store.connect('ledger');
  const key = clockKey(settings.prefix);
  const clock = await LedgerClock.open(() => readLedgerMs(connection, key), machineTime);
  return {
    settings,
    store,
    connection,
    clock,
    findBatch: (name) => findBatch({ connection, prefix: settings.prefix }, name),
    close: () => store.close(),
  };
}

async function findBatch(
  { connection, prefix }: { connection: Redis; prefix: string },
  name: string,
) {
  const nobody = new AccountLedger(connection, prefix, 'nobody');
  const meta = await new BatchLedger(connection, prefix, name, nobody).meta();
  if (!meta) {
    throw new BatchError(
      'batch_not_found',
      `There is no batch named ${name}: "rivya-batch status" lists those that there are.`,
    );
  }
  const account = new AccountLedger(connection, prefix, meta.account);
  return { ledger: new BatchLedger(connection, prefix, name, account), account, meta };
}

/** The account that this environment's key stands for. */
export function openAccount(session: StoreSession): AccountLedger {
  const { settings, connection } = session;
  const hash = accountHash(settings.origin, requireApiKey(settings));
  return new AccountLedger(connection, settings.prefix, hash);
}

export function openClient(settings: Settings): RivyaClient {
  return createRivyaClient({
    origin: settings.origin,
    apiKey: requireApiKey(settings),
    proxy: settings.proxy,
    userAgent: userAgent,
  });
}

export const userAgent = 'rivya-batch/0.1';

/** JSON lines for machines; on a terminal, lines for people. */
export function openLogger(level: LogLevel): Logger {
  const destination = process.stderr.isTTY
    ? pretty({ destination: process.stderr, translateTime: 'SYS:HH:MM:ss', sync: true })
    : process.stderr;
  return createLogger({ level, destination, redact: redactSecrets });
}
