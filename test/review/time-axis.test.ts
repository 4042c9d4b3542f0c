import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Series } from '../../src/results/timeline.js';
import { timeAxis } from '../../src/review/page/time-axis.js';

const nothing = {
  ...{ credits: 0, succeeded: 0, otherwise: 0, inFlight: 0 },
  ...{ refusedRate: 0, refusedPlaces: 0, refusedOther: 0 },
};

function seriesOf(seconds: number, stretches: [second: number, points: number][]): Series {
  return {
    seconds,
    stretches: stretches.map(([second, length]) => ({
      from: new Date(Date.UTC(2026, 5, 1) + second * 1000).toISOString(),
      points: Array.from({ length }, () => nothing),
    })),
  };
}

it('cuts gaps short, and says how long they are', () => {
  const { gaps, points } = timeAxis(
    seriesOf(60, [
      [0, 10],
      [86_400, 20],
    ]),
    630,
  );
  expect(gaps).toEqual([{ x: 200, width: 30, seconds: 86_400 - 600 }]);
  expect(points[9]).toMatchObject({ x: 180, stretch: 0 });
  expect(points[10]).toMatchObject({ x: 230, stretch: 1, atMs: Date.UTC(2026, 5, 2) });
});

it('puts everything into its width, in order, and no label upon another', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 200, max: 1_400 }),
      fc.constantFrom(1, 60, 3_600, 86_400),
      (all, width, seconds) => {
        const stretches = all.map(
          (length, index) => [index * 100 * seconds, length] as [number, number],
        );
        const { points, gaps, ticks, step } = timeAxis(seriesOf(seconds, stretches), width);
        const ends = points.map(({ x }) => x + step);
        expect(Math.max(...ends)).toBeLessThanOrEqual(width + 1e-6);
        for (const [index, { x }] of points.slice(1).entries()) {
          expect(x).toBeGreaterThanOrEqual((ends[index] ?? 0) - 1e-6);
        }
        expect(gaps).toHaveLength(all.length - 1);
        expect(ticks.length).toBeGreaterThan(0);
        for (const [index, { x }] of ticks.slice(1).entries()) {
          expect(x - (ticks[index]?.x ?? 0)).toBeGreaterThanOrEqual(44);
        }
      },
    ),
  );
});
