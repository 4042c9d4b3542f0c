import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { journalPath } from '../shared/journal.js';

/** Puts an earlier life's lines into `history.jsonl`; its pictures stay, the new ones get other names. */
export async function archiveResults(out: string): Promise<void> {
  const manifest = join(out, 'manifest.jsonl');
  const lines = await readFile(manifest, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (lines !== '') {
    await appendFile(join(out, 'history.jsonl'), lines.endsWith('\n') ? lines : `${lines}\n`);
  }
  // The journal goes last: with it, an interrupted fresh start is still known for what it was.
  for (const name of [
    'manifest.jsonl',
    'manifest.csv',
    'run.json',
    'rejected.jsonl',
    'rejected.csv',
  ]) {
    await rm(join(out, name), { force: true });
  }
  await rm(journalPath(out), { force: true });
}
