import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createRivyaClient } from '../../src/rivya/client.js';
import { frozen, newClient, queuedTask, testKey } from './new-client.js';
import { sendJson, startRawServer, startServer } from './stand-in-server.js';

describe('submit', () => {
  it('S1: sends the frozen bytes under the frozen key', async () => {
    const server = await startServer(sendJson(queuedTask, 202));
    const outcome = await newClient(server.origin).submit(frozen);
    expect(outcome).toEqual({
      kind: 'accepted',
      task: {
        id: 'task_1',
        status: { kind: 'running', word: 'queued' },
        reservedCredits: 1,
        finalCredits: 0,
        lifeMs: null,
        updatedAtMs: null,
        urls: [],
        error: null,
      },
      pace: null,
    });
    const [request] = server.seen;
    expect(request).toMatchObject({
      method: 'POST',
      url: '/api/v1/generations',
      body: frozen.body,
    });
    expect(request?.headers).toMatchObject({
      authorization: `Bearer ${testKey}`,
      'content-type': 'application/json',
      'idempotency-key': frozen.idempotencyKey,
      'user-agent': 'rivya-batch',
    });
  });

  it('keeps the connection for the next request', async () => {
    const server = await startServer(sendJson(queuedTask));
    const client = newClient(server.origin, { connections: 1 });
    await client.submit(frozen);
    await client.submit(frozen);
    expect(server.seen).toHaveLength(2);
    expect(server.connections()).toBe(1);
  });

  it('throws what is wrong with our own request, as no outcome of the API', async () => {
    const server = await startServer(sendJson(queuedTask));
    const broken = { idempotencyKey: 'two\r\nlines', body: '{}' };
    await expect(newClient(server.origin).submit(broken)).rejects.toMatchObject({
      code: 'UND_ERR_INVALID_ARG',
    });
    expect(server.seen).toHaveLength(0);
  });
});

describe('reads', () => {
  it('reads a task, its id encoded', async () => {
    const body = {
      ...queuedTask,
      id: 'a/b',
      status: 'succeeded',
      result: { urls: ['https://m/x'] },
    };
    const server = await startServer(sendJson(body));
    const outcome = await newClient(server.origin).readTask('a/b?c');
    expect(outcome).toMatchObject({
      kind: 'read',
      task: { status: { kind: 'succeeded' }, urls: ['https://m/x'] },
    });
    expect(server.seen[0]?.url).toBe('/api/v1/generations/a%2Fb%3Fc');
  });

  it('tells how far the clock here is ahead of the one that dates the task', async () => {
    const answer = sendJson(queuedTask, 200, { date: 'Mon, 01 Jun 2026 12:00:00 GMT' });
    const server = await startServer(answer);
    const clock = { now: () => Date.parse('2026-06-01T12:00:07.250Z') };
    const outcome = await newClient(server.origin, { clock }).readTask('task_1');
    expect(outcome).toMatchObject({ kind: 'read', clockAheadMs: 7_250 });
  });

  it.each([
    [{ current_credits: 12.5 }, 12.5],
    [{ current_credits: '7', extra: true }, 7],
    [{ current_credits: 0 }, 0],
  ])('reads credits from %j', async (body, currentCredits) => {
    const server = await startServer(sendJson(body));
    const outcome = await newClient(server.origin).readCredits();
    expect(outcome).toMatchObject({ kind: 'read', currentCredits, pace: null });
    expect(server.seen[0]?.headers.authorization).toBe(`Bearer ${testKey}`);
  });

  it.each([[{}], [{ current_credits: '' }], [{ current_credits: null }], [[]], [null]])(
    'does not take %j for a balance',
    async (body) => {
      const server = await startServer(sendJson(body));
      expect(await newClient(server.origin).readCredits()).toMatchObject({
        kind: 'unknown',
        httpStatus: 200,
      });
    },
  );

  it('lists models without the key', async () => {
    const server = await startServer(sendJson({ object: 'list', data: [{ id: 'z-image' }] }));
    const outcome = await newClient(server.origin).listModels();
    expect(outcome).toMatchObject({ kind: 'read', models: [{ id: 'z-image' }] });
    expect(server.seen[0]?.url).toBe('/api/v1/models');
    expect(server.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  it('carries the pace that the headers state', async () => {
    const headers = {
      'ratelimit-limit': '60',
      'ratelimit-remaining': '59',
      'ratelimit-reset': '30',
    };
    const pace = { limit: 60, remaining: 59, resetMs: 30_000 };
    const calm = await startServer(sendJson({ current_credits: 1 }, 200, headers));
    expect(await newClient(calm.origin).readCredits()).toMatchObject({ kind: 'read', pace });
    const busy = await startServer(sendJson({}, 429, headers));
    expect(await newClient(busy.origin).readCredits()).toMatchObject({ kind: 'refused', pace });
  });
});

describe('S8: the key is in no outcome', () => {
  const echoes = {
    'an error that quotes the header': (header: string) => ({
      error: { code: header, message: `bad ${header}`, requestId: header },
    }),
    'a failed task that quotes the header': (header: string) => ({
      ...queuedTask,
      status: header,
      error: { code: header, message: header },
    }),
    'a long message with the key at the cut': (header: string) => ({
      error: { message: `${'x'.repeat(480)}${header}` },
    }),
  };
  it.each(Object.entries(echoes))('%s', async (_name, echo) => {
    for (const status of [200, 400, 500]) {
      const server = await startServer((request, response, seen) => {
        const header = seen.headers.authorization ?? '';
        sendJson(echo(header), status, { 'x-request-id': header })(request, response, seen);
      });
      const outcome = await newClient(server.origin).submit(frozen);
      expect(server.seen[0]?.headers.authorization).toContain(testKey);
      expectNoKey(outcome);
    }
  });

  it('an answer that is the request itself', async () => {
    const server = await startRawServer((socket, received) => socket.end(received));
    const outcome = await newClient(server.origin).submit(frozen);
    expect(outcome).toMatchObject({ kind: 'unknown', httpStatus: null });
    expectNoKey(outcome);
  });

  it('a proxy address that is no URL is not quoted', () => {
    const proxy = { http: 'http//me:rvya_sk_x@proxy', https: null, noProxy: null };
    const create = () => createRivyaClient({ origin: 'http://a.test', apiKey: testKey, proxy });
    expect(create).toThrow('The address of the proxy is not a URL.');
  });

  function expectNoKey(outcome: unknown) {
    const shown = `${JSON.stringify(outcome)}${inspect(outcome, { depth: 20, showHidden: true })}`;
    expect(shown).not.toContain(testKey.slice('rvya_sk_'.length, 22));
  }
});
