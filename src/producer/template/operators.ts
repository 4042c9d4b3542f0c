import { defaultOperators, type Operators } from 'liquidjs';
import type { JsonValue } from '../../shared/json.js';
import { asText, Refusal } from './filter-values.js';
import { decimal } from './read-literal.js';

/**
 * Comparisons over cells, which are text whatever they show: `Price > 50` compares numbers, and `Published == true` is
 * true of `TRUE`. Empty is equal to empty, and to nothing else.
 */
export const cellOperators: Operators = {
  ...defaultOperators,
  '==': isEqual,
  '!=': (left: JsonValue, right: JsonValue) => !isEqual(left, right),
  '>': (left: JsonValue, right: JsonValue) => orderOf(left, right) > 0,
  '<': (left: JsonValue, right: JsonValue) => orderOf(left, right) < 0,
  '>=': (left: JsonValue, right: JsonValue) => orderOf(left, right) >= 0,
  '<=': (left: JsonValue, right: JsonValue) => orderOf(left, right) <= 0,
  contains,
};

function isEqual(left: JsonValue, right: JsonValue): boolean {
  if (typeof left === 'boolean' || typeof right === 'boolean') {
    return String(left).toLowerCase() === String(right).toLowerCase();
  }
  if (typeof left === 'number' || typeof right === 'number') return orderOf(left, right) === 0;
  return left === right;
}

/** Not a number where the two cannot be compared, so that every comparison is false. */
function orderOf(left: JsonValue, right: JsonValue): number {
  const numbers = [numberOf(left), numberOf(right)] as const;
  if (!numbers.some(Number.isNaN)) return Math.sign(numbers[0] - numbers[1]);
  if (typeof left !== 'string' || typeof right !== 'string') return Number.NaN;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function numberOf(value: JsonValue): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && decimal.test(value.trim()) ? Number(value) : Number.NaN;
}

function contains(left: JsonValue, right: JsonValue): boolean {
  if (Array.isArray(left)) return left.some((item) => isEqual(item, right));
  const text = asText(left);
  const wanted = asText(right);
  if (text instanceof Refusal || wanted instanceof Refusal || wanted === '') return false;
  return text.includes(wanted);
}
