import { expect, it } from 'vitest';
import { retryAfterMs, senderNow } from '../../src/rivya/headers.js';

const now = Date.parse('2026-05-10T12:00:00Z');
const date = 'Sun, 10 May 2026 10:00:00 GMT';

it.each<[string | null, string | null, number | null]>([
  [null, null, null],
  ['', null, null],
  ['0', null, 0],
  ['3', null, 3000],
  [' 3 ', null, 3000],
  ['0.25', null, 250],
  ['.5', null, 500],
  ['+2', null, 2000],
  ['-5', null, 0],
  ['86400', null, 86_400_000],
  ['86401', null, 3_600_000],
  ['99999999999999999999', null, 3_600_000],
  ['soon', null, null],
  ['try 12', null, null],
  ['1e3', null, null],
  ['Infinity', null, null],
  ['5s', null, null],
  ['Sun, 10 May 2026 12:00:30 GMT', null, 30_000],
  ['Sun, 10 May 2026 11:59:00 GMT', null, 0],
  ['Sunday, 10-May-26 12:00:10 GMT', null, 10_000],
  ['Sun May 10 12:00:20 2026', null, 20_000],
  ['Sun, 99 May 2026 12:00:30 GMT', null, null],
  ['Sun, 10 May 2026 10:00:30 GMT', date, 30_000],
  ['Sun, 10 May 2026 09:00:00 GMT', date, 0],
  ['Tue, 12 May 2026 12:00:00 GMT', date, 3_600_000],
  ['Sun, 10 May 2026 12:00:30 GMT', 'no date', 30_000],
  ['30', date, 30_000],
])('%s (Date: %s) is %s', (header, sentAt, expected) => {
  expect(retryAfterMs(header, { now, date: sentAt })).toBe(expected);
});

it("takes the sender's time where it is said", () => {
  expect(senderNow({ now, date })).toBe(now - 7_200_000);
  expect(senderNow({ now, date: null })).toBe(now);
});
