import { spelling } from './cell-text.js';

/**
 * The columns of a row as a person writes them: `variant price` finds `Variant Price`.
 * Exact names come first; a spelling that several columns share finds none of them.
 */
export class ColumnNames {
  readonly #exact: ReadonlySet<string>;
  /** Made at the first name that is not exact; null where several columns share a spelling. */
  #spellings: Map<string, string | null> | null = null;

  /** Of what was asked: the few names in the options are asked for in every row. */
  readonly #found = new Map<string, string | null>();

  constructor(readonly columns: readonly string[]) {
    this.#exact = new Set(columns);
  }

  /** The column's own name, or null where there is none. */
  resolve(wanted: string): string | null {
    if (this.#exact.has(wanted)) return wanted;
    let found = this.#found.get(wanted);
    if (found === undefined) {
      this.#spellings ??= this.#spell();
      found = this.#spellings.get(spelling(wanted)) ?? null;
      this.#found.set(wanted, found);
    }
    return found;
  }

  #spell(): Map<string, string | null> {
    const spellings = new Map<string, string | null>();
    for (const column of this.columns) {
      const key = spelling(column);
      spellings.set(key, spellings.has(key) ? null : column);
    }
    return spellings;
  }
}
