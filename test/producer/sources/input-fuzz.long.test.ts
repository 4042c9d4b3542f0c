import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dsvFormat } from 'd3-dsv';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSource } from '../../../src/producer/sources/open-source.js';
import { readCsv } from '../../../src/producer/sources/read-csv.js';
import { InputWarnings } from '../../../src/producer/warnings.js';
import { BatchError } from '../../../src/shared/errors.js';
import { compileFiles, compilePaths } from '../compile-files.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Read =
  | { kind: 'refused' }
  | { kind: 'read'; columns: readonly string[]; rows: (string[] | 'unreadable')[] };

async function readTable(content: string, delimiter: string): Promise<Read> {
  const path = join(folder, 'fuzz.csv');
  await writeFile(path, content);
  try {
    const place = { folder, warnings: new InputWarnings() };
    const source = await openSource(path, { format: 'csv', delimiter }, place);
    const rows: (string[] | 'unreadable')[] = [];
    let columns: readonly string[] = [];
    for await (const group of readCsv(source)) {
      for (const row of group) {
        if (row.kind !== 'unreadable') columns = row.columns;
        rows.push(
          row.kind === 'unreadable'
            ? 'unreadable'
            : row.columns.map((column) => String(row.get(column))),
        );
      }
    }
    return { kind: 'read', columns, rows };
  } catch (error) {
    if (error instanceof BatchError && error.code === 'bad_input') return { kind: 'refused' };
    throw error;
  }
}

/** What another parser makes of the same text, under the same rules for blank rows, columns without a name or of one name, and missing cells. */
function readOtherwise(content: string, delimiter: string): Read {
  const isBlank = (cells: string[]) => cells.every((cell) => cell.trim() === '');
  const all = dsvFormat(delimiter).parseRows(content);
  const [header = [], ...rows] = all.filter((cells) => !isBlank(cells));
  const trimmed = header.map((name) => name.trim());
  const names = trimmed.map((name, at) => {
    const before = trimmed.slice(0, at).filter((other) => other === name).length;
    const isRepeated = name !== '' && trimmed.filter((other) => other === name).length > 1;
    return isRepeated ? `${name} (${before + 1})` : name;
  });
  const named = names.flatMap((name, position) => (name === '' ? [] : [position]));
  return {
    kind: 'read',
    columns: named.map((position) => names[position] ?? ''),
    rows: rows.map((cells) =>
      isBlank(cells.slice(header.length))
        ? named.map((position) => cells[position] ?? '')
        : 'unreadable',
    ),
  };
}

const trouble = [
  '"',
  '""',
  ',',
  ';',
  '\t',
  '\n',
  '\r\n',
  '\r',
  ' ',
  "'",
  '=',
  '@',
  '\\',
  '\u2028',
  'a',
  'é',
  '😀',
  '0',
  '1E5',
];

it('never reads a row otherwise than a second parser, whatever the text; it refuses instead', async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(
      fc
        .array(fc.constantFrom(...trouble), { minLength: 1, maxLength: 40 })
        .map((parts) => parts.join('')),
      fc.constantFrom(',', ';', '\t'),
      async (content, delimiter) => {
        const ours = await readTable(content, delimiter);
        if (ours.kind === 'refused' || ours.rows.length === 0) return;
        read += 1;
        const other = readOtherwise(content, delimiter);
        if (ours.columns.length === 0) expect(other).toMatchObject({ rows: ours.rows });
        else expect(ours).toEqual(other);
      },
    ),
    { numRuns: 800 },
  );
  // A test in which everything is refused would prove nothing.
  expect(read).toBeGreaterThan(15);
});

const cell = fc.array(fc.constantFrom(...trouble), { maxLength: 6 }).map((parts) => parts.join(''));

it('reads every table that is quoted well as it was, and as a second parser does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }).chain((width) =>
        fc.array(fc.array(cell, { minLength: width, maxLength: width }), {
          minLength: 1,
          maxLength: 8,
        }),
      ),
      fc.constantFrom(',', ';', '\t'),
      fc.constantFrom('\n', '\r\n', '\r'),
      async (table, delimiter, end) => {
        const header = table[0]?.map((_, position) => `c${position}`) ?? [];
        const quoted = [header, ...table].map((row) =>
          row.map((text) => `"${text.replaceAll('"', '""')}"`).join(delimiter),
        );
        const content = `\ufeff${quoted.join(end)}${end}`;
        const ours = await readTable(content, delimiter);
        const rows = table.filter((row) => row.some((text) => text.trim() !== ''));
        expect(ours).toEqual({ kind: 'read', columns: rows.length > 0 ? header : [], rows });
        if (rows.length > 0) expect(readOtherwise(content.slice(1), delimiter)).toEqual(ours);
      },
    ),
    { numRuns: 200 },
  );
});

it('never ends otherwise than with rows or a sentence, whatever the bytes', async () => {
  const path = join(folder, 'bytes');
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string().map((text) => Buffer.from(text, 'utf16le')),
  );
  await fc.assert(
    fc.asyncProperty(
      bytes,
      fc.constantFrom('csv', 'tsv', 'json', 'jsonl'),
      async (content, format) => {
        await writeFile(path, content);
        const compiling = compilePaths([path], { format, model: 'z-image', prompt: 'x' });
        const compiled = await compiling.catch((error: unknown) => error);
        if (compiled instanceof BatchError) {
          expect(compiled.code).toBe('bad_input');
          expect(compiled.message).toMatch(/\.$|\?$/);
        } else expect(compiled).not.toBeInstanceOf(Error);
      },
    ),
    { numRuns: 240 },
  );
});

/** Values that are JSON and that programs stumble over. */
const oddKeys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '', '\ud800'];
const deep = (levels: number) =>
  fc.constantFrom(nested(levels, '[', ']'), nested(levels, '{"a":', '}'));
const oddValue = fc.oneof(
  deep(90),
  deep(150),
  deep(6_000),
  fc.constantFrom(
    '"\\ud800"',
    '"__proto__"',
    '{"__proto__":{"id":"b"}}',
    '{"__proto__":"1"}',
    '1e999',
    '-0',
  ),
  fc.json({ maxDepth: 3 }),
);
const ourKeys = ['id', 'model', 'prompt', 'params', 'metadata', 'references', 'params.__proto__'];
const oddItem = fc
  .array(fc.tuple(fc.constantFrom(...ourKeys, ...oddKeys), oddValue), { maxLength: 6 })
  .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`);

function nested(levels: number, open: string, close: string): string {
  return `${open.repeat(levels)}1${close.repeat(levels)}`;
}

it('makes briefs or sentences of JSON and of cells with JSON, however deep and whatever the keys', async () => {
  const path = join(folder, 'odd');
  const csvOf = (cells: readonly string[]) =>
    `id,prompt,params,metadata,params.__proto__,params.dialogue,constructor\n${cells
      .map((cell) => `"${cell.replaceAll('"', '""')}"`)
      .join()}\n`;
  const file = fc.oneof(
    fc
      .array(oddItem, { maxLength: 4 })
      .map((items) => ({ format: 'json', text: `[${items.join()}]` })),
    oddValue.map((value) => ({ format: 'json', text: value })),
    fc
      .array(oddItem, { maxLength: 4 })
      .map((items) => ({ format: 'jsonl', text: items.join('\n') })),
    fc
      .array(oddValue, { minLength: 7, maxLength: 7 })
      .map((cells) => ({ format: 'csv', text: csvOf(cells) })),
  );
  let made = 0;
  await fc.assert(
    fc.asyncProperty(file, async ({ format, text }) => {
      await writeFile(path, text);
      const options = { format: format as 'json', model: 'z-image', prompt: 'x' };
      const compiled = await compilePaths([path], options).catch((error: unknown) => error);
      if (compiled instanceof BatchError) expect(compiled.code).toBe('bad_input');
      else expect(compiled).toHaveProperty('counts');
      made +=
        compiled instanceof BatchError ? 0 : (compiled as { briefs: unknown[] }).briefs.length;
    }),
    { numRuns: 600 },
  );
  expect(made).toBeGreaterThan(10);
});

it('takes a key such as __proto__ for one like any other', async () => {
  const { briefs } = await compileFiles(
    {
      'a.csv': 'id,params,params.constructor,__proto__\na,"{""__proto__"":""1""}",2,3\n',
      'b.json': '[{"id":"b","params":{"__proto__":"1"},"params.constructor":"2","__proto__":3}]',
    },
    { model: 'model-x', prompt: 'x' },
  );
  const body = '{"model":"model-x","prompt":"x","params":{"__proto__":"1","constructor":"2"}}';
  expect(briefs.map((brief) => brief.body)).toEqual([body, body]);
  expect(briefs.map(({ origin }) => Object.entries(origin.input))).toEqual([
    [['__proto__', '3']],
    [['__proto__', 3]],
  ]);
});

it('knows the kind of a reference by its own extension only', async () => {
  const { briefs } = await compileFiles(
    { 'a.csv': 'id,references\na,https://a.test/x.constructor\n' },
    { model: 'model-x', prompt: 'x' },
  );
  expect(briefs[0]?.body).toContain('{"kind":"image","url":"https://a.test/x.constructor"}');
});

const mapped = { model: 'z-image', prompt: 'x', id: 'sku' };

it.each([
  '00123',
  '1E5',
  '=1+1',
  '+49',
  '-5',
  '@home',
  'TRUE',
  '2026-11-21',
  '1,5',
  "'quoted'",
  '٣',
])('keeps the cell %s as it is', async (value) => {
  const { briefs } = await compileFiles({ 'x.csv': `sku;v\n${value};${value}\n` }, mapped);
  expect(briefs).toMatchObject([{ id: value, origin: { input: { sku: value, v: value } } }]);
});

it('reads a cell of a megabyte, and three hundred columns', async () => {
  const large = 'ä'.repeat(500_000);
  const wide = Array.from({ length: 300 }, (_, position) => `c${position}`);
  const files = {
    'x.csv': `sku,v\na,"${large}"\n`,
    'y.csv': `sku,${wide.join(',')}\nb,${wide.join(',')}\n`,
  };
  const { briefs } = await compileFiles(files, mapped);
  expect(briefs[0]?.origin.input.v).toBe(large);
  expect(Object.keys(briefs[1]?.origin.input ?? {})).toHaveLength(301);
  expect(briefs[1]?.origin.input.c299).toBe('c299');
});
