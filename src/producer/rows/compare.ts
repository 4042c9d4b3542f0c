import type { JsonValue } from '../../shared/json.js';
import { isBlank, trimCell } from './cell-text.js';

/*
 * How values compare, for `--where`, an output's `when` and `{% if %}` alike: a cell is text whatever it shows, and a
 * person who compares two cells means what they see. So case, spaces at the ends and what nobody sees tell nothing; `5`
 * is `5.00`; `TRUE` is true. Empty is equal to empty, and to nothing else.
 */

/** Without exponents: `12E3` is somebody's article number. With a comma, or as `0x10`, it is a slip and no number. */
const decimalText = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/;
const dateText = /^\d{4}-\d\d(?:-\d\d(?:[t ].*)?)?$/s;

/** Empty is what a person sees as empty: nothing, only spaces, a list of nothing. */
export function isEmpty(value: JsonValue): boolean {
  if (typeof value === 'string') return isBlank(value);
  return value === null || (Array.isArray(value) && value.every(isEmpty));
}

/** Whether there is something: what a column alone asks. Of JSON's `false`, there is not. */
export function isGiven(value: JsonValue): boolean {
  return value !== false && !isEmpty(value);
}

export type Operator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'contains';

export const comparisons: Record<Operator, (left: JsonValue, right: JsonValue) => boolean> = {
  '==': isEqual,
  '!=': (left, right) => !isEqual(left, right),
  '<': (left, right) => orderOf(left, right) < 0,
  '<=': (left, right) => orderOf(left, right) <= 0,
  '>': (left, right) => orderOf(left, right) > 0,
  '>=': (left, right) => orderOf(left, right) >= 0,
  contains,
};

/**
 * Why a value that somebody wrote down cannot stand on one side of a comparison; null where it can. Numbers have an
 * order, and dates as `2026-05-01`: to look for others above or below a text is mostly a slip.
 */
export function comparisonFault(operator: string, value: JsonValue): string | null {
  if (!/^[<>]=?$/.test(operator) || numberOf(value) !== null || dateOf(value) !== null) return null;
  return `"${value ?? ''}" is neither a number nor a date such as 2026-05-01, and ${operator} compares only those`;
}

/** Lists and objects are equal to nothing; those that hold nothing are empty. */
function isEqual(left: JsonValue, right: JsonValue): boolean {
  if (isEmpty(left) || isEmpty(right)) return isEmpty(left) && isEmpty(right);
  const [leftNumber, rightNumber] = [numberOf(left), numberOf(right)];
  if (leftNumber !== null && rightNumber !== null) return leftNumber === rightNumber;
  const text = foldedText(left);
  return text !== null && text === foldedText(right);
}

/** Below 0, 0 or above 0; not a number where the two have no order, so that no comparison of them holds. */
function orderOf(left: JsonValue, right: JsonValue): number {
  const [leftNumber, rightNumber] = [numberOf(left), numberOf(right)];
  if (leftNumber !== null && rightNumber !== null) return leftNumber - rightNumber;
  const [leftDate, rightDate] = [dateOf(left), dateOf(right)];
  if (leftDate === null || rightDate === null) return Number.NaN;
  if (leftDate === rightDate) return 0;
  return leftDate < rightDate ? -1 : 1;
}

/** Whether a text has a part, or a list an item; nothing is in nothing. */
function contains(whole: JsonValue, part: JsonValue): boolean {
  if (isEmpty(whole) || isEmpty(part)) return false;
  if (Array.isArray(whole)) return whole.some((item) => isEqual(item, part));
  const text = foldedText(part);
  return text !== null && (foldedText(whole)?.includes(text) ?? false);
}

/** Whole numbers that are too large to be kept exactly are texts, so that two of them are not taken for one. */
function numberOf(value: JsonValue): number | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  const text = typeof value === 'string' ? trimCell(value) : value;
  if (typeof text === 'string' && !decimalText.test(text)) return null;
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? null : number;
}

function dateOf(value: JsonValue): string | null {
  const text = foldedText(value);
  return text !== null && dateText.test(text) ? text.replace('t', ' ') : null;
}

/** Null for what is no text. */
function foldedText(value: JsonValue): string | null {
  if (typeof value === 'object') return null;
  return trimCell(String(value).normalize('NFC')).toLowerCase();
}
