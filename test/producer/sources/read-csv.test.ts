import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { badInputOf, compileFiles, faultsOf } from '../compile-files.js';

const ready = { model: 'z-image', prompt: 'a lamp' };

async function inputsOf(content: string, options = {}) {
  const { briefs } = await compileFiles({ 'x.csv': content }, { ...ready, id: 'sku', ...options });
  return briefs.map(({ origin }) => origin.input);
}

it('reads a byte order mark, CRLF, quotes, and quoted delimiters and line ends', async () => {
  const content = '\ufeff"sku",title\r\n00123,"a ""b"", c\r\nd"\r\n-5,=1+1\r\n';
  expect(await inputsOf(content)).toEqual([
    { sku: '00123', title: 'a "b", c\r\nd' },
    { sku: '-5', title: '=1+1' },
  ]);
});

it.each([['\n'], ['\r\n'], ['\r']])('reads lines that end with %j', async (end) => {
  expect(await inputsOf(['sku,t', '1,x', '2,y'].join(end))).toHaveLength(2);
});

it('reads a file that mixes line ends', async () => {
  expect(await inputsOf('sku,t\r\n1,x\n2,y\r\n')).toEqual([
    { sku: '1', t: 'x' },
    { sku: '2', t: 'y' },
  ]);
});

it('gives back any table, whatever the delimiter', async () => {
  const cell = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
  const tables = fc.tuple(
    fc.constantFrom(',', ';', '\t', '|'),
    fc.constantFrom('\n' as const, '\r\n' as const),
    fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 8 }),
  );
  await fc.assert(
    fc.asyncProperty(tables, async ([delimiter, end, rows]) => {
      const records = rows.map((cells, position) => [`id ${position}`, ...cells]);
      const content = stringify([['sku', 'a', 'b', 'c'], ...records], {
        delimiter,
        record_delimiter: end,
        quoted: true,
      });
      const expected = records.map(([sku, a, b, c]) => ({ sku, a, b, c }));
      expect(await inputsOf(content, { delimiter })).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

it('keeps quotes and backslashes of TSV as text', async () => {
  const content = 'id\ttitle\n1\t12" lamp\n2\t"quoted" \\t\n';
  const { briefs } = await compileFiles({ 'x.tsv': content }, { ...ready, id: 'id' });
  expect(briefs.map(({ origin }) => origin.input.title)).toEqual(['12" lamp', '"quoted" \\t']);
});

it('numbers rows as a spreadsheet does: blank rows count, line ends in cells do not', async () => {
  const content = 'id,t\n1,"a\nb\nc"\n\n,\n \n2,x\n';
  const { briefs, counts } = await compileFiles({ 'x.csv': content }, { ...ready, id: 'id' });
  expect(briefs.map(({ origin }) => origin.row)).toEqual([2, 6]);
  expect(counts.rows).toBe(2);
});

it('takes cells that are missing at the end for empty ones, and says so', async () => {
  const content = 'id,t,u\n1,a,b\n2,a\n3,a,b,c\n4,a,\n5,a,b, ,\n6\n';
  const compiled = await compileFiles(
    { 'x.csv': content },
    { ...ready, id: 'id', prompt: '{{t}}' },
  );
  expect(compiled.briefs.map(({ origin }) => origin.input)).toEqual([
    { t: 'a', u: 'b' },
    { t: 'a', u: '' },
    { t: 'a', u: '' },
    { t: 'a', u: 'b' },
  ]);
  expect(compiled.warnings).toMatchObject([
    { rule: 'missing_cells', count: 1, firstRows: [{ row: 3 }] },
  ]);
  expect(faultsOf(compiled)).toEqual(['4 - wrong_cell_count', '7 t empty_value']);
  expect(compiled.rejections.map(({ reason }) => reason)).toEqual([
    'the row has 4 cells, and the header has only 3; text with the separator in it needs quotes, and another separator is named with --delimiter',
    '"t" is empty, and a template needs it; the row has 2 cells fewer than the header',
  ]);
});

it.each([
  ['id,t\n1,x\n2,"open\n3,y\n', /line 3 \(row 3\): a quote is opened and never closed\.$/],
  ['id,t\n1,"a\nb"\n2,"open\n3,y\n', /line 4 \(row 3\): a quote is opened/],
  ['id,t\n1,12" lamp\n', /line 2 \(row 2\): a quote stands inside a cell/],
  ['id,t\n1,"a"b\n', /line 2 \(row 2\): something follows a closing quote/],
  [
    'id,t,id,t\n1,x,2,y\n',
    /--id needs a column "id", and there is none: the header has that name 2 times, and they are called "id \(1\)" to "id \(2\)"\.$/m,
  ],
  ['id,model, model \n1,x,y\n', /the header names "model" 2 times\.$/],
  ['id,params.seed,params.seed\n1,x,y\n', /the header names "params.seed" 2 times\.$/],
])('refuses the table %j', async (content, message) => {
  expect(await badInputOf(compileFiles({ 'x.csv': content }, { ...ready, id: 'id' }))).toMatch(
    message,
  );
});

it('names the line of an open quote far into a large file', async () => {
  const rows = Array.from(
    { length: 20_000 },
    (_, position) => `${position},"é\n${'x'.repeat(40)}"`,
  );
  const content = `\ufeffid,t\n${rows.join('\n')}\n20000,ok\n20001,"open\nx,y\n`;
  expect(await badInputOf(compileFiles({ 'x.csv': content }, ready))).toMatch(
    /line 40003 \(row 20003\): a quote is opened/,
  );
});

it('gives up on a quote that swallows more than any row can be', async () => {
  const content = `id,t\n1,"${'x\n'.repeat(9_000_000)}`;
  expect(await badInputOf(compileFiles({ 'x.csv': content }, ready))).toMatch(
    /line 2 \(row 2\): the row is larger than 16 MB/,
  );
});

it('passes over columns without a name, and tells columns of one name apart by a number', async () => {
  const content = 'sku,,t,t,t (1), t\u200b\n1,here,a,b,c,d\n';
  expect(await inputsOf(content)).toEqual([
    { sku: '1', 't (2)': 'a', 't (3)': 'b', 't (1)': 'c', 't (4)': 'd' },
  ]);
});

it('begins with the header row that is named, and numbers rows as the file does', async () => {
  const content = 'Report "of", today,\n\nsku,t\n1,x\n';
  const { briefs } = await compileFiles(
    { 'x.tsv': content.replaceAll(',', '\t') },
    { ...ready, id: 'sku', headerRow: 3 },
  );
  expect(briefs.map(({ origin }) => [origin.row, origin.input])).toEqual([
    [4, { sku: '1', t: 'x' }],
  ]);
  const empty = compileFiles({ 'x.csv': content }, { ...ready, headerRow: 2, format: 'tsv' });
  expect(await badInputOf(empty)).toMatch(/row 2 is empty, and --header-row names it\.$/);
});

it('reads a line sep=; as spreadsheets do, and counts no row for it', async () => {
  const { briefs } = await compileFiles({ 'x.csv': '\ufeffsep=;\r\nid;t\r\n1;x, y\r\n' }, ready);
  expect(briefs.map(({ id, origin }) => [id, origin.row, origin.input])).toEqual([
    ['1', 2, { t: 'x, y' }],
  ]);
});

it('tolerates a column without a name that stays empty, and spaces around names', async () => {
  expect(await inputsOf(' sku , t,\n1,x,\n')).toEqual([{ sku: '1', t: 'x' }]);
});
