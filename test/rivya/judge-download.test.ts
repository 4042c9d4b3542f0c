import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { collector, gate, newDownloader } from './new-downloader.js';
import { closedPort, startRawServer, startServer } from './stand-in-server.js';

describe('what is not saved', () => {
  it.each([403, 404, 410])('HTTP %i is gone', async (status) => {
    const server = await startServer((_request, response) => response.writeHead(status).end('no'));
    const outcome = await newDownloader(server.origin).download(server.origin, collector().write);
    expect(outcome).toEqual({ kind: 'gone', httpStatus: status });
  });

  it.each([204, 206, 304, 400, 429, 500, 503])('HTTP %i is unavailable', async (status) => {
    const server = await startServer((_request, response) => {
      response.writeHead(status, { 'retry-after': '4' }).end();
    });
    const outcome = await newDownloader(server.origin).download(server.origin, collector().write);
    expect(outcome).toMatchObject({ kind: 'unavailable' });
    if (status !== 204) expect(outcome).toMatchObject({ retryAfterMs: 4000 });
  });

  it.each([
    ['a length', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
    ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('S5: a file with %s that is cut short', async (_name, answer) => {
    const server = await startRawServer((socket) => socket.end(answer));
    const outcome = await newDownloader(server.origin).download(server.origin, collector().write);
    expect(outcome).toMatchObject({ kind: 'unavailable', cause: { code: expect.any(String) } });
  });

  it.each([
    ['a length of 0', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\n'],
  ])('S5: an empty file with %s', async (_name, answer) => {
    const server = await startRawServer((socket) => socket.end(answer));
    const outcome = await newDownloader(server.origin).download(server.origin, collector().write);
    expect(outcome).toMatchObject({ kind: 'unavailable', reason: 'The file is empty.' });
  });

  it('S5: a file that came compressed and cannot be decompressed, or not to its end', async () => {
    const whole = gzipSync(randomBytes(20_000));
    for (const sent of [whole.subarray(0, 10_000), Buffer.from('1f8b0800', 'hex')]) {
      const server = await startServer((request, response) => {
        expect(request.headers['accept-encoding']).toBe('identity');
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(sent);
      });
      const outcome = await newDownloader(server.origin).download(server.origin, collector().write);
      expect(outcome).toMatchObject({
        kind: 'unavailable',
        reason: expect.stringContaining('could not be decompressed'),
      });
    }
  });

  it('too large once it is decompressed', async () => {
    const server = await startServer((_request, response) => {
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(1_000_000)));
    });
    const downloader = newDownloader(server.origin, { maxBytes: 100_000 });
    expect(await downloader.download(server.origin, collector().write)).toEqual({
      kind: 'too_large',
      maxBytes: 100_000,
    });
  });

  it('a drip that never stops, told as standing before it is given up', async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(200, { 'content-length': '1000000' });
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const downloader = newDownloader(server.origin, { idleTimeoutMs: 2_500 });
    let standing = 0;
    const outcome = await downloader.download(server.origin, collector().write, {
      onStanding: () => {
        standing += 1;
      },
    });
    expect(outcome).toMatchObject({ kind: 'unavailable', cause: { code: 'ERR_RIVYA_DEADLINE' } });
    expect(standing).toBe(1);
  });

  it.each([
    ['before the headers', ''],
    ['in the body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
  ])('a server that falls silent %s', async (_name, answer) => {
    const server = await startRawServer((socket) => socket.write(answer));
    for (const limits of [{ idleTimeoutMs: 100 }, { totalTimeoutMs: 100 }]) {
      const downloader = newDownloader(server.origin, limits);
      expect(await downloader.download(server.origin, collector().write)).toMatchObject({
        kind: 'unavailable',
        cause: { code: 'ERR_RIVYA_DEADLINE' },
      });
    }
  });

  it('a download that is aborted', async () => {
    const abort = new AbortController();
    const server = await startRawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
    });
    const write = async (): Promise<void> => abort.abort();
    const outcome = await newDownloader(server.origin).download(server.origin, write, {
      signal: abort.signal,
    });
    expect(outcome).toMatchObject({ kind: 'unavailable' });
  });

  it('a server that is not there', async () => {
    const origin = `http://127.0.0.1:${await closedPort()}`;
    const outcome = await newDownloader(origin).download(
      `${origin}/?token=SECRET`,
      collector().write,
    );
    expect(outcome).toMatchObject({ kind: 'unavailable', cause: { code: 'ECONNREFUSED' } });
    expect(inspect(outcome, { depth: 9 })).not.toContain('SECRET');
  });

  it('too large by its header: nothing is read', async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(200, { 'content-length': '101' }).write('x');
    });
    const { write, bytes } = collector();
    const outcome = await newDownloader(server.origin, { maxBytes: 100 }).download(
      server.origin,
      write,
    );
    expect(outcome).toEqual({ kind: 'too_large', maxBytes: 100 });
    expect(bytes()).toHaveLength(0);
  });

  it('too large without a header: stops early and hangs up', async () => {
    const hungUp = gate();
    const server = await startServer((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
      };
      response.on('drain', more);
      response.on('close', hungUp.resolve);
      more();
    });
    const { write, bytes } = collector();
    const downloader = newDownloader(server.origin, { maxBytes: 100_000 });
    expect(await downloader.download(server.origin, write)).toEqual({
      kind: 'too_large',
      maxBytes: 100_000,
    });
    expect(bytes().length).toBeLessThanOrEqual(100_000);
    await hungUp.promise;
  });

  it('exactly the largest size is not too large', async () => {
    const server = await startServer((_request, response) => response.end(Buffer.alloc(100)));
    const downloader = newDownloader(server.origin, { maxBytes: 100 });
    expect(await downloader.download(server.origin, collector().write)).toMatchObject({
      bytes: 100,
    });
  });
});
