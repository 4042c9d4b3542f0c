import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { referenceFetcher } from '../../../src/producer/references/fetch-reference.js';
import { picture, sha256Of } from '../../support/reference-desk.js';

const proxy = { http: null, https: null, noProxy: null };

/** Serves a picture, the API's own host being the only one that may be without https. */
async function openFetcher() {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/photo.png')) response.end(picture(1));
    else if (request.url === '/text.png') response.end('text');
    else if (request.url === '/inside') {
      response.writeHead(302, { location: 'http://10.0.0.1/x.png' }).end();
    } else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const home = await mkdtemp(join(tmpdir(), 'rivya-batch-fetch-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const folder = join(home, 'references');
  return {
    origin,
    folder,
    fetch: referenceFetcher({ origin, s3Endpoint: null, proxy, userAgent: 'test', folder }),
  };
}

it('keeps what it fetched under its hash', async () => {
  const { origin, folder, fetch } = await openFetcher();
  const sha256 = sha256Of(picture(1));
  const path = join(folder, sha256);
  const file = {
    sha256,
    path,
    bytes: picture(1).length,
    mediaType: 'image/png',
    name: 'photo.png',
  };
  const found = { kind: 'file', file };
  expect(await fetch(`${origin}/photo.png?token=secret`)).toEqual(found);
  expect(await fetch(`${origin}/photo.png?token=other`)).toEqual(found);
  expect(await readdir(folder)).toEqual([sha256]);
  expect(await readFile(path)).toEqual(picture(1));
});

it('S8: says why it could not, without the query, and leaves nothing behind', async () => {
  const { origin, folder, fetch } = await openFetcher();
  const reasonOf = async (url: string) => {
    const found = await fetch(url);
    return found.kind === 'unusable' ? found.reason : found;
  };
  expect(await reasonOf(`${origin}/none.png?token=secret`)).toBe('could not be fetched (HTTP 404)');
  expect(await reasonOf(`${origin}/text.png`)).toMatch(/no image, video or audio by its content/);
  const refused = 'is not fetched: only https URLs are, and none in a private network';
  expect(await reasonOf('https://10.0.0.1/x.png?token=secret')).toBe(refused);
  expect(await reasonOf(`${origin}/inside`)).toBe(refused);
  expect(await readdir(folder)).toEqual([]);
});
