import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationCurve } from '../../../src/worker/polling/durations.js';
import { planChecks, plannedAgeMs } from '../../../src/worker/polling/policy.js';
import { anySketch, logNormal, sketchOf } from './sketches.js';

const image = durationCurve(sketchOf(logNormal(12_000, 0.4)));
const anyPrice = fc.double({ min: 0, max: 1e7, noNaN: true });

/** Ages at which a new task is looked at, as long as its history has a word to say. */
function schedule(policy: ReturnType<typeof planChecks>): number[] {
  const ages: number[] = [];
  for (let ageMs = plannedAgeMs(policy, 0); ageMs !== null; ageMs = plannedAgeMs(policy, ageMs)) {
    ages.push(ageMs);
  }
  return ages;
}

/** What a schedule costs by the curve, worked out from first principles. */
function costOf(ages: number[], curve: typeof image, priceMs: number): number {
  let [cost, before] = [0, 0];
  for (const age of ages) {
    const [from, to] = [before / curve.stepMs, age / curve.stepMs];
    cost += priceMs * (curve.running[from] ?? 0);
    for (let index = from; index < to; index += 1) {
      const ended = (curve.running[index] ?? 0) - (curve.running[index + 1] ?? 0);
      cost += ended * (age - (index + 0.5) * curve.stepMs);
    }
    before = age;
  }
  return cost;
}

describe('a plan', () => {
  it('keeps the rule of 2 s, then 5 s apart, and gets to the end of its history, whatever that and the price', () => {
    fc.assert(
      fc.property(anySketch, anyPrice, (sketch, priceMs) => {
        const curve = durationCurve(sketch);
        const ages = schedule(planChecks(curve, priceMs));
        const horizonMs = (curve.running.length - 1) * curve.stepMs;
        expect(ages[0]).toBeGreaterThanOrEqual(Math.min(2_000, horizonMs));
        for (let index = 1; index < ages.length - 1; index += 1) {
          expect((ages[index] ?? 0) - (ages[index - 1] ?? 0)).toBeGreaterThanOrEqual(5_000 - 1e-6);
        }
        expect(ages.at(-1)).toBe(horizonMs);
      }),
    );
  });

  it('is cheaper than any other schedule under the rule', () => {
    const gaps = fc.array(fc.integer({ min: 20, max: 60 }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 80 }), gaps, anyPrice, (first, rest, price) => {
        const last = image.running.length - 1;
        const ages = [first * image.stepMs];
        for (const gap of rest) {
          const before = ages.at(-1) ?? 0;
          ages.push(Math.min(last * image.stepMs, before + gap * image.stepMs));
        }
        const ours = costOf(schedule(planChecks(image, price)), image, price);
        // What the plan takes into account beyond the horizon, this sum does not.
        const beyond = (image.running[last] ?? 0) * (3 * price + last * image.stepMs);
        expect(ours).toBeLessThanOrEqual(costOf(ages, image, price) + beyond);
      }),
    );
  });

  it('looks less often the more a check costs, and notices later', () => {
    const plans = [0, 100, 1_000, 10_000, 100_000].map((price) => planChecks(image, price));
    const checks = plans.map((plan) => plan.checks);
    expect(checks).toEqual(checks.toSorted((a, b) => b - a));
    const notices = plans.map((plan) => plan.noticeMs);
    expect(notices).toEqual(notices.toSorted((a, b) => a - b));
  });

  it('says what it will come to', () => {
    const priceMs = 2_000;
    const plan = planChecks(image, priceMs);
    const cost = costOf(schedule(plan), image, priceMs);
    expect(plan.noticeMs + priceMs * plan.checks).toBeGreaterThan(cost);
    expect(plan.noticeMs + priceMs * plan.checks).toBeLessThan(cost * 1.05);
  });

  it('is the same each time', () => {
    fc.assert(
      fc.property(anySketch, anyPrice, (sketch, priceMs) => {
        const plan = () => planChecks(durationCurve(sketch), priceMs);
        expect(plan()).toEqual(plan());
      }),
      { numRuns: 30 },
    );
  });

  it('looks right behind a sharp peak, and a second time for what it did not expect', () => {
    const sharp = durationCurve(sketchOf(Array.from({ length: 500 }, () => 12_000)));
    const [first = 0, second = 0] = schedule(planChecks(sharp, 1_000));
    expect(first).toBeGreaterThanOrEqual(12_000);
    expect(first).toBeLessThan(15_000);
    expect(second - first).toBeLessThan(10_000);
  });

  it('goes by what is likely at an age, whatever was likely before', () => {
    const two = durationCurve(sketchOf([...logNormal(8_000, 0.1), ...logNormal(60_000, 0.1, 100)]));
    const plan = planChecks(two, 3_000);
    // Past the first of two peaks nothing ends for long: the next look is at the second.
    expect(plannedAgeMs(plan, 15_000)).toBeGreaterThan(50_000);
    expect(plannedAgeMs(plan, 52_000)).toBeLessThan(75_000);
  });
});
