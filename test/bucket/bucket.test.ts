import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Bucket } from '../../src/bucket/bucket.js';
import { S3Server } from '../support/s3-server.js';

let server: S3Server;
let bucket: Bucket;
let folder: string;

beforeAll(async () => {
  server = await S3Server.start('pictures');
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-bucket-'));
});

beforeAll(() => {
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  bucket = Bucket.open('s3://pictures/spring 2026/ä', { endpoint: server.endpoint });
});

afterEach(() => server.heal());

afterAll(async () => {
  vi.unstubAllEnvs();
  await bucket.close();
  await server.stop();
  await rm(folder, { recursive: true });
});

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function listed(prefix: string): Promise<{ name: string; bytes: number }[]> {
  const found = [];
  for await (const file of bucket.list(prefix)) found.push(file);
  return found;
}

const png = { onlyIf: 'any', mediaType: 'image/png' } as const;

test('a file comes back as it was put, with its size, its SHA-256 and its ETag', async () => {
  const put = await bucket.put('run.json', { text: '{"a":1}' }, png);
  if (put.kind !== 'put') throw new Error('not put');
  expect(await bucket.head('run.json')).toEqual({
    etag: put.etag,
    bytes: 7,
    sha256: sha256('{"a":1}'),
  });
  const got = await bucket.get('run.json');
  if (got.kind !== 'found') throw new Error('not found');
  expect({ ...got, body: await text(got.body) }).toEqual({
    kind: 'found',
    etag: put.etag,
    bytes: 7,
    body: '{"a":1}',
  });
  expect(await bucket.get('run.json', { unless: put.etag })).toEqual({ kind: 'same' });
});

test('what is not there is absent, and removing it is no fault', async () => {
  expect(await bucket.head('nothing')).toBeNull();
  expect(await bucket.get('nothing')).toEqual({ kind: 'absent' });
  await bucket.remove('nothing');
});

test.each(['assets/a b+c~d.png', 'assets/ä ß 日本.png', "assets/it's (1)!*.png", 'a%20b?c#d&e=f'])(
  'the name %s is kept as it is, whatever an address would make of it',
  async (name) => {
    await bucket.put(name, { text: name }, png);
    const got = await bucket.get(name);
    expect(got.kind === 'found' && (await text(got.body))).toBe(name);
    expect(await server.text('pictures', `spring 2026/ä/${name}`)).toBe(name);
    await bucket.remove(name);
    expect(await bucket.head(name)).toBeNull();
  },
);

test('a new file and a change are put only where nobody else came in between', async () => {
  const first = await bucket.put('m.jsonl', { text: 'a' }, { ...png, onlyIf: 'absent' });
  if (first.kind !== 'put') throw new Error('not put');
  expect(await bucket.put('m.jsonl', { text: 'b' }, { ...png, onlyIf: 'absent' })).toEqual({
    kind: 'overtaken',
  });
  const onlyIf = { etag: first.etag };
  const second = await bucket.put('m.jsonl', { text: 'ab' }, { ...png, onlyIf });
  expect(second.kind).toBe('put');
  expect(await bucket.put('m.jsonl', { text: 'ac' }, { ...png, onlyIf })).toEqual({
    kind: 'overtaken',
  });
  expect(await bucket.put('gone.jsonl', { text: 'x' }, { ...png, onlyIf })).toEqual({
    kind: 'overtaken',
  });
  expect(await server.text('pictures', 'spring 2026/ä/m.jsonl')).toBe('ab');
});

test('of a file that grows, exactly the bytes that are asked for are put; of one that lacks them, nothing', async () => {
  const path = join(folder, 'history.jsonl');
  await writeFile(path, 'one\ntwo\n');
  expect((await bucket.put('history.jsonl', { path, bytes: 4 }, png)).kind).toBe('put');
  expect(await server.text('pictures', 'spring 2026/ä/history.jsonl')).toBe('one\n');
  await expect(bucket.put('history.jsonl', { path, bytes: 99 }, png)).rejects.toThrow(
    'A local file is not what was written',
  );
});

test('a folder is listed with all that lies in it, by names that begin below the address', async () => {
  const names = ['list/a b.png', 'list/deep/er/ä+1.png', 'list/z.png'];
  for (const name of names) await bucket.put(name, { text: name }, png);
  await bucket.put('listless.png', { text: '' }, png);
  expect(await listed('list/')).toEqual(
    names.map((name) => ({ name, bytes: Buffer.byteLength(name) })),
  );
  expect(await listed('nothing/')).toEqual([]);
});

test('a file is copied from another place by the service, whatever its name, and folders are listed', async () => {
  const from = Bucket.open('s3://pictures/nights/ü+1@2026', { endpoint: server.endpoint });
  const nights = Bucket.open('s3://pictures/nights', { endpoint: server.endpoint });
  await from.put('assets/a b+c?.png', { text: 'picture' }, png);
  await from.put('journal.jsonl', { text: 'right in it' }, png);
  await nights.put('readme.txt', { text: 'no folder' }, png);
  const before = server.seen.length;
  const copied = await bucket.copyFrom(from, 'assets/a b+c?.png');
  expect(copied).toEqual({ kind: 'copied', sha256: sha256('picture') });
  expect(server.seen.slice(before).map(({ method }) => method)).toEqual(['PUT']);
  expect(await bucket.head('assets/a b+c?.png')).toMatchObject({ sha256: sha256('picture') });
  expect(await bucket.copyFrom(from, 'assets/none.png')).toEqual({ kind: 'absent' });
  expect(await nights.folders()).toEqual(['ü+1@2026']);
  const begun = await from.get('assets/a b+c?.png', { first: 3 });
  expect(begun.kind === 'found' && (await text(begun.body))).toBe('pic');
  await Promise.all([from.close(), nights.close()]);
});
