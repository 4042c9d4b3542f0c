import { expect, it } from 'vitest';
import {
  exportOf,
  hasSecret,
  nameInUrl,
  readSheetLink,
  shownFile,
} from '../../src/shared/addresses.js';

const docs = 'https://docs.google.com/spreadsheets';

it.each([
  [`${docs}/d/1AbC-d_E/edit#gid=77`, `${docs}/d/1AbC-d_E/export?format=csv&gid=77`],
  [`${docs}/d/1AbC-d_E/edit?gid=5#gid=5`, `${docs}/d/1AbC-d_E/export?format=csv&gid=5`],
  [`${docs}/d/1AbC-d_E/edit?usp=sharing`, `${docs}/d/1AbC-d_E/export?format=csv`],
  [`${docs}/u/1/d/1AbC-d_E/`, `${docs}/d/1AbC-d_E/export?format=csv`],
  [
    `${docs}/d/1AbC-d_E/view?resourcekey=0-k`,
    `${docs}/d/1AbC-d_E/export?format=csv&resourcekey=0-k`,
  ],
  [`${docs}/d/e/2PACX-1v/pubhtml?gid=3`, `${docs}/d/e/2PACX-1v/pub?output=csv&gid=3&single=true`],
])('asks for the table behind %s', (link, url) => {
  const read = readSheetLink(link);
  expect(read && exportOf(read, null)).toEqual({ url, format: 'csv' });
});

it('asks for the whole workbook where a sheet is named', () => {
  const link = readSheetLink(`${docs}/d/1AbC/edit#gid=7`);
  expect(link && exportOf(link, 'Spring')).toEqual({
    url: `${docs}/d/1AbC/export?format=xlsx`,
    format: 'xlsx',
  });
});

it.each([
  `${docs}/d/1AbC/export?format=csv&gid=0`,
  'https://docs.google.com/document/d/1AbC/edit',
  'https://shop.test/d/1AbC/edit',
  'products.csv',
])('leaves %s as it is', (file) => {
  expect(readSheetLink(file)).toBeNull();
});

it.each([
  ['https://shop.test/feed.csv?key=s', 'https://shop.test/feed.csv', true],
  ['https://user:pass@shop.test/feed.csv', 'https://shop.test/feed.csv', true],
  ['https://shop.test/feed.csv', 'https://shop.test/feed.csv', false],
  [`${docs}/d/1AbC/edit?usp=sharing#gid=7`, `${docs}/d/1AbC/edit#gid=7`, false],
  [`${docs}/d/1AbC/edit?resourcekey=k`, `${docs}/d/1AbC/edit`, true],
  ['out/feed?.csv', 'out/feed?.csv', false],
])('shows %s without what may be a secret (S8)', (file, shown, secret) => {
  expect([shownFile(file), hasSecret(file)]).toEqual([shown, secret]);
});

it.each([
  ['https://shop.test/feeds/Fr%C3%BChling%202026.csv?x=1', 'Frühling_2026.csv'],
  ['https://shop.test/', 'input'],
  ['https://shop.test/..%2f..%2fetc%2fpasswd', '_.._etc_passwd'],
  [`https://shop.test/${'x'.repeat(300)}.csv`, `${'x'.repeat(56)}.csv`],
  [`${docs}/d/1AbCdEfGhIjKlMnOp/edit#gid=7`, 'google-sheet-1AbCdEfGhIjK-7'],
])('names what is at %s', (url, name) => {
  expect(nameInUrl(url)).toBe(name);
});
