import type { JsonValue } from '../shared/json.js';
import type { RowFault } from './rejection.js';

/** A row whose values can be asked for by column, whatever the format. */
export interface Row {
  /** `text`: every value is a cell's text. `json`: values have their JSON types. */
  readonly kind: 'text' | 'json';
  readonly number: number;
  /** The same array for every row of a CSV, so that what is derived from it can be kept. */
  readonly columns: readonly string[];
  /** How many cells fewer than the header a row of a table has; they count as empty. */
  readonly missingCells: number;
  /** Undefined where there is no such column. */
  get(column: string): JsonValue | undefined;
  /** The name in the file of a column as a person writes it, or null: exactly, as a path into JSON, or without regard to case and spaces. */
  nameOf(column: string): string | null;
  /** `get` of `nameOf`. */
  find(column: string): JsonValue | undefined;
}

export interface UnreadableRow {
  readonly kind: 'unreadable';
  readonly number: number;
  readonly fault: RowFault;
}

/** Rows come in groups: one `await` per row would cost as much as checking it. */
export type RowGroup = (Row | UnreadableRow)[];

export const ROWS_PER_GROUP = 256;
