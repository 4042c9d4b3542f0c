import { expect, it } from 'vitest';
import { parsePaceHint } from '../../src/rivya/headers.js';

const now = Date.parse('2026-05-10T12:00:00Z');
const time = { now, date: null };
const hint = (limit: number | null, remaining: number | null, resetMs: number | null) => ({
  limit,
  remaining,
  resetMs,
});

it.each<[Record<string, string>, ReturnType<typeof hint> | null]>([
  [{}, null],
  [{ 'ratelimit-limit': 'many', 'x-ratelimit-reset': '6m0s' }, null],
  [
    { 'ratelimit-limit': '60', 'ratelimit-remaining': '0', 'ratelimit-reset': '12.5' },
    hint(60, 0, 12_500),
  ],
  [{ 'x-ratelimit-limit': '60', 'x-ratelimit-remaining': '59' }, hint(60, 59, null)],
  [{ 'ratelimit-limit': '100, 100;w=60' }, hint(100, null, null)],
  [{ 'x-ratelimit-remaining': '-3' }, hint(null, 0, null)],
  [{ 'ratelimit-remaining': '4', 'x-ratelimit-remaining': '9' }, hint(null, 4, null)],
  [{ 'x-ratelimit-reset': String(now / 1000 + 90) }, hint(null, null, 90_000)],
  [{ 'x-ratelimit-reset': String(now + 1500) }, hint(null, null, 1500)],
  [{ 'x-ratelimit-reset': String(now / 1000 - 90) }, hint(null, null, 0)],
  [{ 'x-ratelimit-reset': '4102444800' }, hint(null, null, 3_600_000)],
  [{ 'x-ratelimit-reset': String(now * 1000) }, hint(null, null, 3_600_000)],
  [{ 'x-ratelimit-reset': '9'.repeat(400) }, hint(null, null, 3_600_000)],
  [{ 'x-ratelimit-reset': '90000' }, hint(null, null, 3_600_000)],
  [{ 'x-ratelimit-limit': '0', 'x-ratelimit-remaining': '1' }, hint(null, 1, null)],
  [{ ratelimit: 'limit=100, remaining=50, reset=30' }, hint(100, 50, 30_000)],
  [
    { ratelimit: '"default";r=50;t=30', 'ratelimit-policy': '"default";q=100;w=60' },
    hint(100, 50, 30_000),
  ],
])('%j', (headers, expected) => {
  expect(parsePaceHint(headers, time)).toEqual(expected);
});

it('counts a date from the clock of the sender', () => {
  const headers = { 'x-ratelimit-reset': String(now / 1000 + 90) };
  const date = 'Sun, 10 May 2026 12:01:00 GMT';
  expect(parsePaceHint(headers, { now, date })).toEqual(hint(null, null, 30_000));
});
