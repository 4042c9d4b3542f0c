import { describe, expect, test } from 'vitest';
import { type Column, fitTable } from '../../../src/cli/text/table.js';
import { wrapProse } from '../../../src/cli/text/terminal.js';

interface Row {
  name: string;
  words: string;
  count: number;
  rare: number;
}

const columns: Column<Row>[] = [
  { head: 'name', text: ({ name }) => name, narrow: { least: 12, by: 'middle' } },
  {
    head: 'words',
    text: ({ words }) => words,
    narrow: { least: 10, by: 'next line' },
    leaveOut: 1,
  },
  { head: 'count', text: ({ count }) => String(count), align: 'right' },
  { head: 'rare', text: ({ rare }) => String(rare), quiet: '0', leaveOut: 2 },
];
const rows: Row[] = [
  { name: 'a', words: 'some words that go on', count: 12, rare: 0 },
  { name: 'nightly-catalog-of-spring@2026-11-30', words: '-', count: 3, rare: 0 },
];
const linesAt = (width: number, of = rows) => fitTable(of, columns, width).text.split('\n');

describe('a table on a screen', () => {
  test('a file or a pipe gets all of it', () => {
    const { text, leftOut, cut } = fitTable(rows, columns, Number.POSITIVE_INFINITY);
    expect(text).toContain('nightly-catalog-of-spring@2026-11-30  -');
    expect(text).toMatch(/count +rare/);
    expect({ leftOut, cut }).toEqual({ leftOut: [], cut: 0 });
  });

  test('at no width does a line pass it, or a word of prose break', () => {
    for (let width = 26; width < 90; width += 3) {
      const lines = linesAt(width);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      const { leftOut } = fitTable(rows, columns, width);
      if (leftOut.includes('words')) continue;
      const text = lines.join(' ');
      for (const word of 'some words that go on'.split(' ')) expect(text).toContain(word);
    }
  });

  test('first a column goes that says nothing, then columns are narrowed, then left out', () => {
    expect(fitTable(rows, columns, 66)).toMatchObject({ leftOut: [], cut: 0 });
    expect(linesAt(66)[0]).not.toContain('rare');
    expect(fitTable(rows, columns, 40)).toMatchObject({ leftOut: [], cut: 1 });
    expect(fitTable(rows, columns, 30)).toMatchObject({ leftOut: ['words'] });
    const loud = rows.map((row) => ({ ...row, rare: 1 }));
    expect(fitTable(loud, columns, 36)).toMatchObject({ leftOut: ['rare'] });
  });

  test('of a name, both ends are kept', () => {
    expect(linesAt(40).join('\n')).toMatch(/nightly\S*…\S*11-30/);
  });

  test('foreign text brings neither colours nor lines of its own', () => {
    const hostile = [{ name: 'a\u001b[2J\nb', words: 'x\r\ny', count: 1, rare: 0 }];
    expect(linesAt(80, hostile)).toHaveLength(2);
    expect(linesAt(80, hostile)[1]).toMatch(/^a b +x y +1/);
  });
});

describe('sentences on a screen', () => {
  test('a line breaks between words; a command stands as it is', () => {
    const command = `  npx rivya-batch run ${'a'.repeat(40)} --out out`;
    expect(wrapProse(`one two three four five six\n${command}`, 20).split('\n')).toEqual([
      'one two three four',
      'five six',
      command,
    ]);
  });
});
