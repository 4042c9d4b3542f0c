import { stat } from 'node:fs/promises';
import { isBucketAddress } from '../../bucket/bucket-address.js';
import { AccountLedger } from '../../ledger/account-ledger.js';
import { BatchLedger } from '../../ledger/batch-ledger.js';
import { manifestPath } from '../../results/manifest.js';
import { batchHeldIn } from '../../results/output-folder.js';
import { addressOf, openOutput } from '../../results/output-places.js';
import { openStoreSession, type StoreSession } from '../../session/store-session.js';
import { checkBatchName, defaultBatchName, fileBatchName } from '../../shared/batch-name.js';
import { BatchError } from '../../shared/errors.js';
import type { CommandSetup } from '../setup.js';

export interface ChosenBatch {
  batch: string;
  /** Another name under which the same work may be under way already; null where this one was given. */
  otherwise: string | null;
}

/**
 * The batch that a command means.
 * @param out absolute folder, or '' where none is given
 * @throws BatchError `usage`
 */
export async function chooseBatch(
  given: string | undefined,
  out: string,
  files: string[],
): Promise<ChosenBatch> {
  if (given) return { batch: checkBatchName(given), otherwise: null };
  const held = out === '' ? null : await batchHeldIn(out);
  const nameless = { out: out || null, held, files };
  const batch = defaultBatchName(nameless);
  return { batch, otherwise: held === null ? fileBatchName(nameless, batch) : null };
}

/**
 * A batch that was queued from this file without a folder, or that an earlier version called after the file, would
 * be paid a second time under the folder's name (S1).
 * @throws BatchError `batch_conflict`
 */
export async function refuseSecondName(
  { connection, settings: { prefix } }: StoreSession,
  { batch, otherwise, out }: ChosenBatch & { out: string },
): Promise<void> {
  if (otherwise === null || out === '') return;
  const nobody = new AccountLedger(connection, prefix, 'nobody');
  const metaOf = (name: string) => new BatchLedger(connection, prefix, name, nobody).meta();
  const other = await metaOf(otherwise);
  if (other === null || (other.out !== '' && other.out !== (await addressOf(out)))) return;
  if ((await metaOf(batch)) !== null) return;
  throw new BatchError(
    'batch_conflict',
    `Batch ${otherwise} was made from a file of this name ${other.out === '' ? 'and has no folder yet' : 'for this folder'}: to continue it, add --batch ${otherwise}; to start another batch, which is paid again, add --batch ${batch}. Nothing was sent.`,
  );
}

/**
 * The folder of results that a command means: a folder needs no Redis; a batch's name is looked up there.
 * @throws BatchError `bad_input`, `batch_not_found`
 */
export async function folderOfResults(
  { settings, terminal }: CommandSetup,
  what: string,
): Promise<string> {
  if (isBucketAddress(what)) return (await openOutput(settings, what)).folder;
  if (await exists(manifestPath(what))) return what;
  if (await exists(what)) throw new BatchError('bad_input', `There is no ${manifestPath(what)}.`);
  const session = await openStoreSession(settings, terminal);
  try {
    const { out } = (await session.findBatch(what)).meta;
    return out === '' ? '' : (await openOutput(settings, out)).folder;
  } finally {
    await session.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
