import { describe, expect, it } from 'vitest';
import { frozen, newClient, queuedTask } from './new-client.js';
import {
  closedPort,
  sendJson,
  startRawServer,
  startSecureServer,
  startServer,
} from './stand-in-server.js';

const brokenOff =
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"id":"ta';

describe('S1: unreachable, as surely not processed', () => {
  it('a refused connection', async () => {
    const client = newClient(`http://127.0.0.1:${await closedPort()}`);
    expect(await client.submit(frozen)).toMatchObject({
      kind: 'unreachable',
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it('a name that does not exist', async () => {
    const outcome = await newClient('https://no-such-host.invalid').submit(frozen);
    expect(outcome).toMatchObject({
      kind: 'unreachable',
      cause: { code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) },
    });
  });

  it('a certificate that is not trusted', async () => {
    const server = await startSecureServer(sendJson(queuedTask));
    expect(await newClient(server.origin).submit(frozen)).toMatchObject({
      kind: 'unreachable',
      reason: 'Not sent: no secure connection could be made (DEPTH_ZERO_SELF_SIGNED_CERT).',
    });
    expect(server.seen).toHaveLength(0);
  });

  it('a server without TLS', async () => {
    const server = await startServer(sendJson(queuedTask));
    const client = newClient(`https://127.0.0.1:${server.port}`);
    expect(await client.submit(frozen)).toMatchObject({ kind: 'unreachable' });
  });

  it('a reset during the TLS handshake', async () => {
    const server = await startRawServer((socket) => socket.resetAndDestroy());
    const client = newClient(`https://127.0.0.1:${server.port}`);
    expect(await client.submit(frozen)).toMatchObject({
      kind: 'unreachable',
      cause: { code: 'ECONNRESET' },
    });
  });

  it('a TLS handshake that never ends', async () => {
    const server = await startRawServer(() => undefined);
    const client = newClient(`https://127.0.0.1:${server.port}`, { requestTimeoutMs: 100 });
    expect(await client.submit(frozen)).toMatchObject({
      kind: 'unreachable',
      cause: { code: 'ERR_RIVYA_DEADLINE' },
    });
  });

  it('a signal that was aborted before', async () => {
    const server = await startServer(sendJson(queuedTask));
    const outcome = await newClient(server.origin).submit(frozen, AbortSignal.abort());
    expect(outcome).toMatchObject({ kind: 'unreachable' });
    expect(server.connections()).toBe(0);
  });

  it('a request that was aborted while it waited for a connection', async () => {
    const abort = new AbortController();
    const server = await startServer((_request, response) => {
      abort.abort();
      response.end();
    });
    const client = newClient(server.origin, { connections: 1 });
    const first = client.readCredits();
    expect(await client.submit(frozen, abort.signal)).toMatchObject({ kind: 'unreachable' });
    await first;
    expect(server.seen.map(({ method }) => method)).toEqual(['GET']);
  });
});

describe('S1: unknown, as it may have been processed', () => {
  it.each([301, 302, 303, 307, 308])('a redirect (%i), which is not followed', async (status) => {
    const elsewhere = await startServer(sendJson(queuedTask));
    const server = await startServer(sendJson({}, status, { location: elsewhere.origin }));
    const client = newClient(server.origin);
    for (const outcome of [await client.submit(frozen), await client.readTask('task_1')]) {
      expect(outcome).toMatchObject({
        kind: 'unknown',
        reason: expect.stringContaining('RIVYA_BASE_URL'),
      });
    }
    expect(elsewhere.connections()).toBe(0);
  });

  it('a reset before any byte of an answer', async () => {
    const server = await startRawServer((socket, received) => {
      if (received.includes(frozen.body.slice(-5))) socket.resetAndDestroy();
    });
    expect(await newClient(server.origin).submit(frozen)).toMatchObject({
      kind: 'unknown',
      httpStatus: null,
    });
    expect(server.connections()).toBe(1);
  });

  it('a connection closed before any byte of an answer', async () => {
    const server = await startRawServer((socket) => socket.end());
    expect(await newClient(server.origin).submit(frozen)).toMatchObject({ kind: 'unknown' });
    expect(server.connections()).toBe(1);
  });

  it.each([
    ['reset', 'resetAndDestroy'],
    ['closed', 'end'],
  ] as const)('a body that is %s half-way', async (_name, ending) => {
    const server = await startRawServer((socket) => {
      socket.write(brokenOff, () => socket[ending]());
    });
    expect(await newClient(server.origin).submit(frozen)).toMatchObject({
      kind: 'unknown',
      httpStatus: 200,
    });
  });

  it('a refusal whose body broke off', async () => {
    const server = await startRawServer((socket) => {
      socket.end(
        'HTTP/1.1 409 Conflict\r\nx-request-id: req_9\r\ncontent-length: 90\r\n\r\n{"error',
      );
    });
    expect(await newClient(server.origin).submit(frozen)).toMatchObject({
      kind: 'unknown',
      httpStatus: 409,
      requestId: 'req_9',
    });
  });

  it('a server that never answers', async () => {
    const server = await startRawServer(() => undefined);
    const client = newClient(server.origin, { requestTimeoutMs: 100 });
    expect(await client.submit(frozen)).toMatchObject({
      kind: 'unknown',
      reason: 'Sent, but no answer came in time.',
    });
  });

  it('a body that never ends', async () => {
    const server = await startRawServer((socket) => socket.write(brokenOff));
    const client = newClient(server.origin, { requestTimeoutMs: 100 });
    expect(await client.submit(frozen)).toMatchObject({
      kind: 'unknown',
      httpStatus: 200,
      cause: { code: 'ERR_RIVYA_DEADLINE' },
    });
  });

  it('an abort after sending', async () => {
    const abort = new AbortController();
    const server = await startServer(() => abort.abort());
    const outcome = await newClient(server.origin).submit(frozen, abort.signal);
    expect(outcome).toMatchObject({ kind: 'unknown', httpStatus: null });
  });

  it('a body without end is given up at 4 MB', async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(await newClient(server.origin).readCredits()).toMatchObject({
      kind: 'unknown',
      reason: 'HTTP 200, but the answer is longer than 4 MB.',
    });
  });
});
