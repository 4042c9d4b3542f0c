import type { LookupFunction } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { collector, newDownloader } from './new-downloader.js';
import { startRawServer, startServer } from './stand-in-server.js';

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])('follows %i on the API host', async (status) => {
    const server = await startServer((request, response) => {
      if (request.url === '/b') response.end('moved');
      else response.writeHead(status, { location: 'b' }).end('see there');
    });
    const outcome = await newDownloader(server.origin).download(
      `${server.origin}/a`,
      collector().write,
    );
    expect(outcome).toMatchObject({ kind: 'saved', bytes: 5 });
  });

  it('follows three of them and no more', async () => {
    const server = await startServer((request, response) => {
      const hop = Number(request.url?.slice(1));
      response.writeHead(302, { location: `/${hop + 1}` }).end();
    });
    const outcome = await newDownloader(server.origin).download(
      `${server.origin}/0`,
      collector().write,
    );
    expect(outcome).toMatchObject({ kind: 'unavailable' });
    expect(server.seen.map(({ url }) => url)).toEqual(['/0', '/1', '/2', '/3']);
  });

  it.each([
    ['another port, http', (port: number) => `http://127.0.0.1:${port}/`],
    ['another port, https', (port: number) => `https://127.0.0.1:${port}/`],
    ['this machine by name', (port: number) => `https://localhost:${port}/`],
    ['this machine in IPv6', (port: number) => `https://[::ffff:127.0.0.1]:${port}/`],
    ['a name that resolves inside', (port: number) => `https://media.example:${port}/`],
  ])('S8: does not follow one to %s', async (_name, target) => {
    const canary = await startRawServer(() => undefined);
    const location = `${target(canary.port)}?token=SECRET`;
    const server = await startServer((_request, response) => {
      response.writeHead(302, { location }).end();
    });
    const lookup: LookupFunction = (_hostname, _options, callback) =>
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    const downloader = newDownloader(server.origin, { lookup });
    const outcome = await downloader.download(server.origin, collector().write);
    expect(outcome.kind).toBe('url_refused');
    expect(inspect(outcome, { depth: 9 })).not.toContain('SECRET');
    expect(canary.connections()).toBe(0);
  });

  it.each([[''], ['https://']])('gives up on a location of %j', async (location) => {
    const server = await startServer((_request, response) => {
      response.writeHead(302, { location }).end();
    });
    const outcome = await newDownloader(server.origin).download(server.origin, collector().write);
    expect(outcome).toMatchObject({ kind: 'unavailable' });
  });
});

it('S8: refuses the first URL by the same rule', async () => {
  const canary = await startRawServer(() => undefined);
  const downloader = newDownloader('https://rivya.ai');
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    const outcome = await downloader.download(`https://${host}:${canary.port}/`, collector().write);
    expect(outcome.kind).toBe('url_refused');
  }
  expect(canary.connections()).toBe(0);
});
