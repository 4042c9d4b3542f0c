import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationCurve, horizonMs } from '../../../src/worker/polling/durations.js';
import {
  choosePolicy,
  endless,
  freeFromMs,
  freePolicy,
  plannedAgeMs,
} from '../../../src/worker/polling/policy.js';
import { anySketch, logNormal, sketchOf } from './sketches.js';

const image = durationCurve(sketchOf(logNormal(12_000, 0.4)));
const video = durationCurve(sketchOf(logNormal(90_000, 0.5)));

describe('while submissions wait for their turn', () => {
  it('nearly every task is looked at once', () => {
    expect(choosePolicy(image, 'rate').checks).toBeLessThan(1.1);
    // So wide a history could be looked at less often only by noticing later than the bound lets it.
    expect(choosePolicy(video, 'rate').checks).toBeLessThan(1.15);
  });

  it('tasks that are over within seconds are looked at once as well: a second look would come 5 s later', () => {
    const { checks, noticeMs } = choosePolicy(
      durationCurve(sketchOf(logNormal(3_000, 0.4))),
      'rate',
    );
    expect(checks).toBeLessThan(1.05);
    expect(noticeMs).toBeGreaterThan(3_000);
    expect(noticeMs).toBeLessThanOrEqual(5_000);
  });

  it('tasks are noticed within their median on average, or within 5 s, however wide the history', () => {
    fc.assert(
      fc.property(anySketch, (sketch) => {
        const curve = durationCurve(sketch);
        const { noticeMs } = choosePolicy(curve, 'rate');
        // Where looking as often as the rule allows is later still, no price can do better; and the rule's own spacing
        // is no lateness to pay for.
        const soonest = choosePolicy(curve, 'in_flight').noticeMs;
        expect(noticeMs).toBeLessThanOrEqual(Math.max(curve.medianMs, 5_000, soonest) + 1e-6);
      }),
    );
  });
});

describe('when nothing else is to be sent', () => {
  const anyMs = fc.nat(200_000);

  it('a look is planned for that moment near the end, and before it where places run out', () => {
    expect(freeFromMs(image, 0, 25_000, { leftMs: 30_000, placedMs: 100_000 })).toBe(30_000);
    expect(freeFromMs(image, 0, 25_000, { leftMs: 30_000, placedMs: 20_000 })).toBe(18_000);
    expect(freeFromMs(image, 9_000, 25_000, { leftMs: 1_000, placedMs: 20_000 })).toBe(10_000);
    expect(freeFromMs(image, 0, 25_000, { leftMs: 300_000, placedMs: 20_000 })).toBe(18_000);
  });

  it('near the end a task is left to ripen, where a second look would come later than that', () => {
    const short = durationCurve(sketchOf(logNormal(3_000, 0.4)));
    const atMs = (leftMs: number) => freeFromMs(short, 0, 6_500, { ...endless, leftMs }) ?? 0;
    // One in fifty takes longer than 6.8 s.
    for (const leftMs of [3_000, 5_000]) {
      expect(atMs(leftMs)).toBeGreaterThan(6_500);
      expect(atMs(leftMs)).toBeLessThan(8_000);
    }
    expect(atMs(9_000)).toBe(9_000);
    expect(atMs(100)).toBe(100);
    // Its second look comes sooner than the end of so wide a history.
    expect(freeFromMs(image, 0, 25_000, { ...endless, leftMs: 13_000 })).toBe(13_000);
  });

  it('in the middle of a run nothing is planned again, and never for more places than there is time', () => {
    expect(freeFromMs(image, 0, 25_000, endless)).toBe(null);
    fc.assert(
      fc.property(anyMs, anyMs, (leftMs, placedMs) => {
        const atMs = freeFromMs(image, 0, 25_000, { leftMs, placedMs });
        const endMs = horizonMs(image) + 12_500;
        if (leftMs > endMs && placedMs > 28_000) expect(atMs).toBe(null);
        expect(atMs ?? 0).toBeLessThanOrEqual(placedMs);
        // A second look comes 5 s after the first.
        expect(atMs ?? 0).toBeLessThan(Math.max(leftMs, 25_000) + 5_000);
      }),
    );
  });

  it('no look comes before that moment, and the first soon after it', () => {
    for (const fromMs of [3_000, 8_000, 15_000, 22_000]) {
      const policy = freePolicy(image, fromMs);
      const firstMs = plannedAgeMs(policy, 0) ?? 0;
      expect(firstMs).toBeGreaterThanOrEqual(fromMs);
      expect(firstMs).toBeLessThan(Math.max(fromMs, 9_000) + 1_000);
    }
  });
});

describe.each(['in_flight', 'none'] as const)('under the pressure %s', (pressure) => {
  it('images are looked for as soon as the rule lets them be', () => {
    const { checks, noticeMs } = choosePolicy(image, pressure);
    expect(checks).toBeLessThan(2.5);
    expect(noticeMs).toBeLessThan(2_800);
  });

  it('videos may be noticed later than images, and within a tenth of their time', () => {
    const { checks, noticeMs } = choosePolicy(video, pressure);
    expect(checks).toBeLessThan(8);
    expect(noticeMs).toBeLessThan(9_000);
  });
});

it('looks soonest where the place is wanted, latest where the request is', () => {
  const notices = (['in_flight', 'none', 'rate'] as const).map(
    (pressure) => choosePolicy(video, pressure).noticeMs,
  );
  expect(notices).toEqual(notices.toSorted((a, b) => a - b));
});
