import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { storedFetcher } from '../../../src/producer/references/fetch-stored.js';
import { picture, sha256Of } from '../../support/reference-desk.js';
import { S3Server } from '../../support/s3-server.js';

const server = await S3Server.start('shop');
let folder: string;

beforeEach(async () => {
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  folder = join(await mkdtemp(join(tmpdir(), 'rivya-batch-stored-')), 'references');
});

afterEach(async () => {
  server.heal();
  server.seen.length = 0;
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

afterAll(() => server.stop());

function open() {
  const proxy = { http: null, https: null, noProxy: null };
  return storedFetcher({ endpoint: server.endpoint, proxy, folder });
}

function fileOf(number: number, name: string, from: string) {
  const sha256 = sha256Of(picture(number));
  const path = join(folder, sha256);
  const bytes = picture(number).length;
  return { kind: 'file', file: { sha256, path, bytes, mediaType: 'image/png', name, from } };
}

test('a picture in a bucket is kept under its hash, and not sent again while it is the same', async () => {
  await server.place('shop', 'in/lamp ä+1.png', picture(1));
  const wanted = fileOf(1, 'lamp_1.png', 's3://shop/in/lamp ä+1.png');
  expect(await open()('s3://shop/in/lamp ä+1.png')).toEqual(wanted);
  expect(await readFile(wanted.file.path)).toEqual(picture(1));
  server.seen.length = 0;
  expect(await open()('s3://shop/in/lamp ä+1.png')).toEqual(wanted);
  expect(server.seen.map(({ headers }) => headers['if-none-match'])).toEqual([
    expect.stringMatching(/^"[0-9a-f]{32}"$/),
  ]);
});

test('another picture under the same address is fetched, and one whose copy was lost or spoilt, too', async () => {
  await server.place('shop', 'a.png', picture(1));
  const first = fileOf(1, 'a.png', 's3://shop/a.png');
  expect(await open()('s3://shop/a.png')).toEqual(first);
  await rm(first.file.path);
  expect(await open()('s3://shop/a.png')).toEqual(first);
  await server.place('shop', 'a.png', picture(2));
  expect(await open()('s3://shop/a.png')).toEqual(fileOf(2, 'a.png', 's3://shop/a.png'));
});

test('what is not there, is no picture or may not be read is told, and nothing of it is kept', async () => {
  await server.place('shop', 'text.png', 'text');
  const reasonOf = async (key: string) => {
    const found = await open()(`s3://shop/${key}`);
    return found.kind === 'unusable' ? found.reason : found;
  };
  expect(await reasonOf('none.png')).toBe('is not there');
  expect(await reasonOf('text.png')).toMatch(/no image, video or audio by its content/);
  server.plan({ fault: { kind: 'answer', status: 403, code: 'AccessDenied' } });
  expect(await reasonOf('a.png')).toMatch(/^could not be fetched\. .*s3:GetObject/);
  server.heal();
  server.plan({ fault: { kind: 'cut-answer' } });
  expect(await reasonOf('text.png')).toMatch(/^could not be fetched\. .*just now/);
  server.heal();
  expect(await readdir(folder)).toEqual([]);
});
