import { BatchError } from '../../shared/errors.js';
import type { JsonValue } from '../../shared/json.js';
import { trimCell } from './cell-text.js';
import { comparisonFault, comparisons, isGiven, type Operator } from './compare.js';
import type { Row } from './row.js';
import { didYouMean, nearNames } from './suggest-name.js';

/** One `--where` or `when`: a column alone (it is not empty), `!column`, or a column compared with a value. */
export interface Condition {
  /** As written, for sentences. */
  text: string;
  column: string;
  /** What the cell is compared with; null where it is only looked whether there is something in it. */
  wanted: string | null;
  test: (cell: JsonValue) => boolean;
}

/** The first operator splits: what stands before it is the column, spaces and parentheses included. */
const COMPARISON = /^(?<column>.+?)(?<operator><=|>=|!=|==|=|<|>|\scontains\s)\s*(?<value>.*)$/s;

/** @throws BatchError `bad_input` where the text is no condition */
export function parseCondition(text: string, option: string): Condition {
  const { column, operator, value } = COMPARISON.exec(text)?.groups ?? {};
  if (column !== undefined && operator !== undefined) {
    const known = operatorOf(operator);
    const wanted = unquote(value?.trim() ?? '');
    const fault = comparisonFault(known, wanted);
    if (fault !== null) throw new BatchError('bad_input', `${option}: ${fault}.`);
    return {
      text,
      column: column.trim(),
      wanted,
      test: (cell) => comparisons[known](cell, wanted),
    };
  }
  const negated = /^\s*!/.test(text);
  const name = text.replace(/^\s*!/, '').trim();
  if (name === '') {
    throw new BatchError(
      'bad_input',
      `${option}: "${text}" is not a condition; write a column, such as 'Status = active', 'Price > 10' or '!Color'.`,
    );
  }
  return { text, column: name, wanted: null, test: (cell) => isGiven(cell) !== negated };
}

const MOST_VALUES_KEPT = 500;
const MOST_VALUES_LISTED = 6;
const LONGEST_VALUE = 40;

/**
 * A condition, and what it met: one that never holds leaves everything out, mostly by a slip, and then the values that
 * there are say what to write.
 */
export class WatchedCondition {
  #met = false;
  readonly #values = new Map<string, number>();

  constructor(
    readonly condition: Condition,
    private readonly option: string,
  ) {}

  /** A column that the row lacks counts as empty. */
  holds(row: Row): boolean {
    const { column, test } = this.condition;
    const cell = row.find(column) ?? null;
    const isHeld = test(cell);
    if (isHeld && !this.#met) {
      this.#met = true;
      this.#values.clear();
    } else if (!this.#met) this.#note(cell);
    return isHeld;
  }

  /** A sentence where it held for no row at all; null where it did for one, and where there was none. */
  unmet(): string | null {
    if (this.#met || this.#values.size === 0) return null;
    const { text, column, wanted } = this.condition;
    const values = [...this.#values].sort(([, left], [, right]) => right - left);
    const shown = values.slice(0, MOST_VALUES_LISTED).map(([value]) => shownValue(value));
    const more = values.length - shown.length;
    const listed = `${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
    const near = wanted === null ? [] : nearNames(wanted, [...this.#values.keys()]);
    const hint = near.length === 0 ? '' : `; ${didYouMean(near)}`;
    return `${this.option} "${text}" holds for no row: "${column}" is ${listed}${hint}`;
  }

  #note(cell: JsonValue): void {
    const text = typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : `${cell ?? ''}`;
    const value = trimCell(text).slice(0, LONGEST_VALUE);
    const count = this.#values.get(value) ?? 0;
    if (count > 0 || this.#values.size < MOST_VALUES_KEPT) this.#values.set(value, count + 1);
  }
}

function shownValue(value: string): string {
  return value === '' ? 'empty' : `"${value}${value.length === LONGEST_VALUE ? '...' : ''}"`;
}

function operatorOf(text: string): Operator {
  const operator = text.trim();
  return (operator === '=' ? '==' : operator) as Operator;
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) && text.length > 1 ? text.slice(1, -1) : text;
}
