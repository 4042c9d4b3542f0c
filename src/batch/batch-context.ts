import type { Redis } from 'ioredis';
import type { AccountLedger } from '../ledger/account-ledger.js';
import { BatchLedger } from '../ledger/batch-ledger.js';
import type { OutputPlaces } from '../results/output-places.js';
import type { Clock } from '../shared/clock.js';
import { StageQueues } from '../shared/queues.js';
import type { TaskCategory } from '../shared/task-category.js';

/** What the batches of one API origin and key are opened and gone on with, whoever asks for it. */
export interface BatchContext {
  redis: Redis;
  /** What all keys in Redis begin with. */
  prefix: string;
  origin: string;
  account: AccountLedger;
  /** The ledger's time, by which batches are dated. */
  clock: Clock;
  /** Where outputs in buckets are mirrored on this machine. */
  places: OutputPlaces;
  /** What a model makes; null for one that no list knows. */
  categoryOf(model: string): TaskCategory | null;
  /** Credits to reserve for a model while no price is known, and the least a task of it can cost. */
  priceOf(model: string): { guess: number; least: number };
}

/** What their state is reached with. */
export type StateOfBatches = Pick<BatchContext, 'redis' | 'prefix' | 'account'>;

export function batchLedger({ redis, prefix, account }: StateOfBatches, batch: string) {
  return new BatchLedger(redis, prefix, batch, account);
}

/** Works with the queues of a batch, and closes them. */
export async function withQueues<T>(
  { redis, prefix }: Pick<BatchContext, 'redis' | 'prefix'>,
  batch: string,
  work: (queues: StageQueues) => Promise<T>,
): Promise<T> {
  const queues = new StageQueues(redis, prefix, batch);
  try {
    return await work(queues);
  } finally {
    await queues.close();
  }
}
