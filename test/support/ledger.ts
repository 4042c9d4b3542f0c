import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';
import { AccountLedger } from '../../src/ledger/account-ledger.js';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import type { BatchIdentity } from '../../src/ledger/batch-meta.js';
import { type BriefState, decodeState, encodeState } from '../../src/ledger/brief-state.js';
import type { PreparedBrief } from '../../src/shared/brief.js';
import { StageQueues } from '../../src/shared/queues.js';

export const identity: BatchIdentity = {
  requestIds: 'given',
  origin: 'https://rivya.test',
  account: 'account-1',
  out: '',
  nonce: '',
  createdAt: Date.parse('2026-06-01T12:00:00.000Z'),
};

export function newPrefix(): string {
  return `t${randomBytes(8).toString('hex')}`;
}

/** A connection of this test alone, ended with it. */
export function connect(socket = inject('redisSocket')): Redis {
  const redis = new Redis({ path: socket, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
}

export function preparedBrief(id: string, patch: Partial<PreparedBrief> = {}): PreparedBrief {
  return {
    id,
    fingerprint: 'ab',
    origin: '{"row":2,"source":"spring.csv","references":[],"metadata":null,"input":{"sku":"1"}}',
    body: '{"model":"z-image","prompt":"A fox in the snow"}',
    waits: false,
    ...patch,
  };
}

/** As `rivya-batch pause` does it, or a button of a board. */
export async function pauseBatch(redis: Redis, prefix: string, batch: string): Promise<void> {
  const queues = new StageQueues(redis, prefix, batch);
  await queues.pause();
  await queues.close();
}

interface Asked {
  attempt?: number;
  cap?: number;
  longestWaitMs?: number;
  priceKind?: string;
  guess?: number;
  least?: number;
}

/** The ledgers of one account and one batch under a prefix of their own, and what tests ask of them. */
export async function openLedger({
  batch = 'spring',
  prefix = newPrefix(),
  socket = inject('redisSocket'),
} = {}) {
  const redis = connect(socket);
  const account = new AccountLedger(redis, prefix, identity.account);
  const ledger = new BatchLedger(redis, prefix, batch, account);
  await ledger.open(identity);
  return {
    redis,
    prefix,
    batch,
    account,
    ledger,
    admit: async (...ids: string[]) => {
      const briefs = ids.map((id) => preparedBrief(id));
      return (await ledger.briefs.admit(briefs, identity.createdAt)).answers;
    },
    begin: (id: string, { cap = 8, longestWaitMs = 60_000, ...asked }: Asked = {}) =>
      ledger.briefs.beginSubmit(
        // A kind of its own, so that no brief waits for the price of another.
        { id, attempt: 1, priceKind: `kind of ${id}`, guess: 1, least: 1, ...asked },
        { longestWaitMs, defaultInFlight: cap, createdAt: identity.createdAt },
      ),
    /** Puts a brief into any state, as a crash or a day of waiting may have left it. */
    place: async <S extends BriefState>(id: string, state: S) => {
      const text = encodeState(state);
      await redis.hset(ledger.keys.state, id, text);
      return { ...decodeState(text), state };
    },
    stateOf: async (id: string) => (await ledger.briefs.read(id))?.state ?? null,
    inFlight: () => redis.zrange(account.keys.inFlight, '0', '-1'),
    /** By Redis' clock. */
    nowMs: async () => {
      const [seconds, microseconds] = await redis.time();
      return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    },
  };
}

export type OpenLedger = Awaited<ReturnType<typeof openLedger>>;
