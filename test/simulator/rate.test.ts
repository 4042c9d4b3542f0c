import { expect, test } from 'vitest';
import { openWindow } from '../../src/simulator/rate-gate.js';
import { apiKey, fox, withSimulator } from './with-simulator.js';

test('over the limit: 429 with Retry-After in seconds, and nothing is made', async () => {
  const rate = { limit: 2, windowMs: 10_000 };
  const { clock, simulator, submit, send } = await withSimulator({ rate });
  await submit(fox);
  await send('/api/v1/credits');
  clock.advance(3500);
  const refused = await submit(fox);
  expect(refused.status).toBe(429);
  expect(refused.body.error).toEqual({
    code: 'rate_limited',
    message: 'Too many requests in the current window.',
    requestId: expect.stringMatching(/^req_/),
  });
  expect(refused.headers.get('retry-after')).toBe('7');
  clock.advance(6500);
  expect((await submit(fox)).status).toBe(200);
  expect(simulator.bill()).toMatchObject({
    refusals: 1,
    total: { tasks: 2 },
    requests: { total: 4, maxInWindow: 3, windowMs: 10_000 },
  });
});

test('Retry-After as a date, or not at all', async () => {
  const rate = { limit: 1, windowMs: 10_000, retryAfter: 'date' } as const;
  const { submit, send, control } = await withSimulator({ rate });
  await submit(fox);
  const dated = await send('/api/v1/credits');
  expect(dated.headers.get('retry-after')).toBe('Mon, 01 Jun 2026 12:00:10 GMT');
  await control({ rate: { limit: 1, windowMs: 10_000, retryAfter: 'none' } });
  await submit(fox);
  const silent = await submit(fox);
  expect(silent.status).toBe(429);
  expect(silent.headers.get('retry-after')).toBeNull();
});

test('X-RateLimit headers on demand', async () => {
  const rate = { limit: 3, windowMs: 5000, headers: 'x-ratelimit' } as const;
  const { submit } = await withSimulator({ rate });
  const { headers } = await submit(fox);
  expect(headers.get('x-ratelimit-limit')).toBe('3');
  expect(headers.get('x-ratelimit-remaining')).toBe('2');
});

test('each key has its own window', async () => {
  const { send } = await withSimulator({ rate: { limit: 1 } });
  const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
  expect((await send('/api/v1/credits', as(apiKey))).status).toBe(200);
  expect((await send('/api/v1/credits', as('rvya_sk_other'))).status).toBe(200);
  expect((await send('/api/v1/credits', as(apiKey))).status).toBe(429);
});

test('submits and reads can have limits of their own', async () => {
  const { submit, read } = await withSimulator({
    submitRate: { limit: 1 },
    readRate: { limit: 2 },
  });
  const { body } = await submit(fox);
  expect((await submit(fox)).status).toBe(429);
  const reads = [await read(body.id), await read(body.id), await read(body.id)];
  expect(reads.map(({ status }) => status)).toEqual([200, 200, 429]);
});

const settings = { limit: 2, windowMs: 1000, retryAfter: 'none', headers: 'none' } as const;

test('a fixed window opens at its first request and then starts again', () => {
  const window = openWindow({ ...settings, window: 'fixed' });
  window.take(100);
  window.take(1000);
  expect(window.waitMs(1050)).toBe(50);
  expect(window.waitMs(1100)).toBe(0);
  expect(window.remaining(1100)).toBe(2);
});

test('a sliding window frees each place one window later', () => {
  const window = openWindow({ ...settings, window: 'sliding' });
  window.take(100);
  window.take(1000);
  expect(window.waitMs(1050)).toBe(50);
  window.take(1100);
  expect(window.waitMs(1100)).toBe(900);
});

test('a bucket refills evenly', () => {
  const window = openWindow({ ...settings, window: 'bucket' });
  window.take(0);
  window.take(0);
  expect(window.waitMs(0)).toBe(500);
  expect(window.waitMs(400)).toBe(100);
  expect(window.remaining(500)).toBe(1);
  expect(window.remaining(60_000)).toBe(2);
});
