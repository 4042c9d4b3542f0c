import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readLines } from '../shared/read-lines.js';
import { writeFileDurably } from '../shared/write-file-durably.js';

/**
 * Puts an earlier life's lines into `history.jsonl`; its pictures stay, the new ones get other names. Safe to repeat; the
 * journal stays too, until that of the new life takes its place.
 */
export async function archiveResults(out: string): Promise<void> {
  const manifest = join(out, 'manifest.jsonl');
  const history = join(out, 'history.jsonl');
  const bytes = await bytesOf(manifest);
  // A kill may have come between the two files.
  if (bytes > 0 && !(await endsAlike(history, manifest, bytes))) {
    await writeFileDurably(history, linesOf(history, manifest));
  }
  for (const name of [
    'manifest.jsonl',
    'manifest.csv',
    'run.json',
    'rejected.jsonl',
    'rejected.csv',
  ]) {
    await rm(join(out, name), { force: true });
  }
}

/** As a whole, not behind it: what a full disk cuts off is in neither file then, and nothing is glued to a torn line. */
async function* linesOf(...paths: string[]): AsyncGenerator<string> {
  for (const path of paths) {
    for await (const { text } of readLines(path)) yield `${text}\n`;
  }
}

async function endsAlike(history: string, manifest: string, bytes: number): Promise<boolean> {
  const begin = (await bytesOf(history)) - bytes;
  if (begin < 0) return false;
  const archived = readLines(history, begin);
  for await (const { text } of readLines(manifest)) {
    const { value } = await archived.next();
    if (value?.text !== text) return archived.return(undefined).then(() => false);
  }
  return archived.return(undefined).then(() => true);
}

async function bytesOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
}
