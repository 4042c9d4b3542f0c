import { expect, it } from 'vitest';
import {
  HistoryLedger,
  type HistorySpan,
  historySpanNames,
  historySpans,
  isNothing,
  readHistory,
  spanFor,
} from '../../src/ledger/history.js';
import { batchKeys } from '../../src/ledger/keys.js';
import { openLedger } from '../support/ledger.js';

it('what was done lately is kept in rings of bounded size, told in one step by any number of processes', async () => {
  const { redis, prefix, account, ledger, nowMs } = await openLedger();
  const other = await openLedger({ batch: 'autumn', prefix });
  const [one, two] = [0, 1].map(() => new HistoryLedger(redis, prefix, account.keys));
  if (one === undefined || two === undefined) throw new Error('there are two');
  one.note('spring', { succeeded: 1, credits: 1.5 });
  one.note('spring', { otherwise: 1 });
  two.note('spring', { succeeded: 1, refused: 1 });
  two.note('autumn', { succeeded: 1, credits: 3, noticed: 1, lateMs: 800 });
  two.note('never opened', { credits: 0 });
  await one.tell();
  await two.tell();
  const none = { succeeded: 0, otherwise: 0, credits: 0, refused: 0, noticed: 0, lateMs: 0 };
  const all = { succeeded: 3, otherwise: 1, credits: 4.5, refused: 1, noticed: 1, lateMs: 800 };
  const done = async (key: string, span: HistorySpan, untilMs: number, sinceMs = 0) => {
    const { buckets } = await readHistory(redis, key, { span, untilMs, sinceMs });
    if (sinceMs === 0) expect(buckets).toHaveLength(historySpans[span].places);
    return buckets.flatMap(({ figures }) => (isNothing(figures) ? [] : figures));
  };
  const atMs = await nowMs();
  const ofSpring = { ...none, succeeded: 2, otherwise: 1, credits: 1.5, refused: 1 };
  const ofAutumn = { ...none, succeeded: 1, credits: 3, noticed: 1, lateMs: 800 };
  const { history } = account.keys;
  for (const span of historySpanNames) {
    expect(await done(history, span, atMs)).toEqual([all]);
    expect(await done(ledger.keys.history, span, atMs)).toEqual([ofSpring]);
    expect(await done(other.ledger.keys.history, span, atMs, atMs)).toEqual([ofAutumn]);
  }
  // A batch that is gone, or never was, leaves nothing behind.
  expect(await redis.exists(batchKeys(prefix, 'never opened').history)).toBe(0);
  await other.ledger.forget();
  expect(await redis.exists(other.ledger.keys.history)).toBe(0);
  // An hour later the hour's ring has nothing of it, and the day's has.
  expect(await done(history, 'hour', atMs + 3_600_000)).toEqual([]);
  expect(await done(history, 'day', atMs + 3_600_000)).toEqual([all]);
  // A bucket of an earlier round is begun anew: what stands in its place counts no more.
  const fields = await redis.hgetall(history);
  expect(Object.keys(fields)).toHaveLength(historySpanNames.length);
  for (const field of Object.keys(fields)) await redis.hset(history, field, '7 9 9 9 9 9 9');
  one.note('spring', { succeeded: 1 });
  await one.tell();
  expect(await done(history, 'week', await nowMs())).toEqual([{ ...none, succeeded: 1 }]);
  // With nothing to tell, nothing is told.
  await redis.del(history);
  await two.tell();
  expect(await redis.exists(history)).toBe(0);
  expect(await redis.pttl(ledger.keys.history)).toBeGreaterThan(7 * 24 * 3_600_000);
});

it('what is younger than its span is shown from its beginning, in enough buckets for a chart', async () => {
  const { redis, ledger } = await openLedger();
  const untilMs = 10_000 * 60_000 + 1;
  const lengthSince = async (minutes: number) => {
    const sinceMs = untilMs - minutes * 60_000;
    const asked = { span: 'hour', untilMs, sinceMs } as const;
    const { buckets } = await readHistory(redis, ledger.keys.history, asked);
    expect(buckets.at(-1)?.fromMs).toBe(untilMs - 1);
    return buckets.length;
  };
  expect(await lengthSince(2)).toBe(12);
  expect(await lengthSince(30)).toBe(31);
  expect(await lengthSince(500)).toBe(60);
  const hourMs = 3_600_000;
  expect([hourMs / 4, hourMs, hourMs + 1, 25 * hourMs, 500 * hourMs].map(spanFor)).toEqual([
    ...['15 minutes', 'hour', 'day', 'week', 'week'],
  ]);
});
