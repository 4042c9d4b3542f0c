import { expect, it } from 'vitest';
import { nearNames, suggestName } from '../../../src/producer/rows/suggest-name.js';

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

it('matches parts of names, the shortest first, and says so of several', () => {
  const names = ['Title', 'Variant SKU', 'Image Src', 'Variant Image Src', 'seoTitle'];
  expect(suggestName('SKU', names)).toBe('did you mean "Variant SKU"?');
  expect(suggestName('image', names)).toBe('did you mean "Image Src" or "Variant Image Src"?');
  expect(suggestName('Product Title', names)).toBe('did you mean "Title"?');
  expect(nearNames('flux', ['flux-2-pro', 'flux-2-max', 'z-image'])).toEqual([
    'flux-2-pro',
    'flux-2-max',
  ]);
});

it.each([
  ['tilte', ['title'], ['title']],
  ['Name', ['Sale', 'Size', 'Same price'], []],
  ['id', ['a1', 'it', 'kid'], []],
  ['__', ['a', ''], []],
  ['\u200bsku ', ['SKU\u00a0'], ['SKU\u00a0']],
])('of a slip, but not of another word: %j among %j', (wanted, names, near) => {
  expect(nearNames(wanted, names)).toEqual(near);
});
