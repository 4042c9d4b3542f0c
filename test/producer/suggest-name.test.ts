import { expect, it } from 'vitest';
import { suggestName } from '../../src/producer/suggest-name.js';

it.each([
  ['SKU', ['title', 'sku'], 'sku'],
  ['Titel (en)', ['Title (de)', 'Title (en)'], 'Title (en)'],
  ['colour_name', ['Colour Name', 'color'], 'Colour Name'],
  ['aspekt', ['price', 'aspect'], 'aspect'],
])('%s among %j', (wanted, names, nearest) => {
  expect(suggestName(wanted, names)).toBe(`did you mean "${nearest}"?`);
});

it('lists the columns where none is near, but not hundreds', () => {
  expect(suggestName('brand', ['a', 'zzzzzzzz'])).toBe('the columns are "a", "zzzzzzzz".');
  const names = Array.from({ length: 300 }, (_, position) => `column number ${position}`);
  expect(suggestName('brand', names)).toMatch(/"column number 7", and 292 more\.$/);
});
