import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { Bucket } from '../../src/bucket/bucket.js';
import { S3Server } from '../support/s3-server.js';

let server: S3Server;
let bucket: Bucket;
let folder: string;

beforeAll(async () => {
  server = await S3Server.start('pictures');
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-large-'));
});

beforeAll(() => {
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  bucket = Bucket.open('s3://pictures/large', { endpoint: server.endpoint });
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

const png = { onlyIf: 'any', mediaType: 'image/png' } as const;

test('a file of no bytes and one of several parts are put whole, each with its SHA-256', async () => {
  const large = randomBytes(20 * 1024 * 1024 + 7);
  for (const [name, bytes] of [
    ['empty.bin', Buffer.alloc(0)],
    ['large.bin', large],
  ] as const) {
    const path = join(folder, name);
    await writeFile(path, bytes);
    const put = await bucket.put(
      name,
      { path, bytes: bytes.length },
      { ...png, sha256: sha256(bytes) },
    );
    const etag = put.kind === 'put' ? put.etag : null;
    expect(await bucket.head(name)).toEqual({ etag, bytes: bytes.length, sha256: sha256(bytes) });
    const got = await bucket.get(name);
    expect(got.kind === 'found' && sha256(await buffer(got.body))).toBe(sha256(bytes));
  }
});

test('a file in parts is put on its condition, and of one that has changed or is overtaken no part stays', async () => {
  const large = join(folder, 'grows.bin');
  await writeFile(large, randomBytes(9 * 1024 * 1024));
  const manner = { ...png, sha256: sha256('other') };
  await expect(
    bucket.put('grows.bin', { path: large, bytes: 9 * 1024 * 1024 }, manner),
  ).rejects.toThrow('A local file is not what was written');
  expect(await server.keys('pictures')).not.toContain('large/grows.bin');
  const content = { path: large, bytes: 9 * 1024 * 1024 };
  expect((await bucket.put('parts.bin', content, { ...png, onlyIf: 'absent' })).kind).toBe('put');
  await writeFile(large, randomBytes(9 * 1024 * 1024));
  expect(await bucket.put('parts.bin', content, { ...png, onlyIf: 'absent' })).toEqual({
    kind: 'overtaken',
  });
  expect(await server.openUploads('pictures')).toBe(0);
});

test('an upload in parts goes on where a part is cut off, and is found where its last answer is lost', async () => {
  const path = join(folder, 'cut.bin');
  const bytes = randomBytes(17 * 1024 * 1024);
  await writeFile(path, bytes);
  server.plan({ method: 'PUT', key: /partNumber=2/, times: 1, fault: { kind: 'cut' } });
  server.plan({ method: 'POST', key: /uploadId=/, times: 1, fault: { kind: 'lose-answer' } });
  const content = { path, bytes: bytes.length };
  const put = await bucket.put('cut.bin', content, { ...png, onlyIf: 'absent' });
  expect(put.kind).toBe('put');
  expect(sha256(await server.bytes('pictures', 'large/cut.bin'))).toBe(sha256(bytes));
});

test('a listing goes on behind its first thousand', async () => {
  for (let number = 0; number < 1_003; number += 1) {
    await server.place('pictures', `large/many/${number}.png`, 'x');
  }
  const names = new Set<string>();
  for await (const { name } of bucket.list('many/')) names.add(name);
  expect(names.size).toBe(1_003);
});
