import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BatchError } from './errors.js';
import { readJournalHeader } from './journal.js';
import { readLines } from './read-lines.js';

/** Stands for the batch of a file that is none of ours. */
const foreign = 'unknown';

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

/** The batch whose results a folder holds, or will hold: its journal is there before its first line; null for none. */
export async function ownerOf(out: string): Promise<string | null> {
  for await (const { text, end } of readLines(join(out, 'manifest.jsonl'))) {
    if (end === 'torn') break;
    return batchIn(text);
  }
  const journal = await readJournalHeader(out);
  if (journal !== null) return journal.batch;
  try {
    return batchIn(await readFile(join(out, 'run.json'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** What names a batch that is given no name: the one in its folder; null for none, and for a file that is somebody else's. */
export async function batchHeldIn(out: string): Promise<string | null> {
  const owner = await ownerOf(out);
  return owner === foreign ? null : owner;
}

function batchIn(json: string): string {
  const value: unknown = JSON.parse(json);
  const batch = value && typeof value === 'object' && 'batch' in value ? value.batch : null;
  return typeof batch === 'string' ? batch : foreign;
}
