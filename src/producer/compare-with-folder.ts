import { join } from 'node:path';
import { fingerprintOf } from '../shared/adopt-folder.js';
import type { LineStatus } from '../shared/manifest-line.js';
import { manifestLines } from '../shared/manifest-lines.js';
import type { PreparedBrief } from '../shared/prepared-brief.js';
import { type Comparison, nothingCompared } from './compare-with-batch.js';

type Known = ReadonlyMap<string, { fingerprint: string; status: LineStatus }>;

/** What a later run of an input would do, as far as the folder of its batch alone can tell. */
export interface FolderComparison {
  comparison: Comparison;
  /** Of briefs, those that would be made: what has changed, and what has no line. */
  toBeMade(briefs: AsyncIterable<PreparedBrief>): AsyncIterable<PreparedBrief>;
}

/**
 * Compares an input with the manifest in a folder, without Redis; one that is not there has nothing. Of a batch
 * that is under way, what has no line yet counts as new.
 */
export async function compareWithFolder(
  out: string,
  briefs: () => AsyncIterable<PreparedBrief>,
): Promise<FolderComparison> {
  const known = await readKnown(out);
  const comparison = nothingCompared();
  let found = 0;
  for await (const brief of briefs()) {
    comparison[judge(brief, known)] += 1;
    if (known.has(brief.id)) found += 1;
  }
  comparison.gone = known.size - found;
  return { comparison, toBeMade: (all) => toBeMade(all, known) };
}

async function readKnown(out: string): Promise<Known> {
  const known = new Map<string, { fingerprint: string; status: LineStatus }>();
  // A line that cannot be read is found by `verify`; here its brief has none.
  for await (const line of manifestLines(join(out, 'manifest.jsonl'), () => undefined)) {
    known.set(line.brief_id, { fingerprint: fingerprintOf(line), status: line.status });
  }
  return known;
}

function judge(
  { id, fingerprint }: PreparedBrief,
  known: Known,
): 'fresh' | 'same' | 'changed' | 'undecided' {
  const had = known.get(id);
  if (had === undefined) return 'fresh';
  if (had.fingerprint === fingerprint) return 'same';
  return had.status === 'unknown' ? 'undecided' : 'changed';
}

async function* toBeMade(
  briefs: AsyncIterable<PreparedBrief>,
  known: Known,
): AsyncGenerator<PreparedBrief> {
  for await (const brief of briefs) {
    const news = judge(brief, known);
    if (news === 'fresh' || news === 'changed') yield brief;
  }
}
