import { expect, it } from 'vitest';
import { makeSheet, type TestCell, type WorkbookManner } from '../../support/workbook.js';
import { compileFiles } from '../compile-files.js';

/** What a row's prompt is made of each of these cells. */
async function shown(cells: readonly TestCell[], manner: WorkbookManner = {}): Promise<string[]> {
  const rows = [['id', 'value'], ...cells.map((cell, at): TestCell[] => [`row-${at}`, cell])];
  const { briefs, rejections } = await compileFiles(
    { 'book.xlsx': makeSheet(rows, manner) },
    { id: 'id', model: 'z-image', prompt: '<{{value}}>' },
  );
  expect(rejections).toEqual([]);
  return briefs.map(({ body }) => (JSON.parse(body) as { prompt: string }).prompt.slice(1, -1));
}

const asShown: [TestCell, string][] = [
  ['00123', '00123'],
  [{ value: 123, format: '00000' }, '00123'],
  [{ value: 5, format: '"SKU-"0000' }, 'SKU-0005'],
  [4006381333931, '4006381333931'],
  [{ value: 4006381333931, format: '0.00E+00' }, '4006381333931'],
  [{ value: 4006381333931, format: '#11' }, '4006381333931'],
  [{ xml: '<c><v>4.006381333931E12</v></c>' }, '4006381333931'],
  [123456789012345, '123456789012345'],
  [{ value: 4006381333931, format: '0' }, '4006381333931'],
  [{ value: 0.00012, format: '0.0E+00' }, '1.2E-04'],
  [0.30000000000000004, '0.3'],
  [0.0000001, '0.0000001'],
  [-12.5, '-12.5'],
  [true, 'TRUE'],
  [false, 'FALSE'],
  [{ value: 0.195, format: '0.0%' }, '19.5%'],
  [{ value: 0.5, format: '#9' }, '50%'],
  [{ value: 1299.5, format: '"$"#,##0.00' }, '$1,299.50'],
  [{ value: 1299.5, format: '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-' }, '1,299.50 €'],
  [{ value: -5, format: '0.0;[Red](0.0)' }, '(5.0)'],
  [{ value: 1.5, format: '# ?/?' }, '1 1/2'],
  [{ value: 46143, format: 'yyyy-mm-dd' }, '2026-05-01'],
  [{ value: 46143, format: 'd. mmmm yyyy' }, '1. May 2026'],
  [{ value: 46143.75, format: 'dd/mm/yyyy hh:mm' }, '01/05/2026 18:00'],
  [{ value: 1.5, format: '[h]:mm' }, '36:00'],
  // As the computer is set on which it is looked at, which nobody knows here.
  [{ value: 46143, format: '#14' }, '2026-05-01'],
  [{ value: 46143.75, format: '#22' }, '2026-05-01 18:00'],
  [{ value: 46143, format: '[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy' }, '2026-05-01'],
  [{ value: -3, format: 'yyyy-mm-dd' }, '-3'],
  [{ value: 7, format: 'not a [format' }, '7'],
  [{ value: 42, format: '@' }, '42'],
  [{ xml: '<c t="d"><v>2026-05-01T10:00:00</v></c>' }, '2026-05-01T10:00:00'],
  [{ xml: '<c t="str"><f>A1&amp;"x"</f><v>made x</v></c>' }, 'made x'],
  [{ xml: '<c><f>1+1</f><v>2</v></c>' }, '2'],
  [
    { xml: '<c t="inlineStr"><is><r><rPr><b/></rPr><t>rich </t></r><r><t>text</t></r></is></c>' },
    'rich text',
  ],
  [
    {
      xml: '<c t="inlineStr"><is><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></is></c>',
    },
    '東京',
  ],
  ['two\nlines, "quoted"; and more', 'two\nlines, "quoted"; and more'],
  [{ xml: '<c t="inlineStr"><is><t>a_x000D_\nb_x005F_x0041_</t></is></c>' }, 'a\nb_x0041_'],
  ['=SUM(A1)', '=SUM(A1)'],
  ['a < b & c > d', 'a < b & c > d'],
  ['😀 Größe', '😀 Größe'],
];

it('gives cells as the workbook shows them', async () => {
  expect(await shown(asShown.map(([cell]) => cell))).toEqual(asShown.map(([, text]) => text));
});

it('counts days from 1904 where the workbook does', async () => {
  const cells = [{ value: 46143 - 1462, format: 'yyyy-mm-dd' }, 12];
  expect(await shown(cells, { from1904: true })).toEqual(['2026-05-01', '12']);
});

it('gives numbers without styles as they are', async () => {
  expect(await shown([{ value: 3, format: '000' }, 1.5], { styles: 'left_out' })).toEqual([
    '3',
    '1.5',
  ]);
});

it('refuses a row that uses an error, by whatever name', async () => {
  const rows: TestCell[][] = [
    ['id', 'title'],
    ['1', { xml: '<c t="e"><f>1/0</f><v>#DIV/0!</v></c>' }],
    ['2', { xml: '<c t="e"><v>#NEUES!</v></c>' }],
    ['3', 'fine'],
  ];
  const { counts, rejections } = await compileFiles(
    { 'book.xlsx': makeSheet(rows) },
    { id: 'id', model: 'z-image', prompt: '{{title}}', params: [] },
  );
  expect(counts.briefs).toBe(1);
  expect(rejections.map(({ row, kind }) => [row, kind])).toEqual([
    [2, 'error_value'],
    [3, 'error_value'],
  ]);
});
