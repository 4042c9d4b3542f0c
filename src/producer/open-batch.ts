import { BatchError } from '../shared/errors.js';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { type BatchIdentity, type BatchMeta, isSimulated } from '../shared/ledger/batch-meta.js';
import { holdsLife, ownerOf } from '../shared/output-folder.js';

/**
 * Creates the batch or finds it as it was: a batch keeps its API, its key and its folder for life, because
 * its idempotency keys and its manifest belong to them (S1).
 * @throws BatchError `batch_conflict`
 */
export async function openBatch(ledger: BatchLedger, identity: BatchIdentity): Promise<BatchMeta> {
  await ledger.open(identity);
  const meta = await ledger.meta();
  if (!meta)
    throw new BatchError('internal', `Batch ${ledger.batch} vanished while it was opened.`);
  const { batch } = ledger;
  if (meta.origin !== identity.origin) {
    throw conflict(
      batch,
      isSimulated(meta) ? 'was simulated' : `runs against ${meta.origin}, not ${identity.origin}`,
    );
  }
  if (meta.account !== identity.account) {
    throw conflict(batch, 'was started with another API key');
  }
  if (meta.out === '' && identity.out !== '') {
    // Its results had no place of their own so far: they have one now.
    await ledger.set({ out: identity.out });
    return { ...meta, out: identity.out };
  }
  if (identity.out !== '' && meta.out !== identity.out) {
    const moved = (await ownerOf(meta.out)) === null;
    if (!moved || !(await holdsLife(identity.out, { ...meta, batch }))) {
      throw conflict(batch, `writes its results to ${meta.out}, not ${identity.out}`);
    }
    // The folder was moved: with its journal and its manifest it goes on where it is now.
    await ledger.set({ out: identity.out });
    return { ...meta, out: identity.out };
  }
  return meta;
}

function conflict(batch: string, how: string): BatchError {
  return new BatchError(
    'batch_conflict',
    `Batch ${batch} ${how}. Use what it was started with, or give this one another name with --batch, and its own --out.`,
  );
}
