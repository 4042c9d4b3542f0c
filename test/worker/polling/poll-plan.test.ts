import { describe, expect, it } from 'vitest';
import { taskCategorySchema } from '../../../src/shared/task-category.js';
import {
  deadlineMs,
  guidedCheckInMs,
  tailCheckInMs,
} from '../../../src/worker/polling/guidance.js';

const categories = taskCategorySchema.options;
const someChecks = Array.from({ length: 40 }, (_, index) => index);

describe.each(categories)('the plan for a task of category %s', (category) => {
  it('looks first 2 to 3 s after acceptance, whatever the chance', () => {
    for (const random of [0, 0.5, 1]) {
      expect(guidedCheckInMs(category, 0, random)).toBeGreaterThanOrEqual(2_000);
      expect(guidedCheckInMs(category, 0, random)).toBeLessThanOrEqual(3_000);
    }
  });

  it('never looks sooner than 5 s after the last look', () => {
    for (const checks of someChecks.slice(1)) {
      expect(guidedCheckInMs(category, checks, 0)).toBeGreaterThanOrEqual(5_000);
    }
  });

  it('widens and then keeps its widest spacing', () => {
    for (const random of [0, 1]) {
      const spacings = someChecks
        .slice(1)
        .map((checks) => guidedCheckInMs(category, checks, random));
      expect(spacings).toEqual(spacings.toSorted((a, b) => a - b));
      expect(spacings.at(-1)).toBe(spacings.at(-2));
      expect(spacings.at(-1)).toBeGreaterThan(spacings[0] ?? 0);
    }
  });

  it('spreads the looks by chance, by a fifth at most, in whole milliseconds', () => {
    for (const checks of someChecks) {
      const [least, some, most] = [0, 0.123, 1].map((it) => guidedCheckInMs(category, checks, it));
      expect(least).toBeLessThan(most ?? 0);
      expect((most ?? 0) / (least ?? 1)).toBeLessThanOrEqual(1.23);
      expect(Number.isInteger(some)).toBe(true);
    }
  });
});

describe('a task that has outlived all history', () => {
  it.each(categories)(
    'S3: of category %s is asked for, never sooner than 5 s apart',
    (category) => {
      for (const random of [0, 0.5, 1]) {
        const ages = [0, 1_000, 30_000, 100_000, 600_000, 10_000_000];
        const waits = ages.map((ageMs) => tailCheckInMs(category, ageMs, random));
        expect(waits[0]).toBeGreaterThanOrEqual(5_000);
        expect(waits).toEqual(waits.toSorted((a, b) => a - b));
        expect(waits.every(Number.isInteger)).toBe(true);
        expect(waits.at(-1)).toBeLessThanOrEqual(72_000);
      }
    },
  );
});

it('S3: watches at least as long as the API may take: 15, 20 and 60 minutes', () => {
  expect(categories.map((category) => [category, deadlineMs(category) / 60_000])).toEqual([
    ['image', 15],
    ['audio', 20],
    ['video', 60],
  ]);
});

it('looks at images at most every 10 to 12 s, at other media at most every 36 s', () => {
  expect(guidedCheckInMs('image', 99, 1)).toBe(12_000);
  expect(guidedCheckInMs('audio', 99, 1)).toBe(24_000);
  expect(guidedCheckInMs('video', 99, 1)).toBe(36_000);
});
