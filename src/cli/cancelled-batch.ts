import { BatchError } from '../shared/errors.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';

/** What a person is told who runs a cancelled batch. */
export function cancelledSentence(batch: string): string {
  return `Batch ${batch} was cancelled: nothing more of it is submitted. To go on with what was not: rivya-batch retry ${batch} --status cancelled`;
}

/** @throws BatchError `batch_conflict` */
export function refuseCancelled({ name, cancelled }: BatchMeta): void {
  if (cancelled) throw new BatchError('batch_conflict', cancelledSentence(name));
}
