import { expect, it } from 'vitest';
import { delimiterFault, formatOf } from '../../../src/producer/sources/source.js';

it.each([
  ['a/b.csv', 'csv'],
  ['B.TSV', 'tsv'],
  ['x.tab', 'tsv'],
  ['x.json', 'json'],
  ['x.jsonl', 'jsonl'],
  ['x.y.ndjson', 'jsonl'],
  ['x.txt', null],
  ['csv', null],
])('%s is %s', (path, format) => {
  expect(formatOf(path)).toBe(format);
});

it.each([[''], ['"'], ['\n'], ['a"']])('%j is no delimiter', (delimiter) => {
  expect(delimiterFault(delimiter)).not.toBeNull();
});

it.each([[null], [';'], ['tab'], ['||']])('%j is one', (delimiter) => {
  expect(delimiterFault(delimiter)).toBeNull();
});
