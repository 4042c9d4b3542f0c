import { textOf } from '../template/template.js';
import { isBlank, spelling, trimCell } from './cell-text.js';
import type { Row } from './row.js';

/** Enough to tell a column that names its rows from one that does not. */
const MOST_ROWS = 200;
const MOST_COLUMNS = 300;
const LONGEST_ID = 80;
const MOST_NAMED = 3;

const wordsOfIds: ReadonlySet<string> = new Set([
  ...['id', 'sku', 'handle', 'asin', 'gtin', 'ean', 'ean13', 'upc', 'isbn', 'mpn', 'barcode'],
  ...[
    'code',
    'key',
    'slug',
    'number',
    'no',
    'nr',
    'num',
    'reference',
    'ref',
    'artikelnummer',
    'artnr',
  ],
]);
const wordsOfTitles: ReadonlySet<string> = new Set(['title', 'name']);

/** Which columns could name the rows of a file: different in each of the first ones, and empty in none. */
export class IdCandidates {
  #rows = 0;
  readonly #values = new Map<string, Set<string>>();

  note(row: Row): void {
    if (this.#rows === MOST_ROWS) return;
    this.#rows += 1;
    if (this.#rows === 1) {
      for (const column of row.columns.slice(0, MOST_COLUMNS)) {
        if (rankOf(column) !== null) this.#values.set(column, new Set());
      }
    }
    for (const [column, values] of this.#values) {
      const text = trimCell(textOf(row.get(column)) ?? '');
      const isUsable = !isBlank(text) && text.length <= LONGEST_ID && !values.has(text);
      if (isUsable) values.add(text);
      else this.#values.delete(column);
    }
  }

  /** Those whose names say so first; then titles, of a file of several rows. */
  list(): string[] {
    return [...this.#values.keys()]
      .map((column) => ({ column, rank: rankOf(column) ?? 0 }))
      .sort((left, right) => left.rank - right.rank)
      .slice(0, MOST_NAMED)
      .map(({ column }) => column);
  }
}

function rankOf(column: string): number | null {
  const words = column.split(/[^\p{L}\p{N}]+|(?<=\p{Ll})(?=\p{Lu})/u).map(spelling);
  if (words.some((word) => wordsOfIds.has(word))) return 0;
  return words.some((word) => wordsOfTitles.has(word)) ? 1 : null;
}
