import fc from 'fast-check';
import { bucketCount, bucketOf, type DurationSketch } from '../../../src/ledger/durations.js';

/** The sketch of a history of these durations. */
export function sketchOf(durationsMs: readonly number[]): DurationSketch {
  const tasks = Array.from({ length: bucketCount }, () => 0);
  for (const durationMs of durationsMs) {
    const bucket = bucketOf(durationMs);
    tasks[bucket] = (tasks[bucket] ?? 0) + 1;
  }
  return { version: durationsMs.length, tasks, total: durationsMs.length };
}

/** Evenly spaced quantiles of a log-normal distribution: a history without the luck of a draw. */
export function logNormal(medianMs: number, sigma: number, count = 500): number[] {
  return Array.from({ length: count }, (_, index) => {
    return medianMs * Math.exp(sigma * normalQuantile((index + 0.5) / count));
  });
}

/** Any sketch that counts at least ten tasks, of one bucket or of many, young or faded. */
export const anySketch: fc.Arbitrary<DurationSketch> = fc
  .array(fc.tuple(fc.nat(bucketCount - 1), fc.integer({ min: 1, max: 4_000 })), {
    minLength: 1,
    maxLength: 40,
  })
  .map((counts) => {
    const tasks = Array.from({ length: bucketCount }, () => 0);
    for (const [bucket, units] of counts) tasks[bucket] = (tasks[bucket] ?? 0) + 10 + units / 16;
    return { version: 1, tasks, total: tasks.reduce((sum, count) => sum + count, 0) };
  });

/** Abramowitz and Stegun 26.2.23: good to 4.5e-4. */
function normalQuantile(share: number): number {
  if (share > 0.5) return -normalQuantile(1 - share);
  const t = Math.sqrt(-2 * Math.log(share));
  const over = 2.515517 + 0.802853 * t + 0.010328 * t * t;
  return over / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3) - t;
}
