import { hash } from 'node:crypto';
import { isBlank, trimCell } from './cell-text.js';
import { type Condition, WatchedCondition } from './condition.js';
import { FillDown, type FillDownOptions } from './filled-row.js';
import { IdIndex } from './id-index.js';
import type { RowFault } from './rejection.js';
import type { Row } from './row.js';
import { textOf } from './template.js';

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
  readonly #seen = new IdIndex();

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
    return this.#isFirst(trimCell(key)) ? { kind: 'taken', row } : leftOut;
  }

  /** The index of ids does just this in a few bytes a value. */
  #isFirst(value: string): boolean {
    const fingerprint = hash('sha256', value, 'hex').slice(0, 32);
    return this.#seen.claim({ id: value, fingerprint, source: 0, row: 0 }).kind === 'new';
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
