import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { ownerOf } from '../shared/output-folder.js';

/** The folder of a batch's results where it is on this machine; null where it is elsewhere, or not chosen yet. */
export async function localOutput({ name, out }: BatchMeta): Promise<string | null> {
  if (out === '') return null;
  return (await ownerOf(out)) === name ? out : null;
}
