import { describe, expect, it } from 'vitest';
import { bucketCount, bucketOf, DurationLedger } from '../../src/ledger/durations.js';
import { connect, openLedger } from '../support/ledger.js';

async function openDurations() {
  const { redis, account } = await openLedger();
  const durations = new DurationLedger(redis, account.keys);
  const noteMany = async (durationMs: number, times: number) => {
    for (let left = times; left > 0; left -= 100) {
      for (let task = 0; task < Math.min(left, 100); task += 1) {
        void durations.note(['fox'], durationMs);
      }
      await durations.tell();
    }
  };
  const inBucketOf = async (durationMs: number) =>
    (await durations.read('fox')).tasks[bucketOf(durationMs)];
  return { redis, account, durations, noteMany, inBucketOf };
}

it('knows nothing of a name that was never fed', async () => {
  const { durations } = await openDurations();
  expect(await durations.read('fox')).toMatchObject({ version: 0, total: 0 });
});

it('counts one task under each name, once', async () => {
  const { durations, redis, account } = await openDurations();
  const noted = durations.note(['fox 1', 'fox'], 12_000);
  void durations.note(['fox 2', 'fox'], 80_000);
  await noted;
  expect(await durations.read('fox 1')).toMatchObject({ version: 1, total: 1 });
  const { version, total, tasks } = await durations.read('fox');
  expect({ version, total }).toEqual({ version: 2, total: 2 });
  expect(tasks[bucketOf(12_000)]).toBe(1);
  expect(tasks[bucketOf(80_000)]).toBe(1);
  expect(await redis.pttl(`${account.keys.durations}fox`)).toBeGreaterThan(29 * 24 * 3_600_000);
});

it('is one sketch for all machines of the account, whoever feeds it', async () => {
  const { durations, account } = await openDurations();
  const elsewhere = new DurationLedger(connect(), account.keys);
  await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      (index % 2 ? durations : elsewhere).note(['fox'], 1_000 * (1 + index)),
    ),
  );
  const [here, there] = [await durations.read('fox'), await elsewhere.read('fox')];
  expect(here).toMatchObject({ version: 100, total: 100 });
  expect(there).toEqual(here);
});

describe('a long history', () => {
  it('is halved when it passes 600 tasks, by machines that feed it at once too', async () => {
    const { durations, noteMany } = await openDurations();
    await noteMany(12_000, 600);
    expect(await durations.read('fox')).toMatchObject({ total: 600 });
    await noteMany(12_000, 1);
    expect(await durations.read('fox')).toMatchObject({ total: 300.5, version: 601 });
    await noteMany(12_000, 2_000);
    const { total, version } = await durations.read('fox');
    expect(version).toBe(2_601);
    expect(total).toBeGreaterThan(300);
    expect(total).toBeLessThanOrEqual(600);
  });

  it('fades: what no task does any more is forgotten by halves, and then leaves no field', async () => {
    const { noteMany, inBucketOf, redis, account } = await openDurations();
    await noteMany(90_000, 1);
    await noteMany(12_000, 600);
    expect(await inBucketOf(90_000)).toBe(0.5);
    await noteMany(12_000, 1_400);
    expect(await inBucketOf(90_000)).toBe(0);
    expect(await redis.hlen(`${account.keys.durations}fox`)).toBe(3);
  });

  it('has a bounded number of fields, whatever the durations', async () => {
    const { durations, redis, account } = await openDurations();
    const spread = Array.from({ length: 500 }, (_, index) => 2 ** (index / 10 - 5));
    await Promise.all(spread.map((durationMs) => durations.note(['fox'], durationMs)));
    expect(await redis.hlen(`${account.keys.durations}fox`)).toBeLessThanOrEqual(bucketCount + 2);
    expect((await durations.read('fox')).total).toBe(500);
  });
});
