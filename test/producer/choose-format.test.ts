import { expect, it } from 'vitest';
import { delimiterFault, delimiterOf, formatOf } from '../../src/producer/choose-format.js';

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

it.each([
  ['a,b\n1,2', ','],
  ['a;b\n1,5;2', ';'],
  ['a\tb\n1,5\t2', '\t'],
  ['a;b,c\n', ','],
  ['"a,b";"c\n,d"\n', ';'],
  ['"say ""x"", y"\tb\n', '\t'],
  ['\r\n  \na;b\n', ';'],
  ['one\n', ','],
])('%j is separated by %j', (head, delimiter) => {
  expect(delimiterOf(head, { format: 'csv', asked: null })).toBe(delimiter);
});

it('does as it is told', () => {
  const asked = (delimiter: string) => delimiterOf('a,b', { format: 'csv', asked: delimiter });
  expect([asked('tab'), asked('\\t'), asked('\t'), asked('|'), asked('::')]).toEqual([
    '\t',
    '\t',
    '\t',
    '|',
    '::',
  ]);
  expect(delimiterOf('a,b;c', { format: 'tsv', asked: null })).toBe('\t');
  expect(delimiterOf('a,b', { format: 'tsv', asked: ';' })).toBe(';');
});

it.each([[''], ['"'], ['\n'], ['a"']])('%j is no delimiter', (delimiter) => {
  expect(delimiterFault(delimiter)).not.toBeNull();
});

it.each([[null], [';'], ['tab'], ['||']])('%j is one', (delimiter) => {
  expect(delimiterFault(delimiter)).toBeNull();
});
