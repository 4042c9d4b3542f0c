import { expect, it } from 'vitest';
import { parseCondition, WatchedCondition } from '../../../src/producer/rows/condition.js';
import { readJsonRow } from '../../../src/producer/sources/read-json.js';
import { BatchError } from '../../../src/shared/errors.js';
import type { JsonObject } from '../../../src/shared/json.js';

function judge(text: string, item: JsonObject): boolean {
  const row = readJsonRow(item, 1);
  if (row.kind === 'unreadable') throw new Error('not a row');
  return new WatchedCondition(parseCondition(text, '--where'), '--where').holds(row);
}

it.each([
  ['Status=active', { Status: 'active' }, true],
  ['Status == "active"', { status: 'active' }, true],
  ['Status != active', { Status: 'draft' }, true],
  ['Variant Price > 9.5', { 'Variant Price': '10' }, true],
  ['Variant Price <= 10', { 'Variant Price': '11' }, false],
  ['Body (HTML)', { 'Body (HTML)': '<p>x' }, true],
  ['! Color', { Color: 'red' }, false],
  ['product.type = lamp', { product: { type: 'Lamp' } }, true],
  ['Note = "a = b"', { Note: 'a = b' }, true],
])('%s of %j is %s', (text, item, expected) => {
  expect(judge(text, item as JsonObject)).toBe(expected);
});

it.each([
  ['', /is not a condition/],
  [' ! ', /is not a condition/],
  ['Price > cheap', /--where: "cheap" is neither a number/],
])('%j is refused', (text, message) => {
  expect(() => parseCondition(text, '--where')).toThrow(BatchError);
  expect(() => parseCondition(text, '--where')).toThrow(message);
});
