import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { addressFault, sourceFetcher } from '../../../src/producer/sources/fetch-source.js';
import { takeInput } from '../../../src/schedule/runs/take-input.js';

const proxy = { http: null, https: null, noProxy: null };
const options = (origin: string) => ({ origin, proxy, userAgent: 'test' });

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-fetch-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Serves one table, the API's own host being the only one that may be without https. */
async function openServer() {
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/list.csv')) response.end('sku,title\n1,Fox\n');
    else if (request.url?.includes('/export')) {
      response.writeHead(200, { 'content-type': 'text/csv' }).end(request.url);
    } else response.writeHead(request.url === '/gone.csv' ? 404 : 503).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('takes a file from a URL once, under the name in it', async () => {
  const origin = await openServer();
  const folder = await openFolder();
  let fetched = 0;
  const fetchFile = (url: string, path: string) => {
    fetched += 1;
    return sourceFetcher(options(origin))(url, { path, sheet: null });
  };
  const take = () => takeInput([`${origin}/list.csv?token=secret`], folder, fetchFile);
  const [path = ''] = await take();
  expect(path).toBe(join(folder, '.input', '1', 'list.csv'));
  expect(await readFile(path, 'utf8')).toBe('sku,title\n1,Fox\n');
  expect(await take()).toEqual([path]);
  expect(fetched).toBe(1);
});

it('gives what it takes from an address an extension, by which it is read again', async () => {
  const origin = await openServer();
  const folder = await openFolder();
  const files = [`${origin}/export?token=secret`, `${origin}/spreadsheets/d/abc/edit#gid=4`];
  const [exported, sheet] = await takeInput(files, folder, (url, path) =>
    sourceFetcher(options(origin))(url, { path, sheet: null }),
  );
  expect(exported).toBe(join(folder, '.input', '1', 'export.csv'));
  expect(sheet).toBe(join(folder, '.input', '2', 'google-sheet-abc-4.csv'));
  expect(await readFile(sheet ?? '', 'utf8')).toBe('/spreadsheets/d/abc/export?format=csv&gid=4');
});

it('says what may pass and what does not, without the query (S8)', async () => {
  const origin = await openServer();
  const folder = await openFolder();
  const fetchAs = (path: string) =>
    sourceFetcher(options(origin))(`${origin}${path}`, {
      path: join(folder, 'in.csv'),
      sheet: null,
    });
  await expect(fetchAs('/gone.csv')).rejects.toMatchObject({ code: 'bad_input' });
  await rm(join(folder, 'in.csv'));
  const busy = fetchAs('/busy.csv?token=secret');
  await expect(busy).rejects.toMatchObject({ code: 'api_unavailable' });
  await expect(busy).rejects.not.toThrow('secret');
});

it('fetches nothing from inside a private network, and nothing without https', () => {
  for (const url of [
    'http://shop.test/a.csv?token=secret',
    'https://127.0.0.1/a.csv?token=secret',
    'https://user:secret@shop.test/a.csv',
    'file:///etc/passwd?token=secret',
    's3://bucket/a.csv?token=secret',
  ]) {
    const fault = addressFault(url, 'https://rivya.ai');
    expect(fault).toMatch(/cannot be read|not read from/);
    expect(fault).not.toContain('secret');
  }
  expect(addressFault('https://shop.test/a.csv', 'https://rivya.ai')).toBeNull();
});
