import { basename, extname } from 'node:path';
import type { Redis } from 'ioredis';
import type { BatchContext } from '../batch/batch-context.js';
import { AccountLedger } from '../ledger/account-ledger.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import type { BatchMeta } from '../ledger/batch-meta.js';
import { LedgerClock, readLedgerMs } from '../ledger/clock.js';
import { accountHash, batchesKey, clockKey, formatKey } from '../ledger/keys.js';
import { didYouMean, nearNames } from '../producer/rows/suggest-name.js';
import { modelFacts } from '../rivya/catalogue.js';
import type { Model } from '../rivya/outcome.js';
import { type Clock, machineTime } from '../shared/clock.js';
import { BatchError } from '../shared/errors.js';
import { quoteName } from '../shared/quantities.js';
import { claimFormat } from '../shared/state-format.js';
import { openStore, type Store } from '../store/open-store.js';
import { requireApiKey, type Settings } from './environment.js';

/** A process' hold on Redis. */
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

/** Where what happens on the way is told: sentences for a person. */
export interface Teller {
  note(text: string): void;
  warn(text: string): void;
}

export async function openStoreSession(settings: Settings, teller: Teller): Promise<StoreSession> {
  const store = await openStore({ redisUrl: settings.redisUrl, home: settings.home });
  for (const warning of store.warnings) teller.warn(warning);
  store.onConnectionChange((change) => {
    if (change.state === 'lost') teller.warn('Redis does not answer; waiting for it to come back.');
    else if (change.state === 'back') teller.note('Redis is back.');
    else teller.warn(change.error.message);
  });
  const connection = store.connect('ledger');
  const [clock] = await Promise.all([
    openClock(connection, settings),
    claimRedis(connection, settings, store),
  ]).catch(async (error: unknown) => {
    // A user that lacks a right, say: connections that stay open would keep the command from ending.
    await store.close();
    throw error;
  });
  await noteKeyLabel(settings, connection);
  return {
    settings,
    store,
    connection,
    clock,
    findBatch: (name) => findBatch({ connection, prefix: settings.prefix, store }, name),
    close: () => store.close(),
  };
}

function openClock(connection: Redis, { prefix }: Settings): Promise<LedgerClock> {
  const key = clockKey(prefix);
  return LedgerClock.open(() => readLedgerMs(connection, key), machineTime);
}

/** @throws BatchError `later_version` */
async function claimRedis(
  connection: Redis,
  { prefix }: Settings,
  { where }: Store,
): Promise<void> {
  const key = formatKey(prefix);
  const mark = await connection.get(key);
  await claimFormat(mark, `what is in the Redis at ${where}`, (text) => connection.set(key, text));
}

/** Whoever looks without a key, as the monitor does, knows the key by what it was called last. */
async function noteKeyLabel(
  { apiKey, keyLabel, origin, prefix }: Settings,
  connection: Redis,
): Promise<void> {
  if (apiKey === null || keyLabel === null) return;
  const account = new AccountLedger(connection, prefix, accountHash(origin, apiKey));
  await account.records.noteLabel(keyLabel);
}

/** Of each the meta is read, which is for a mistyped name alone. */
const mostLookedAt = 500;
const mostNear = 5;

async function findBatch(
  { connection, prefix, store }: { connection: Redis; prefix: string; store: Store },
  name: string,
) {
  const nobody = new AccountLedger(connection, prefix, 'nobody');
  const meta = await new BatchLedger(connection, prefix, name, nobody).meta();
  if (!meta) {
    const names = await connection.smembers(batchesKey(prefix));
    const made = await madeOf(name, names, { connection, prefix });
    const near = [...new Set([...made, ...nearNames(name, names)])];
    throw new BatchError('batch_not_found', notFoundText(name, { names, near, store }));
  }
  const account = new AccountLedger(connection, prefix, meta.account);
  return { ledger: new BatchLedger(connection, prefix, name, account), account, meta };
}

/** Batches of a file that is called so: people think of them by either name. */
async function madeOf(
  name: string,
  names: string[],
  { connection, prefix }: { connection: Redis; prefix: string },
): Promise<string[]> {
  const nobody = new AccountLedger(connection, prefix, 'nobody');
  const metas = await Promise.all(
    names.slice(0, mostLookedAt).map((other) => {
      return new BatchLedger(connection, prefix, other, nobody).meta();
    }),
  );
  const isOf = (meta: BatchMeta | null) =>
    meta?.sources.some((file) => basename(file, extname(file)) === name) === true;
  return metas.flatMap((meta) => (meta !== null && isOf(meta) ? [meta.name] : []));
}

/** What there is like it, or where was looked: a private Redis knows only what was run from its own folder. */
function notFoundText(
  name: string,
  { names, near, store }: { names: string[]; near: string[]; store: Store },
): string {
  const sentence = `There is no batch named ${quoteName(name)}`;
  if (near.length > 0) {
    return `${sentence}: ${didYouMean(near.slice(0, mostNear))}`;
  }
  const own = store.kind === 'private';
  const has =
    names.length === 0 ? 'has none' : `has ${names.length} ("rivya-batch status" lists them)`;
  const elsewhere = own
    ? 'It belongs to the folder you are in: go to the one in which the batch was run, or set its RIVYA_BATCH_HOME or REDIS_URL.'
    : 'Check REDIS_URL and --prefix: are they those of the batch?';
  return `${sentence}. The ${own ? 'private ' : ''}Redis at ${store.where} ${has}. ${elsewhere}`;
}

/** The account that this environment's key stands for. */
export function openAccount(session: StoreSession): AccountLedger {
  const { settings, connection } = session;
  const hash = accountHash(settings.origin, requireApiKey(settings));
  return new AccountLedger(connection, settings.prefix, hash);
}

/** What batches of an account are opened with. */
export function batchContext(
  { settings, connection: redis, clock }: StoreSession,
  account: AccountLedger,
  models: Model[],
): BatchContext {
  const { prefix, origin } = settings;
  return { redis, prefix, origin, account, clock, places: settings, ...modelFacts(models) };
}

export const userAgent = 'rivya-batch/0.1';
