import type { BatchLedger } from '../ledger/batch-ledger.js';
import { type BatchMeta, isPaused } from '../ledger/batch-meta.js';
import type { Doer } from '../ledger/deeds.js';
import { type BatchContext, withQueues } from './batch-context.js';
import { type CancelCounts, endCancelled } from './end-batch.js';
import type { CancelMode } from './finish-brief.js';

/** A batch that a person steers, and who that is: what was done is noted with it. */
export interface SteeredBatch {
  ledger: BatchLedger;
  by: Doer;
}

type Store = Pick<BatchContext, 'redis' | 'prefix'>;

/** Nothing is submitted until it is resumed; what was submitted is watched and collected. */
export async function pauseBatch(
  store: Store,
  { ledger, by }: SteeredBatch,
  meta: BatchMeta,
): Promise<'paused' | 'was_paused' | 'cancelled' | 'finished'> {
  if (meta.stage === 'cancelled' || meta.stage === 'finished') return meta.stage;
  if (isPaused(meta)) return 'was_paused';
  await withQueues(store, ledger.batch, (queues) => queues.pause());
  await ledger.deeds.note({ kind: 'paused' }, by);
  return 'paused';
}

export async function resumeBatch(
  store: Store,
  { ledger, by }: SteeredBatch,
): Promise<'resumed' | 'was_going'> {
  const was = await withQueues(store, ledger.batch, (queues) => queues.resume());
  if (was === 'going') return 'was_going';
  await ledger.deeds.note({ kind: 'resumed' }, by);
  return 'resumed';
}

/**
 * Nothing more is submitted, for good. Safe to repeat after a crash.
 * @param mode `abandon`: what was submitted is not watched any more either, and lost with what it cost
 */
export async function cancelBatch(
  context: Pick<BatchContext, 'redis' | 'prefix' | 'clock' | 'places'>,
  { ledger, by }: SteeredBatch,
  mode: CancelMode,
): Promise<CancelCounts | 'was_finished'> {
  const wasCancelled = (await ledger.meta())?.stage === 'cancelled';
  if ((await ledger.cancel()) === 'was_finished') return 'was_finished';
  if (!wasCancelled || mode === 'abandon') {
    await ledger.deeds.note({ kind: 'cancelled', submitted: mode }, by);
  }
  return endCancelled(context, ledger, mode);
}

/** Among the open batches of an account, the higher goes first. Workers heed it with the next brief that they take. */
export async function setPriority(
  { ledger, by }: SteeredBatch,
  priority: number,
): Promise<'set' | 'was_so'> {
  if ((await ledger.meta())?.priority === priority) return 'was_so';
  await ledger.set({ priority });
  await ledger.tell();
  await ledger.deeds.note({ kind: 'priority', priority }, by);
  return 'set';
}
