import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  bucketCount,
  bucketOf,
  bucketPosition,
  durationAt,
  positionMs,
  readSketch,
} from '../../src/ledger/durations.js';

it('keeps every duration in a bucket within 9 % of it, and what is off the scale at its ends', () => {
  fc.assert(
    fc.property(fc.double({ min: 250, max: 4 * 3_600_000, noNaN: true }), (durationMs) => {
      const bucket = bucketOf(durationMs);
      expect(positionMs(bucket)).toBeLessThanOrEqual(durationMs * 1.000001);
      expect(positionMs(bucket + 1)).toBeGreaterThanOrEqual(durationMs * 0.999999);
      expect(positionMs(bucketPosition(durationMs))).toBeCloseTo(durationMs, 3);
    }),
  );
  expect([bucketOf(0), bucketOf(-5), bucketOf(1e12)]).toEqual([0, 0, bucketCount - 1]);
});

it('reads a sketch leniently: another version of ours may keep more in it', () => {
  const sketch = readSketch({ version: '7', total: '48', 3: '32', 9: '16', 999: '16', since: 'x' });
  expect(sketch).toMatchObject({ version: 7, total: 3 });
  expect([sketch.tasks[3], sketch.tasks[9], sketch.tasks.length]).toEqual([2, 1, bucketCount]);
});

it('tells within which time a share of the tasks ended, to the width of a bucket', () => {
  const units = (ms: number, tasks: number) => ({ [bucketOf(ms)]: String(tasks * 16) });
  const sketch = readSketch({ ...units(4_000, 90), ...units(60_000, 10) });
  expect(durationAt(sketch, 0.5)).toBeGreaterThan(4_000 / 1.1);
  expect(durationAt(sketch, 0.5)).toBeLessThan(4_000 * 1.1);
  expect(durationAt(sketch, 0.99)).toBeGreaterThan(60_000 / 1.1);
  expect(durationAt(sketch, 1)).toBeLessThan(60_000 * 1.1);
  expect(durationAt(readSketch({}), 0.5)).toBeNull();
});
