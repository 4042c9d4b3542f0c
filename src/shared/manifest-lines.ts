import { judgeLine } from './judge-line.js';
import type { ManifestLine } from './manifest-line.js';
import { readLines } from './read-lines.js';

/**
 * The lines of a manifest that may have been damaged, in file order and constant memory; an absent file has none.
 * @param unreadable is told the row, from 1, of each line that cannot be read
 */
export async function* manifestLines(
  path: string,
  unreadable: (row: number) => void,
): AsyncGenerator<ManifestLine> {
  let row = 0;
  for await (const { text, end } of readLines(path)) {
    row += 1;
    if (end === 'torn' || text === '') continue;
    const judged = judgeLine(text);
    if (judged.kind === 'line') yield judged.line;
    else unreadable(row);
  }
}
