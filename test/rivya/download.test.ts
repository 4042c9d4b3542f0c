import { createHash, randomBytes } from 'node:crypto';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { collector, gate, newDownloader } from './new-downloader.js';
import { startSecureServer, startServer } from './stand-in-server.js';
import { startProxy } from './start-proxy.js';

const image = { 'content-type': 'Image/PNG; charset=binary' };

describe('a file', () => {
  it('arrives whole, hashed, one chunk at a time, without credentials', async () => {
    const file = randomBytes(3_000_000);
    const server = await startServer((_request, response) =>
      response.writeHead(200, image).end(file),
    );
    const { write, bytes } = collector();
    let writing = 0;
    const slowly = async (chunk: Buffer): Promise<void> => {
      writing += 1;
      expect(writing).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      await write(chunk);
      writing -= 1;
    };
    const outcome = await newDownloader(server.origin).download(`${server.origin}/a?t=1#f`, slowly);
    expect(outcome).toEqual({
      kind: 'saved',
      bytes: file.length,
      sha256: createHash('sha256').update(file).digest('hex'),
      declaredType: 'image/png',
    });
    expect(bytes().equals(file)).toBe(true);
    expect(server.seen[0]?.url).toBe('/a?t=1');
    expect(server.seen[0]?.headers).not.toHaveProperty('authorization');
    expect(server.seen[0]?.headers).not.toHaveProperty('cookie');
  });

  it('holds the server back while our disk is slow', async () => {
    let sent = 0;
    const server = await startServer((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
        if (!response.destroyed) stalled.resolve();
      };
      response.on('drain', more);
      more();
    });
    const stalled = gate();
    const disk = new Error('enough');
    const download = newDownloader(server.origin).download(server.origin, async () => {
      // Writable once more would mean that bytes flow while the first chunk is still being written.
      await stalled.promise;
      throw disk;
    });
    await expect(download).rejects.toBe(disk);
    expect(sent).toBeLessThan(64_000_000);
  });

  it('takes chunked bodies without a length', async () => {
    const server = await startServer((_request, response) => {
      response.write('ab');
      response.end('cd');
    });
    const { write, bytes } = collector();
    const outcome = await newDownloader(server.origin).download(server.origin, write);
    expect(outcome).toMatchObject({ kind: 'saved', bytes: 4, declaredType: null });
    expect(bytes().toString()).toBe('abcd');
  });

  it.each([
    ['bare deflate', 'deflate', deflateRawSync],
    ['gzip in name alone', 'gzip', (bytes: Buffer) => bytes],
    ['x-gzip, in capitals', 'X-GZIP', gzipSync],
    ['two codings', 'deflate, gzip', (bytes: Buffer) => gzipSync(deflateSync(bytes))],
  ])('is decoded from %s', async (_name, token, encode) => {
    const file = Buffer.concat([Buffer.from('\x89PNG'), randomBytes(200_000)]);
    const server = await startServer((_request, response) =>
      response.writeHead(200, { ...image, 'content-encoding': token }).end(encode(file)),
    );
    const { write, bytes } = collector();
    const outcome = await newDownloader(server.origin).download(server.origin, write);
    expect(outcome).toMatchObject({ kind: 'saved', bytes: file.length });
    expect(bytes().equals(file)).toBe(true);
  });

  it('comes over https from a host outside, through a proxy where one is set', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const server = await startSecureServer((_request, response) => response.end('file'));
    const proxy = await startProxy(server.port);
    const downloader = newDownloader('https://rivya.ai', {
      proxy: { http: null, https: `http://127.0.0.1:${proxy.port}`, noProxy: null },
    });
    const outcome = await downloader.download('https://media.example/f', collector().write);
    expect(outcome).toMatchObject({ kind: 'saved', bytes: 4 });
    expect(server.seen[0]?.headers.host).toBe('media.example');
    expect(server.seen[0]?.headers).not.toHaveProperty('authorization');
  });
});

it('is not fetched through a proxy where its name leads into a private network; an unknown name is left to the proxy', async () => {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const server = await startSecureServer((_request, response) => response.end('file'));
  const proxy = await startProxy(server.port);
  const downloader = newDownloader('https://rivya.ai', {
    proxy: { http: null, https: `http://127.0.0.1:${proxy.port}`, noProxy: null },
    lookup: (hostname, _options, callback) => {
      if (hostname === 'unknown.example') {
        callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []);
      } else callback(null, [{ address: '10.0.0.7', family: 4 }]);
    },
  });
  const inside = await downloader.download('https://inside.example/f', collector().write);
  expect(inside).toMatchObject({ kind: 'url_refused' });
  expect(proxy.connections()).toBe(0);
  const unknown = await downloader.download('https://unknown.example/f', collector().write);
  expect(unknown).toMatchObject({ kind: 'saved' });
  expect(proxy.tunnels).toHaveLength(1);
});

it('passes an error of write through as it is, and hangs up', async () => {
  const hungUp = gate();
  const server = await startServer((_request, response) => {
    response.on('close', hungUp.resolve);
    response.write('first');
  });
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  const write = async (): Promise<void> => {
    throw full;
  };
  await expect(newDownloader(server.origin).download(server.origin, write)).rejects.toBe(full);
  await hungUp.promise;
});
