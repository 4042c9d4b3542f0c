import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { InputOptions } from '../../../src/producer/compile-input.js';
import {
  letters,
  makeSheet,
  makeWorkbook,
  type TestCell,
  type TestSheet,
  type WorkbookManner,
} from '../../support/workbook.js';
import { badInputOf, compileFiles } from '../compile-files.js';

const options: Partial<InputOptions> = { id: 'sku', model: 'z-image', prompt: '{{title}}' };

function compileBook(book: Buffer, more: Partial<InputOptions> = {}) {
  return compileFiles({ 'book.xlsx': book }, { ...options, ...more });
}

const table: TestCell[][] = [
  ['sku', 'title', 'stock'],
  ['00123', 'a lamp', 4],
  ['00124', 'a chair', null],
];

const manners: WorkbookManner[] = [
  {},
  { texts: 'inline' },
  { positions: 'left_out' },
  { targets: 'absolute' },
  { namespaces: 'strict' },
  { prefix: 'x:' },
  { styles: 'left_out', texts: 'inline', positions: 'left_out' },
];

it.each(manners)('reads a workbook that is written with %j', async (manner) => {
  const { briefs, warnings } = await compileBook(makeSheet(table, manner));
  expect(briefs.map(({ id, origin }) => [id, origin.row, origin.source])).toEqual([
    ['00123', 2, 'book.xlsx'],
    ['00124', 3, 'book.xlsx'],
  ]);
  expect(briefs[0]?.origin.input).toEqual({ sku: '00123', title: 'a lamp', stock: '4' });
  expect(briefs[1]?.origin.input).toEqual({ sku: '00124', title: 'a chair', stock: '' });
  expect(warnings).toEqual([]);
});

it('counts rows as the spreadsheet does, blank ones in between too, and none at the end', async () => {
  const rows: TestCell[][] = [
    [],
    ['sku', 'title'],
    [],
    ['1', 'a lamp'],
    ['', '  '],
    [],
    ['2', 'a chair', null, null, 'a note beside the table'],
    [],
    ['', ''],
    [{ xml: '<c s="1"/>' }],
  ];
  const { briefs, counts, warnings } = await compileBook(makeSheet(rows));
  expect(briefs.map(({ origin }) => origin.row)).toEqual([4, 7]);
  expect(counts).toMatchObject({ rows: 2, rejected: 0 });
  expect(warnings).toEqual([]);
});

it('takes the header from the row that is named, and proposes it below titles', async () => {
  const rows = [['Spring catalogue'], [], ...table];
  const book = makeSheet(rows);
  expect(await badInputOf(compileBook(book))).toMatch(/--header-row 3/);
  const { briefs } = await compileBook(book, { headerRow: 3 });
  expect(briefs.map(({ origin }) => origin.row)).toEqual([4, 5]);
});

const books: TestSheet[] = [
  { name: 'Notes', rows: [['about']], state: 'hidden' },
  { name: 'Products', rows: table },
  {
    name: 'Old & new',
    rows: [
      ['sku', 'title'],
      ['9', 'a rug'],
    ],
  },
];

it('reads the first sheet that is shown, and says which others there are', async () => {
  const { briefs, warnings } = await compileBook(makeWorkbook(books));
  expect(briefs.map(({ id }) => id)).toEqual(['00123', '00124']);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]?.reason).toMatch(
    /the sheet "Products" is read, and not "Notes" \(hidden\), "Old & new"; --sheet NAME reads another/,
  );
});

it('reads the sheet that is named, also a hidden one, and lists them where there is none', async () => {
  const book = makeWorkbook(books);
  const named = await compileBook(book, { sheet: 'Old & new' });
  expect(named.briefs.map(({ id }) => id)).toEqual(['9']);
  expect(named.warnings).toEqual([]);
  expect((await compileBook(book, { sheet: ' products' })).counts.briefs).toBe(2);
  const hidden = await compileBook(book, { sheet: 'Notes' }).catch((error: Error) => error);
  expect(String(hidden)).toMatch(/no rows \(at most a header\)/);
  expect(await badInputOf(compileBook(book, { sheet: 'Spring' }))).toMatch(
    /book\.xlsx: has no sheet "Spring"; its sheets: "Notes" \(hidden\), "Products", "Old & new"\.$/,
  );
});

it('leaves out rows that are hidden and says so, but for a header that is named', async () => {
  const book = makeSheet(
    [...table, ['00125', 'a rug'], ['00126', 'a cup']],
    {},
    {
      hiddenRows: [1, 3, 5],
    },
  );
  const { briefs, warnings } = await compileBook(book, { headerRow: 1 });
  expect(briefs.map(({ id, origin }) => [id, origin.row])).toEqual([
    ['00123', 2],
    ['00125', 4],
  ]);
  expect(warnings).toMatchObject([{ rule: 'hidden_rows', count: 2 }]);
  expect(warnings[0]?.firstRows.map(({ row }) => row)).toEqual([3, 5]);
});

it('tells merged cells, whose value stands in the first', async () => {
  const book = makeSheet(
    [
      ['sku', 'title'],
      ['1', 'a lamp'],
      ['2', null],
    ],
    {},
    { after: '<mergeCells count="1"><mergeCell ref="B2:B3"/></mergeCells>' },
  );
  const plain = await compileBook(book);
  expect(plain.rejections).toMatchObject([{ row: 3, kind: 'empty_value' }]);
  expect(plain.warnings[0]?.reason).toMatch(/1 merged range \(B2:B3\).*--fill-down/);
  const filled = await compileBook(book, { fillDown: ['title'] });
  expect(filled.counts.briefs).toBe(2);
});

it('warns of ids that may have lost their zeros, of formulas without a value, and of lost digits', async () => {
  const book = makeSheet([
    ['sku', 'title', 'ean', 'stock'],
    [{ value: 123, format: '00000' }, 'a lamp', 4006381333931, 7],
    ['00124', 'a chair', { xml: '<c><v>12345678901234567890</v></c>' }, 12],
    [125, 'a rug', 1, 3],
    [99126, 'a cup', 2, { xml: '<c><f>SUM(D2:D4)</f><v></v></c>' }],
    [127, 'a tray', 3, { xml: '<c t="str"><f>""</f><v></v></c>' }],
  ]);
  const { briefs, warnings } = await compileBook(book);
  expect(briefs.map(({ id }) => id)).toEqual(['00123', '00124', '125', '99126', '127']);
  expect(warnings.map(({ rule }) => rule).sort()).toEqual([
    'lost_digits',
    'lost_zeros',
    'no_value',
  ]);
  const reasonOf = (rule: string) => warnings.find((warning) => warning.rule === rule)?.reason;
  expect(reasonOf('lost_zeros')).toMatch(
    /column A has 2 numbers, such as 125, that may have lost zeros in front \(rows 4, 6\).*5 digits/,
  );
  expect(reasonOf('no_value')).toMatch(/column D has 1 formula without a value \(row 5\)/);
  expect(reasonOf('lost_digits')).toMatch(/column C has 1 number of more than 15 digits \(row 3\)/);
});

it('says of each of several workbooks what is odd in it', async () => {
  const { warnings } = await compileFiles(
    { 'a.xlsx': makeWorkbook(books), 'b.xlsx': makeWorkbook(books.slice(1)) },
    options,
  );
  expect(warnings.map(({ rule }) => rule)).toEqual(['sheets', 'sheets']);
});

it('reads a workbook of another name by --format, and a template with macros', async () => {
  const book = makeSheet(table);
  for (const [name, more] of [
    ['book', { format: 'xlsx' as const }],
    ['book.XLSM', {}],
  ] as const) {
    expect((await compileFiles({ [name]: book }, { ...options, ...more })).counts.briefs).toBe(2);
  }
});

const cellText = fc
  .array(
    fc.constantFrom('a', 'é', '😀', '"', ',', ';', '\n', ' ', '0', '_x0041_', '<', '&', '=', '#'),
    {
      maxLength: 8,
    },
  )
  .map((parts) => parts.join(''));

it('makes of a workbook the same briefs as of the CSV of the same table', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 5 }).chain((width) =>
        fc.array(fc.array(cellText, { minLength: width, maxLength: width }), {
          minLength: 1,
          maxLength: 12,
        }),
      ),
      fc.constantFrom(...manners),
      async (texts, manner) => {
        const header = [
          'sku',
          'title',
          ...(texts[0] ?? []).slice(2).map((_cell, at) => `more ${letters(at)}`),
        ];
        const rows = [header, ...texts];
        const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
        const csv = rows.map((cells) => `${cells.map(quote).join(',')}\r\n`).join('');
        const escaped = rows.map((cells) => cells.map((cell) => cell.replaceAll('_x', '_x005F_x')));
        const read = async (files: Record<string, string | Buffer>) => {
          const compiled = await compileFiles(files, {
            ...options,
            prompt: 'Photo of {{title}}',
          }).catch((error: Error) => error.message.replace(/^.*?: /, ''));
          if (typeof compiled === 'string') return compiled;
          compared += compiled.briefs.length;
          const { briefs, counts, rejections } = compiled;
          return JSON.stringify({ briefs, counts, rejections }).replaceAll(/same\.(csv|xlsx)/g, '');
        };
        const book = await read({ 'same.xlsx': makeSheet(escaped, manner) });
        expect(book).toBe(await read({ 'same.csv': csv }));
      },
    ),
    { numRuns: 120 },
  );
  expect(compared).toBeGreaterThan(200);
});
