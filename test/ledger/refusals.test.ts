import { expect, it } from 'vitest';
import { BatchLedger } from '../../src/ledger/batch-ledger.js';
import { type RefusalBucket, readRefusals } from '../../src/ledger/refusals.js';
import { openLedger } from '../support/ledger.js';

const sumOf = (buckets: readonly RefusalBucket[]) =>
  buckets.reduce((sum, { rate, places, other }) => sum + rate + places + other, 0);

it('counts refusals by their time and kind, and in all', async () => {
  const { ledger, nowMs } = await openLedger();
  expect(await ledger.refusals()).toEqual([]);
  const beganMs = await nowMs();
  for (const kind of ['rate', 'places', 'rate', 'other'] as const) await ledger.countRefusal(kind);
  const buckets = await ledger.refusals();
  expect(sumOf(buckets)).toBe(4);
  expect(buckets.reduce((sum, { rate }) => sum + rate, 0)).toBe(2);
  expect(buckets.every(({ seconds }) => seconds === 1)).toBe(true);
  expect((buckets[0] as RefusalBucket).from).toBeGreaterThanOrEqual(Math.floor(beganMs / 1000));
  expect((await ledger.meta())?.requests.refused).toBe(4);
});

it('makes buckets wider, rather than keep any number of them, and loses none', async () => {
  const { ledger, redis, nowMs } = await openLedger();
  const second = Math.floor((await nowMs()) / 1000);
  // One in every ten minutes of three nights.
  const earlier = Array.from({ length: 240 }, (_, index) => second - (index + 1) * 600);
  await redis.hset(
    ledger.keys.refusals,
    Object.fromEntries(earlier.map((at) => [`${at} rate`, 1])),
  );
  await ledger.countRefusal('places');
  const buckets = await ledger.refusals();
  expect(sumOf(buckets)).toBe(241);
  const [{ seconds }] = buckets as [RefusalBucket];
  expect(seconds).toBe(900);
  expect(buckets.every(({ from }) => from % seconds === 0)).toBe(true);
  expect(await redis.hlen(ledger.keys.refusals)).toBeLessThanOrEqual(240);
  // What comes next is counted in the wider ones.
  await ledger.countRefusal('places');
  expect(sumOf(await ledger.refusals())).toBe(242);
  expect((await ledger.refusals()).every((bucket) => bucket.seconds === seconds)).toBe(true);
});

it('counts nothing of a batch that is not there, and forgets with it', async () => {
  const { ledger, redis, prefix, account } = await openLedger();
  const other = new BatchLedger(redis, prefix, 'autumn', account);
  await other.countRefusal('rate');
  expect(await redis.exists(other.keys.meta, other.keys.refusals)).toBe(0);
  await ledger.countRefusal('rate');
  await ledger.forget();
  expect(await ledger.refusals()).toEqual([]);
});

it('leaves aside what is no count of its own', () => {
  expect(
    readRefusals({ width: '3', '20 rate': '2', '20 other': '1', '30 odd': '9', x: '1' }),
  ).toEqual([{ from: 20, seconds: 10, rate: 2, places: 0, other: 1 }]);
});
