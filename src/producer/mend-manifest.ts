import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { BatchLedger } from '../shared/ledger/batch-ledger.js';
import { readLines } from '../shared/read-lines.js';

/**
 * Compares the manifest of a batch that has nothing pending with what the ledger wrote to it.
 * A torn piece behind the last line is cut off. `shorter`: lines that were written are no longer there.
 */
export async function mendManifest(ledger: BatchLedger, out: string): Promise<'whole' | 'shorter'> {
  const path = join(out, 'manifest.jsonl');
  const { offset, lines } = await ledger.outbox.read(1);
  // Lines on their way to the file are the writer's to put in place.
  if (lines.length > 0) return 'whole';
  const size = await stat(path).then(
    (found) => found.size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return 0;
      throw error;
    },
  );
  if (size < offset) return 'shorter';
  if (size > offset && (await onlyTorn(path, offset))) await truncate(path, offset);
  return 'whole';
}

async function onlyTorn(path: string, offset: number): Promise<boolean> {
  for await (const { end } of readLines(path, offset)) return end === 'torn';
  return false;
}
