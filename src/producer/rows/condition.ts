import { BatchError } from '../../shared/errors.js';
import { textOf } from '../template/template.js';
import { isBlank, trimCell } from './cell-text.js';
import type { Row } from './row.js';
import { nearNames, orList } from './suggest-name.js';

/** One `--where`: a column alone (it is not empty), `!column`, or a column compared with a value. */
export interface Condition {
  /** As written, for sentences. */
  text: string;
  column: string;
  /** What the cell is compared with; null where it is only looked whether there is something in it. */
  wanted: string | null;
  test: (cell: string) => boolean;
}

type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'contains';

/** The first operator splits: what stands before it is the column, spaces and parentheses included. */
const COMPARISON = /^(?<column>.+?)(?<operator><=|>=|!=|==|=|<|>|\scontains\s)\s*(?<value>.*)$/s;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/;

/** @throws BatchError `bad_input` where the text is no condition */
export function parseCondition(text: string, option: string): Condition {
  const { column, operator, value } = COMPARISON.exec(text)?.groups ?? {};
  if (column !== undefined && operator !== undefined) {
    const wanted = unquote(value?.trim() ?? '');
    return { text, column: column.trim(), wanted, test: comparison(operatorOf(operator), wanted) };
  }
  const negated = /^\s*!/.test(text);
  const name = text.replace(/^\s*!/, '').trim();
  if (name === '') {
    throw new BatchError(
      'bad_input',
      `${option}: "${text}" is no condition; write a column, such as 'Status = active', 'Price > 10' or '!Color'.`,
    );
  }
  return { text, column: name, wanted: null, test: (cell) => isBlank(cell) === negated };
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

  /** A column that the row lacks, and a list or an object, count as empty. */
  holds(row: Row): boolean {
    const { column, test } = this.condition;
    const cell = textOf(row.find(column)) ?? '';
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
    const hint = near.length === 0 ? '' : `; did you mean ${orList(near)}?`;
    return `${this.option} "${text}" holds for no row: "${column}" is ${listed}${hint}`;
  }

  #note(cell: string): void {
    const value = trimCell(cell).slice(0, LONGEST_VALUE);
    const count = this.#values.get(value) ?? 0;
    if (count > 0 || this.#values.size < MOST_VALUES_KEPT) this.#values.set(value, count + 1);
  }
}

function shownValue(value: string): string {
  return value === '' ? 'empty' : `"${value}${value.length === LONGEST_VALUE ? '...' : ''}"`;
}

function operatorOf(text: string): Operator {
  const operator = text.trim();
  return (operator === '==' ? '=' : operator) as Operator;
}

function unquote(text: string): string {
  return /^(["']).*\1$/s.test(text) && text.length > 1 ? text.slice(1, -1) : text;
}

function comparison(operator: Operator, wanted: string): (cell: string) => boolean {
  switch (operator) {
    case '=':
      return (cell) => isEqual(cell, wanted);
    case '!=':
      return (cell) => !isEqual(cell, wanted);
    case 'contains':
      return (cell) => fold(cell).includes(fold(wanted));
    default:
      return ordering(operator, wanted);
  }
}

/** Only numbers have an order here: a cell that is none is neither below nor above. */
function ordering(operator: '<' | '<=' | '>' | '>=', wanted: string): (cell: string) => boolean {
  const bound = numberOf(wanted);
  if (bound === null) {
    throw new BatchError('bad_input', `"${wanted}" is no number: ${operator} compares numbers.`);
  }
  return (cell) => {
    const number = numberOf(cell);
    if (number === null) return false;
    if (number === bound) return operator === '<=' || operator === '>=';
    return number < bound === operator.startsWith('<');
  };
}

/** `5` is `5.0`, and `Active` is `active`. */
function isEqual(cell: string, wanted: string): boolean {
  const left = numberOf(cell);
  const right = numberOf(wanted);
  return left !== null && right !== null ? left === right : fold(cell) === fold(wanted);
}

function numberOf(text: string): number | null {
  const trimmed = trimCell(text);
  return NUMBER.test(trimmed) ? Number(trimmed) : null;
}

function fold(text: string): string {
  return trimCell(text.normalize('NFC')).toLowerCase();
}
