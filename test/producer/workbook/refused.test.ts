import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { makeSheet, makeWorkbook, zip } from '../../support/workbook.js';
import { badInputOf, compileFiles } from '../compile-files.js';

const options = { id: 'sku', model: 'z-image', prompt: '{{title}}' };

function sentenceOf(name: string, content: string | Buffer): Promise<string> {
  return badInputOf(compileFiles({ [name]: content }, options));
}

const table = [
  ['sku', 'title'],
  ['1', 'a lamp'],
];

/** A file in the frame of the old format, with one sector that lists its parts. */
function oldFormat(parts: readonly string[]): Buffer {
  const file = Buffer.alloc(512 * 3);
  Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]).copy(file);
  file.writeUInt16LE(9, 30);
  file.writeUInt32LE(1, 48);
  for (const [at, name] of ['Root Entry', ...parts].entries()) {
    file.write(name, 1024 + at * 128, 'utf16le');
  }
  return file;
}

const sheetPart = 'xl/worksheets/sheet1.xml';
const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const withPart = (part: string, xml: string | Buffer) =>
  makeSheet(table, { parts: { [part]: xml } });
const sheet = (rows: string) => `<worksheet ${main}><sheetData>${rows}</sheetData></worksheet>`;
const whole = makeSheet(table);

it.each<[string, string | Buffer, RegExp]>([
  ['table.xlsx', 'sku,title\n1,a lamp\n', /is text, not a workbook: if it is CSV, name it \.csv/],
  ['list.xlsx', '[{"id":"1"}]', /is JSON, not a workbook/],
  [
    'page.xlsx',
    '<table><tr><td>sku</td></tr></table>',
    /is a web page \(HTML\) with a table in it/,
  ],
  ['export.xls', '<html><body><table><tr>', /open it in a spreadsheet and save it as \.xlsx/],
  [
    'xml.xls',
    '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
    /XML of Excel 2003; save it as \.xlsx/,
  ],
  ['old.xls', oldFormat(['Workbook']), /is an old Excel workbook \(\.xls\); save it as \.xlsx/],
  ['old.xlsx', oldFormat(['Book']), /is an old Excel workbook/],
  [
    'locked.xlsx',
    oldFormat(['EncryptionInfo', 'EncryptedPackage']),
    /is locked by a password: save it without one/,
  ],
  [
    'sheet.ods',
    zip([
      ['mimetype', 'application/vnd.oasis.opendocument.spreadsheet'],
      ['content.xml', '<x/>'],
    ]),
    /\.ods/,
  ],
  [
    'packed.ods',
    zip([
      ['content.xml', '<x/>'],
      ['META-INF/manifest.xml', '<x/>'],
    ]),
    /\.ods/,
  ],
  ['sheet.numbers', zip([['Index/Document.iwa', 'x']]), /is a Numbers spreadsheet; export it/],
  [
    'book.xlsb',
    zip([
      ['[Content_Types].xml', ''],
      ['xl/workbook.bin', 'x'],
    ]),
    /binary workbook/,
  ],
  ['letter.xlsx', zip([['word/document.xml', '<x/>']]), /Word document/],
  ['pictures.xlsx', zip([['a.png', 'x']]), /is a zip file, and no workbook is in it/],
  ['book.csv', whole, /is an Excel workbook.*name it \.xlsx/],
  ['book.xlsx.gz', gzipSync(whole), /a workbook is packed already/],
  ['cut.xlsx', whole.subarray(0, whole.length - 40), /is damaged or was not copied completely/],
  ['empty.xlsx', makeSheet([]), /the sheet is empty/],
  ['charts.xlsx', makeWorkbook([]), /has no sheet with cells/],
  ['noise.xlsx', Buffer.from([1, 2, 0, 3]), /is no workbook/],
  [
    'entities.xlsx',
    withPart(sheetPart, `<!DOCTYPE x [<!ENTITY a "aaaa">]>${sheet('')}`),
    /declares entities/,
  ],
  ['unclosed.xlsx', withPart(sheetPart, `<worksheet ${main}><sheetData><row>`), /cannot be read/],
  ['latin1.xlsx', withPart(sheetPart, Buffer.from(sheet('é'), 'latin1')), /is not the text/],
  ['deep.xlsx', withPart(sheetPart, '<a>'.repeat(5000)), /nested too deep/],
  ['back.xlsx', withPart(sheetPart, sheet('<row r="5"/><row r="4"/>')), /a row 4 after row 5/],
  ['far.xlsx', withPart(sheetPart, sheet('<row r="1048577"/>')), /has a row 1048577/],
  [
    'wide.xlsx',
    withPart(sheetPart, sheet('<row r="1"><c r="XFE1"><v>1</v></c></row>')),
    /has a cell XFE1/,
  ],
  [
    'lost.xlsx',
    withPart(sheetPart, sheet('<row r="1"><c r="A1" t="s"><v>77</v></c></row>')),
    /its cell A1 refers to a text that is not there/,
  ],
])('refuses %s in one sentence that says what to do', async (name, content, message) => {
  const sentence = await sentenceOf(name, content);
  expect(sentence).toMatch(message);
  expect(sentence.split('\n')).toHaveLength(1);
  expect(sentence).toContain(name);
});

it('does not unpack what is a thousand times larger than it should be', async () => {
  const blank = Buffer.alloc(70 * 1024 * 1024, ' ');
  const bomb = makeSheet(table, {
    parts: { [sheetPart]: Buffer.concat([Buffer.from('<worksheet><sheetData>'), blank]) },
  });
  expect(await sentenceOf('bomb.xlsx', bomb)).toMatch(
    /no cell has room for|unpacks to more than 250 times its size/,
  );
  const rows = Buffer.from('<row><c/></row>'.repeat(5_000_000));
  const many = makeSheet(table, {
    parts: { [sheetPart]: Buffer.concat([Buffer.from('<worksheet><sheetData>'), rows]) },
  });
  expect(await sentenceOf('rows.xlsx', many)).toMatch(/unpacks to more than 250|has a row/);
}, 120_000);

it('refuses a text that no cell has room for, shared by many or not', async () => {
  const long = 'x'.repeat(1_100_000);
  const texts = `<sst ${main}><si><t>${long}</t></si></sst>`;
  const shared = withPart('xl/sharedStrings.xml', texts);
  expect(await sentenceOf('long.xlsx', shared)).toMatch(/no cell has room for/);
  const runs = `<si>${'<r><t>0123456789</t></r>'.repeat(110_000)}</si>`;
  const nested = withPart('xl/sharedStrings.xml', `<sst ${main}>${runs}</sst>`);
  expect(await sentenceOf('runs.xlsx', nested)).toMatch(/no cell has room for/);
});

it('takes millions of empty cells, and a size that is a lie, for what they are', async () => {
  const empty = `<row>${'<c s="1"/>'.repeat(16_000)}</row>`.repeat(60);
  const xml = `<worksheet ${main}><dimension ref="A1:XFD1048576"/><sheetData>${[
    '<row><c t="inlineStr"><is><t>sku</t></is></c><c t="inlineStr"><is><t>title</t></is></c></row>',
    '<row><c><v>1</v></c><c t="inlineStr"><is><t>a lamp</t></is></c></row>',
    empty,
  ].join('')}</sheetData></worksheet>`;
  const { briefs, warnings } = await compileFiles(
    { 'lie.xlsx': withPart(sheetPart, xml) },
    options,
  );
  expect(briefs.map(({ id }) => id)).toEqual(['1']);
  expect(warnings).toEqual([]);
});

it('ends with rows or with a sentence, whatever has become of the bytes', async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      fc.option(fc.nat(whole.length - 1), { freq: 4 }),
      async (changes, cutAt) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        const file = cutAt === null ? bytes : bytes.subarray(0, cutAt);
        const ended = await compileFiles({ 'odd.xlsx': file }, options).catch(
          (error: unknown) => error,
        );
        if (!(ended instanceof Error)) return;
        refused += 1;
        expect(ended).toMatchObject({ code: 'bad_input' });
      },
    ),
    { numRuns: 120 },
  );
  expect(refused).toBeGreaterThan(10);
});

it('ends with rows or with a sentence, whatever stands in a sheet', async () => {
  const pieces = [
    ...[
      '<row>',
      '</row>',
      '<row r="2">',
      '<row r="x">',
      '<c>',
      '<c r="B2" t="s">',
      '<c r="1">',
      '</c>',
    ],
    ...[
      '<v>',
      '</v>',
      '<v/>',
      '1',
      '9e999',
      '-1',
      '<f>',
      '</f>',
      '<is>',
      '</is>',
      '<t>',
      '</t>',
      '&amp;',
    ],
    ...[
      '&x;',
      '<c s="99"><v>3</v></c>',
      '<c t="d"><v>no</v></c>',
      '<mergeCell/>',
      '<sheetData>',
      ']]>',
    ],
  ];
  let read = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), async (parts) => {
      const header =
        '<row><c t="inlineStr"><is><t>sku</t></is></c><c t="str"><v>title</v></c></row>';
      const xml = sheet(
        `${header}<row><c><v>1</v></c><c t="str"><v>a</v></c></row>${parts.join('')}`,
      );
      const ended = await compileFiles({ 'odd.xlsx': withPart(sheetPart, xml) }, options).catch(
        (error: unknown) => error,
      );
      if (ended instanceof Error) expect(ended).toMatchObject({ code: 'bad_input' });
      else read += 1;
    }),
    { numRuns: 120 },
  );
  expect(read).toBeGreaterThan(5);
});
