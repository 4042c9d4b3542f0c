import { expect, it } from 'vitest';
import { HistoryLedger, historySpans } from '../../src/ledger/history.js';
import { openLedger } from '../support/ledger.js';

it('what was done lately is kept in rings of bounded size, told in one step by any number of processes', async () => {
  const { redis, account, nowMs } = await openLedger();
  const [one, other] = [0, 1].map(() => new HistoryLedger(redis, account.keys));
  if (one === undefined || other === undefined) throw new Error('there are two');
  one.note({ succeeded: 1, credits: 1.5 });
  one.note({ otherwise: 1 });
  other.note({ succeeded: 2, credits: 3, refused: 1, noticed: 1, lateMs: 800 });
  await one.tell();
  await other.tell();
  const all = { succeeded: 3, otherwise: 1, credits: 4.5, refused: 1, noticed: 1, lateMs: 800 };
  const sum = async (atMs: number, span: 'hour' | 'day' | 'week') => {
    const { buckets } = await one.read(span, atMs);
    expect(buckets).toHaveLength(historySpans[span].places);
    const done = buckets.filter(({ figures }) => figures.succeeded > 0);
    return done.map(({ figures }) => figures);
  };
  const atMs = await nowMs();
  for (const span of ['hour', 'day', 'week'] as const) expect(await sum(atMs, span)).toEqual([all]);
  // An hour later the hour's ring has nothing of it, and the day's has.
  expect(await sum(atMs + 3_600_000, 'hour')).toEqual([]);
  expect(await sum(atMs + 3_600_000, 'day')).toEqual([all]);
  // A bucket of an earlier round is begun anew: what stands in its place counts no more.
  const fields = await redis.hgetall(account.keys.history);
  expect(Object.keys(fields)).toHaveLength(3);
  for (const field of Object.keys(fields))
    await redis.hset(account.keys.history, field, '7 9 9 9 9 9 9');
  one.note({ succeeded: 1 });
  await one.tell();
  const anew = [{ succeeded: 1, otherwise: 0, credits: 0, refused: 0, noticed: 0, lateMs: 0 }];
  expect(await sum(await nowMs(), 'week')).toEqual(anew);
  // With nothing to tell, nothing is told.
  await other.tell();
  expect(await redis.pttl(account.keys.history)).toBeGreaterThan(7 * 24 * 3_600_000);
});
