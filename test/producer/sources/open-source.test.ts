import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { badInputOf, compileFiles, compilePaths } from '../compile-files.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

const table = 'id,model,prompt\n1,z-image,a lamp\n';

function damagedGzip(): Buffer {
  const bytes = gzipSync(table.repeat(50));
  return bytes.fill(0xff, 20, 40);
}

const packed = {
  'briefs.csv.gz': table,
  'briefs.tsv.gz': table.replaceAll(',', '\t'),
  'briefs.JSON.GZ': '[{"id":"1","model":"z-image","prompt":"a lamp"}]',
  'briefs.ndjson.gz': '{"id":"1","model":"z-image","prompt":"a lamp"}\n',
  // However it is called: what it is shows in its first bytes.
  'briefs.csv': table,
};

it.each(Object.entries(packed))('unpacks %s', async (name, content) => {
  // In two members, as `cat a.gz b.gz` makes it.
  const half = Math.floor(content.length / 2);
  const bytes = [content.slice(0, half), content.slice(half)].map((part) => gzipSync(part));
  const { briefs } = await compileFiles({ [name]: Buffer.concat(bytes) });
  expect(
    briefs.map(({ id, body, origin }) => [id, JSON.parse(body).prompt, origin.source]),
  ).toEqual([['1', 'a lamp', name]]);
});

it('unpacks stdin', async () => {
  const stdin = Readable.from([gzipSync(table)]);
  expect((await compilePaths(['-'], { stdin, format: 'csv' })).counts.briefs).toBe(1);
});

it('does not unpack gigabytes of nothing', async () => {
  const piece = gzipSync(Buffer.alloc(16 * 1024 * 1024, 'a,b\n'));
  const bomb = Buffer.concat(Array.from({ length: 5 }, () => piece));
  expect(await badInputOf(compileFiles({ 'bomb.csv.gz': bomb }))).toMatch(
    /unpacks to more than 250 times its size/,
  );
});

it.each<[string, Buffer | string, RegExp]>([
  ['empty.csv', '', /empty\.csv: is empty\.$/],
  ['mark.csv', '\ufeff', /is empty\.$/],
  ['header.csv', 'id,model,prompt\n', /has no rows \(at most a header\)\.$/],
  ['blank.csv', '\n\n  \n', /has no rows \(at most a header\)\.$/],
  ['list.json', '[]', /no briefs in it\.$/],
  ['lines.jsonl', '\n\n', /no briefs in it\.$/],
  ['utf16le.csv', Buffer.from(`\ufeff${table}`, 'utf16le'), /UTF-16 text; save it as UTF-8\.$/],
  ['utf16be.csv', Buffer.from(`\ufeff${table}`, 'utf16le').swap16(), /UTF-16/],
  ['utf16.csv', Buffer.from(table, 'utf16le'), /not UTF-8 text: there is a zero byte in line 1\.$/],
  [
    'latin1.csv',
    Buffer.from('id,prompt\n1,x\n2,café\n', 'latin1'),
    /not UTF-8 text \(see line 3\)/,
  ],
  ['cut.csv', Buffer.from(`${table}2,z-image,caf\u00e9`).subarray(0, -1), /\(see line 3\)/],
  ['zero.csv', `${table}2,z-image,\0\n`, /zero byte in line 3\.$/],
  ['twice.csv.gz', gzipSync(gzipSync(table)), /compressed with gzip twice/],
  ['cut.csv.gz', gzipSync(table.repeat(50)).subarray(0, 60), /ends in the middle/],
  [
    'broken.csv.gz',
    damagedGzip(),
    /is damaged \(not readable as gzip\): copy or download it again/,
  ],
  ['empty.csv.gz', gzipSync(''), /is empty\.$/],
  ['utf16.csv.gz', gzipSync(Buffer.from(`\ufeff${table}`, 'utf16le')), /UTF-16/],
  ['packed.csv.zst', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]), /compressed with zstd/],
  ['packed.gz', gzipSync(table), /no extension that says what it is/],
  ['book.csv', Buffer.from('PK\u0003\u0004rest'), /Excel workbook/],
  ['latin1.json', Buffer.from('[{"prompt":\n"café"}]', 'latin1'), /\(see line 2\)/],
  ['notes.txt', table, /--format/],
])('refuses %s in one sentence', async (name, content, message) => {
  const sentence = await badInputOf(compileFiles({ [name]: content }));
  expect(sentence).toMatch(message);
  expect(sentence.split('\n')).toHaveLength(1);
});

it('names a missing file, a folder, and what is wrong with the others, at once', async () => {
  const good = join(folder, 'good.csv');
  await writeFile(good, table);
  await mkdir(join(folder, 'sub.csv'));
  const files = [join(folder, 'none.csv'), good, join(folder, 'sub.csv'), join(good, 'x.csv')];
  const sentences = (await badInputOf(compilePaths(files))).split('\n');
  expect(sentences).toEqual([
    `${files[0]}: no such file.`,
    `${files[2]}: is a folder, not a file.`,
    `${files[3]}: no such file.`,
  ]);
});

it('takes --format over the extension', async () => {
  const { counts } = await compileFiles({ 'notes.txt': table }, { format: 'csv' });
  expect(counts.briefs).toBe(1);
});

it('reads stdin whole, with a name and a format', async () => {
  const stdin = Readable.from([Buffer.from(table.slice(0, 9)), Buffer.from(table.slice(9))]);
  const { briefs } = await compilePaths(['-'], { stdin, format: 'csv' });
  expect(briefs[0]?.origin).toMatchObject({ source: 'stdin', row: 2 });
});

it.each([
  [['-'], {}, /--format/],
  [['-', '-'], { format: 'csv' as const }, /only once/],
  [['-'], { format: 'csv' as const, stdin: Readable.from([]) }, /stdin: is empty/],
  [[], {}, /No input file/],
  [['-'], { format: 'csv' as const, delimiter: '' }, /--delimiter/],
])('refuses %j with %j', async (files, options, message) => {
  expect(await badInputOf(compilePaths(files, options))).toMatch(message);
});

it.skipIf(process.platform === 'win32')(
  'reads a named pipe, which can be read only once',
  async () => {
    const pipe = join(folder, 'pipe.csv');
    execFileSync('sh', ['-c', 'mkfifo "$0"', pipe]);
    const source = join(folder, 'behind-the-pipe.csv');
    await writeFile(source, table);
    const compiling = compilePaths([pipe]);
    createReadStream(source).pipe(createWriteStream(pipe));
    expect((await compiling).counts.briefs).toBe(1);
  },
);

it('leaves nothing behind, neither after success nor after a fault', async () => {
  const before = process.env.TMPDIR;
  const temporary = join(folder, 'temporary');
  await mkdir(temporary);
  process.env.TMPDIR = temporary;
  try {
    const good = join(folder, 'good-too.csv');
    await writeFile(good, table);
    await compilePaths([good]);
    await badInputOf(compilePaths([good, join(folder, 'none.csv')]));
    expect(await readdir(temporary)).toEqual([]);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});
