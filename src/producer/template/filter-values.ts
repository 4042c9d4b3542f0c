import type { JsonValue } from '../../shared/json.js';
import { decimal } from './read-literal.js';

/** Why a filter cannot take a value: a fault of the row. */
export class Refusal {
  constructor(
    readonly kind: 'wrong_type' | 'not_a_number' | 'body_too_large',
    readonly reason: string,
  ) {}
}

/** Characters: several times what a request can hold, and little enough for any row of a large file. */
export const longestText = 1_000_000;

export const tooLong = new Refusal(
  'body_too_large',
  `the text is longer than ${longestText} characters, which no request can hold`,
);

export function listRefusal(value: object): Refusal {
  const what = Array.isArray(value) ? 'a list' : 'an object';
  return new Refusal('wrong_type', `${what} cannot be put into text`);
}

/** The text of a value; empty for none. */
export function asText(value: JsonValue): string | Refusal {
  if (typeof value === 'string') return value.length > longestText ? tooLong : value;
  if (value === null) return '';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'object') return listRefusal(value);
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return String(value);
  return new Refusal(
    'wrong_type',
    'the number is too large to be kept exactly: write it in quotes',
  );
}

/** Text is a list of one, and nothing is an empty list. */
export function asList(value: JsonValue): JsonValue[] | Refusal {
  if (Array.isArray(value)) return value;
  if (value === null || value === '') return [];
  return typeof value === 'object' ? listRefusal(value) : [value];
}

export function asNumber(value: JsonValue): number | Refusal {
  if (typeof value === 'number') return value;
  const text = asText(value);
  if (text instanceof Refusal) return text;
  const trimmed = text.trim();
  if (decimal.test(trimmed)) return Number(trimmed);
  const shown = trimmed.length > 40 ? `${trimmed.slice(0, 40)}...` : trimmed;
  return new Refusal('not_a_number', `"${shown}" is not a number`);
}
