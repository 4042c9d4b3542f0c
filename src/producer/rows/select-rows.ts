import type { JsonValue } from '../../shared/json.js';
import { TextIndex } from '../../shared/text-index.js';
import type { RowFault } from '../rejection.js';
import { textOf } from '../template/template.js';
import { isBlank, trimCell } from './cell-text.js';
import { type Condition, WatchedCondition } from './condition.js';
import { ColumnNames, type Row } from './row.js';

export interface SelectionOptions {
  fillDown: FillDownOptions;
  /** All of them must hold. */
  where: readonly Condition[];
  /** Only the first row of each value of this column; null: every row. */
  unique: string | null;
}

export type Selected =
  | { kind: 'taken'; row: Row }
  | { kind: 'left_out' }
  | { kind: 'refused'; fault: RowFault };

/** Which rows of the input become briefs: values handed down first, then `--where`, then `--unique`. */
export class RowSelection {
  readonly #fillDown: FillDown;
  readonly #where: readonly WatchedCondition[];
  readonly #seen = new TextIndex(0);

  constructor(private readonly options: SelectionOptions) {
    this.#fillDown = new FillDown(options.fillDown);
    this.#where = options.where.map((condition) => new WatchedCondition(condition, '--where'));
  }

  /** A sentence for each condition that held for no row. */
  unmet(): string[] {
    return this.#where.flatMap((condition) => condition.unmet() ?? []);
  }

  beginSource(): void {
    this.#fillDown.beginSource();
  }

  select(read: Row): Selected {
    const row = this.#fillDown.fill(read);
    if (!this.#where.every((condition) => condition.holds(row))) return leftOut;
    const { unique } = this.options;
    if (unique === null) return { kind: 'taken', row };
    const key = textOf(row.find(unique)) ?? '';
    if (isBlank(key)) {
      const reason = `"${unique}" is empty, and --unique needs it`;
      return { kind: 'refused', fault: { kind: 'empty_value', column: unique, reason } };
    }
    return this.#seen.claim(trimCell(key)).kind === 'new' ? { kind: 'taken', row } : leftOut;
  }
}

const leftOut = { kind: 'left_out' } as const;

/** `count` positions spread evenly over `total`, without chance: the same input gives the same sample. */
export class Sample {
  #position = -1;
  #picked = 0;

  constructor(
    private readonly total: number,
    private readonly count: number,
  ) {}

  /** Whether the next one is in the sample. */
  takesNext(): boolean {
    this.#position += 1;
    if (this.count >= this.total) return true;
    const next = Math.floor(((this.#picked + 0.5) * this.total) / this.count);
    if (this.#picked >= this.count || this.#position !== next) return false;
    this.#picked += 1;
    return true;
  }
}

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
