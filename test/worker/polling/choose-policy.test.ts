import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationCurve } from '../../../src/worker/polling/durations.js';
import { choosePolicy } from '../../../src/worker/polling/policy.js';
import { anySketch, logNormal, sketchOf } from './sketches.js';

const image = durationCurve(sketchOf(logNormal(12_000, 0.4)));
const video = durationCurve(sketchOf(logNormal(90_000, 0.5)));

describe('while submissions wait for their turn', () => {
  it('nearly every task is looked at once', () => {
    expect(choosePolicy(image, 'rate').checks).toBeLessThan(1.1);
    // So wide a history could be looked at less often only by noticing later than the bound lets it.
    expect(choosePolicy(video, 'rate').checks).toBeLessThan(1.15);
  });

  it('tasks are noticed within their median on average, however wide the history', () => {
    fc.assert(
      fc.property(anySketch, (sketch) => {
        const curve = durationCurve(sketch);
        const { noticeMs } = choosePolicy(curve, 'rate');
        // Where looking as often as the rule allows is later still, no price can do better.
        const soonest = choosePolicy(curve, 'in_flight').noticeMs;
        expect(noticeMs).toBeLessThanOrEqual(Math.max(curve.medianMs, soonest) + 1e-6);
      }),
    );
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
