import { BatchError } from './errors.js';
import { readJournalHeader } from './journal.js';
import { type BatchMeta, neverSent } from './ledger/batch-meta.js';
import { ownerOf } from './output-folder.js';

/**
 * Whether a folder holds what an earlier life of the batch sent and finished, where this life, queued without
 * a look into it after a lost Redis or `forget`, knows nothing of that, and would pay for it again (S1).
 */
export async function holdsEarlierLife(meta: BatchMeta, out: string): Promise<boolean> {
  const placeless = meta.out === '';
  const owner = placeless ? await ownerOf(out) : null;
  // Read last: a worker that begins this very life beside us leaves a journal before anything else.
  const journal = await readJournalHeader(out);
  if (journal === null) return owner === meta.name;
  if (journal.batch !== meta.name) return false;
  if (journal.createdAt === meta.createdAt && journal.nonce === meta.nonce) return false;
  // Where its journal was lost as well, what it adopted from the manifest got a new one.
  return placeless || neverSent(meta);
}

/** What a worker says of it. */
export function earlierLifeError({ name }: BatchMeta, out: string): BatchError {
  return new BatchError(
    'batch_conflict',
    `Batch ${name} was queued without a look into ${out}, which holds what it sent and finished before. Nothing is sent, because it would be paid again. Queue it again with --out ${out}, and it goes on from there.`,
  );
}
