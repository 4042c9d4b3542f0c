import { holdsEarlierLife } from '../shared/earlier-life.js';
import type { BatchMeta } from '../shared/ledger/batch-meta.js';
import { ownerOf } from '../shared/output-folder.js';

/** The folder of a batch's results where it is on this machine; null where it is elsewhere, or not chosen yet. */
export async function localOutput(meta: BatchMeta): Promise<string | null> {
  const { name, out } = meta;
  if (out === '' || (await ownerOf(out)) !== name) return null;
  // What is there is not this life's to write over, or to open again (S5).
  return (await holdsEarlierLife(meta, out)) ? null : out;
}
