import type { BatchMeta } from '../../ledger/batch-meta.js';
import { latestLines, manifestPath } from '../../results/manifest.js';
import type { ManifestLine } from '../../shared/manifest-line.js';
import { readable } from './read-failures.js';

export type LatestResults =
  /** Newest first. */
  | { kind: 'here'; latest: ManifestLine[] }
  /** In a bucket, on another machine, or not there yet. */
  | { kind: 'elsewhere' };

/** As many fill two rows of a desktop's page. */
const mostShown = 14;

export async function readLatest(meta: BatchMeta): Promise<LatestResults> {
  if ((await resultsOf(meta)) === 'elsewhere') return { kind: 'elsewhere' };
  return { kind: 'here', latest: await latestLines(meta.out, mostShown) };
}

/** Whether there is something to look at on this machine. */
export async function resultsOf({ out }: BatchMeta): Promise<'here' | 'elsewhere'> {
  return out !== '' && (await readable(manifestPath(out))) ? 'here' : 'elsewhere';
}
