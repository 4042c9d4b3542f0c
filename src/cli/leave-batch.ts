import type { RunBatch } from './open-run-batch.js';

/** Takes back that the batch was opened for more briefs: nothing came of it. */
export async function leaveAsItWas({ ledger, meta }: RunBatch): Promise<void> {
  // A batch that has never been admitted as a whole stays open, and the same command goes on with it.
  if (meta.admission !== 'complete') return;
  const { rows, rejected, duplicates } = meta;
  const sources = JSON.stringify(meta.sources);
  await ledger.markAdmission('complete', { rows, rejected, duplicates, sources });
}
