import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from './errors.js';
import { readJournalHeader } from './journal.js';
import { parseJson } from './json.js';
import { readLines } from './read-lines.js';

/**
 * Makes the folder of a batch's results, and refuses one that holds another batch's.
 * @throws BatchError `batch_conflict`, `output_unusable`
 */
export async function claimOutputFolder(out: string, batch: string): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
  } catch (error) {
    throw new BatchError('output_unusable', `The folder ${out} cannot be made.`, { cause: error });
  }
  const owner = await ownerOf(out);
  if (owner !== null && owner !== batch) {
    throw new BatchError(
      'batch_conflict',
      `The folder ${out} holds the results of batch ${owner}: give another one with --out.`,
    );
  }
}

/**
 * The batch whose results a folder holds, or will hold: its journal is there before its first line; null for none.
 * @throws BatchError `batch_conflict` where a file of that name is somebody else's
 */
export async function ownerOf(out: string): Promise<string | null> {
  const manifest = join(out, 'manifest.jsonl');
  for await (const { text, end } of readLines(manifest)) {
    if (end === 'torn') break;
    return batchIn(text, manifest);
  }
  const journal = await readJournalHeader(out);
  if (journal !== null) return journal.batch;
  const report = join(out, 'run.json');
  try {
    return batchIn(await readFile(report, 'utf8'), report);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function batchIn(json: string, path: string): string {
  const value = parseJson(json);
  const batch = value && typeof value === 'object' && 'batch' in value ? value.batch : null;
  if (typeof batch === 'string') return batch;
  throw new BatchError(
    'batch_conflict',
    `${path} was not written by rivya-batch: give another folder with --out, or move the file away.`,
  );
}
