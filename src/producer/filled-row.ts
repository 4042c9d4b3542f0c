import type { JsonValue } from '../shared/json.js';
import { isBlank } from './cell-text.js';
import { ColumnNames } from './column-names.js';
import type { Row } from './row.js';

export interface FillDownOptions {
  columns: readonly string[];
  /** Values are handed down only between rows that have the same value here; null: through the whole file. */
  within: string | null;
}

/** Hands the last value of a column down to the rows below that leave it empty, as exports of variants do. */
export class FillDown {
  readonly #values = new Map<string, JsonValue>();
  /** What each wanted column is called in this file: in JSON a row may lack it. */
  readonly #names = new Map<string, string>();
  #group: JsonValue | undefined;

  constructor(private readonly options: FillDownOptions) {}

  /** Nothing is handed from one file to the next. */
  beginSource(): void {
    this.#values.clear();
    this.#names.clear();
    this.#group = undefined;
  }

  fill(row: Row): Row {
    if (this.options.columns.length === 0) return row;
    this.#leaveGroup(row);
    const filled = new Map<string, JsonValue>();
    for (const wanted of this.options.columns) {
      const column = row.nameOf(wanted) ?? this.#names.get(wanted) ?? wanted;
      this.#names.set(wanted, column);
      const value = row.get(column);
      const above = this.#values.get(column);
      if (!isEmpty(value)) this.#values.set(column, value ?? null);
      else if (above !== undefined) filled.set(column, above);
    }
    return filled.size === 0 ? row : new FilledRow(row, filled);
  }

  #leaveGroup(row: Row): void {
    const { within } = this.options;
    const group = within === null ? null : (row.find(within) ?? null);
    if (group === this.#group) return;
    this.#values.clear();
    this.#group = group;
  }
}

function isEmpty(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || (typeof value === 'string' && isBlank(value));
}

class FilledRow implements Row {
  readonly kind: Row['kind'];
  readonly number: number;
  readonly columns: readonly string[];
  readonly missingCells: number;

  constructor(
    private readonly row: Row,
    private readonly filled: ReadonlyMap<string, JsonValue>,
  ) {
    this.kind = row.kind;
    this.number = row.number;
    this.missingCells = row.missingCells;
    const added = [...filled.keys()].filter((column) => !row.columns.includes(column));
    this.columns = added.length === 0 ? row.columns : [...row.columns, ...added];
  }

  get(column: string): JsonValue | undefined {
    return this.filled.has(column) ? this.filled.get(column) : this.row.get(column);
  }

  nameOf(column: string): string | null {
    const name = this.row.nameOf(column);
    // In JSON a row may lack the column that was filled.
    return (
      name ?? (this.filled.has(column) ? column : new ColumnNames(this.columns).resolve(column))
    );
  }

  find(column: string): JsonValue | undefined {
    return this.get(this.nameOf(column) ?? column);
  }
}
