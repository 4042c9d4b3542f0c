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
  ['Status = active', { Status: 'Active ' }, true],
  ['Status == "active"', { status: 'ACTIVE' }, true],
  ['Status=active', { Status: 'draft' }, false],
  ['Status != active', { Status: 'draft' }, true],
  ['Status != active', {}, true],
  ['Price = 5', { Price: '5.00' }, true],
  ['sku = 007', { sku: '7' }, true],
  ['Variant Price > 9.5', { 'Variant Price': '10' }, true],
  ['Variant Price >= 10', { 'Variant Price': 10 }, true],
  ['Variant Price <= 10', { 'Variant Price': '10.0' }, true],
  ['Variant Price < 10', { 'Variant Price': '10' }, false],
  ['Variant Price > 9', { 'Variant Price': 'on request' }, false],
  ['Variant Price < 9', { 'Variant Price': '' }, false],
  ['Tags contains lamp', { Tags: 'Desk, LAMPS' }, true],
  ['Tags contains lamp', { Tags: 'chair' }, false],
  ['Body (HTML)', { 'Body (HTML)': '<p>x' }, true],
  ['Body (HTML)', { 'Body (HTML)': ' ' }, false],
  ['!Color', { Color: '' }, true],
  ['! Color', { Color: 'red' }, false],
  ['product.type = lamp', { product: { type: 'Lamp' } }, true],
  ['Note = "a = b"', { Note: 'a = b' }, true],
  ['Options', { Options: ['a'] }, false],
])('%s of %j is %s', (text, item, expected) => {
  expect(judge(text, item as JsonObject)).toBe(expected);
});

it.each([
  ['', /is no condition/],
  [' ! ', /is no condition/],
  ['Price > cheap', /"cheap" is no number/],
])('%j is refused', (text, message) => {
  expect(() => parseCondition(text, '--where')).toThrow(BatchError);
  expect(() => parseCondition(text, '--where')).toThrow(message);
});
