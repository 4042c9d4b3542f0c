import type { BatchMeta } from './ledger/batch-meta.js';

export type BatchState = 'cancelled' | 'finished' | 'paused' | 'being queued' | 'open';

/** Briefs that have their line, and did not succeed. */
export function withoutSuccess({ lines }: Pick<BatchMeta, 'lines'>): number {
  return lines.failed + lines.unknown + lines.cancelled;
}

/** Where a batch stands, in words for people. */
export function batchState(meta: BatchMeta): BatchState {
  if (meta.cancelled) return 'cancelled';
  if (meta.admission === 'complete' && meta.pending === 0) return 'finished';
  if (meta.paused) return 'paused';
  return meta.admission === 'open' ? 'being queued' : 'open';
}
