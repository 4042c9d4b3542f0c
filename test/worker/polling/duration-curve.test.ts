import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationCurve, durationWithin } from '../../../src/worker/polling/durations.js';
import { anySketch, logNormal, sketchOf } from './sketches.js';

const runningAt = (curve: ReturnType<typeof durationCurve>, ageMs: number) =>
  curve.running[Math.round(ageMs / curve.stepMs)] ?? 0;

describe('the curve of a history', () => {
  it('falls from 1 to the last of 200, on a grid that the spacing rule fits, whatever the sketch', () => {
    fc.assert(
      fc.property(anySketch, (sketch) => {
        const { running, ran, stepMs, medianMs } = durationCurve(sketch);
        expect(running[0]).toBe(1);
        expect(running.length).toBeLessThanOrEqual(1_202);
        expect(running.at(-1)).toBeLessThanOrEqual(0.006);
        expect(Number.isFinite(medianMs)).toBe(true);
        expect(medianMs).toBeGreaterThan(0);
        const spacing = 5_000 / stepMs;
        const whole = spacing >= 1 ? spacing : 1 / spacing;
        expect(whole).toBeCloseTo(Math.round(whole), 9);
        const falls = running.every((share, index) => share <= (running[index - 1] ?? 1) + 1e-12);
        expect(falls).toBe(true);
        expect(ran.every((ms, index) => ms >= (ran[index - 1] ?? 0))).toBe(true);
      }),
    );
  });

  it('is that of the durations it was made from', () => {
    const curve = durationCurve(sketchOf(logNormal(12_000, 0.4)));
    expect(curve.medianMs).toBeGreaterThan(11_600);
    expect(curve.medianMs).toBeLessThan(12_400);
    expect(runningAt(curve, 8_000)).toBeCloseTo(0.845, 1);
    expect(runningAt(curve, 20_000)).toBeCloseTo(0.1, 1);
    // The mean of a log-normal: what a task has run on average once all are over.
    expect(curve.ran.at(-1)).toBeGreaterThan(12_400);
    expect(curve.ran.at(-1)).toBeLessThan(13_800);
  });

  it('is not blind beside a sharp peak', () => {
    const curve = durationCurve(sketchOf(Array.from({ length: 500 }, () => 12_000)));
    expect(runningAt(curve, 9_000)).toBeLessThan(0.999);
    expect(runningAt(curve, 13_000)).toBeGreaterThan(0.001);
  });

  it('is wide where little is known', () => {
    const few = durationCurve(sketchOf(logNormal(12_000, 0.1, 10)));
    const many = durationCurve(sketchOf(logNormal(12_000, 0.1, 500)));
    expect(runningAt(few, 20_000)).toBeGreaterThan(5 * runningAt(many, 20_000));
  });
});

describe('a duration of which only a span is known', () => {
  it('is drawn from what such tasks take within the span', () => {
    const curve = durationCurve(sketchOf(logNormal(12_000, 0.4)));
    const drawn = (random: number) => durationWithin(curve, { fromMs: 0, toMs: 25_000 }, random);
    expect(drawn(0)).toBeLessThan(drawn(0.5));
    expect(drawn(0.5)).toBeGreaterThan(11_000);
    expect(drawn(0.5)).toBeLessThan(12_400);
    expect(drawn(1)).toBeGreaterThan(22_000);
  });

  it('lies within the span, whatever the history', () => {
    const span = fc.tuple(fc.nat(600_000), fc.nat(60_000));
    const random = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(anySketch, span, random, (sketch, [fromMs, lengthMs], share) => {
        const toMs = fromMs + lengthMs;
        const drawnMs = durationWithin(durationCurve(sketch), { fromMs, toMs }, share);
        expect(drawnMs).toBeGreaterThanOrEqual(fromMs);
        expect(drawnMs).toBeLessThanOrEqual(toMs);
      }),
      { numRuns: 200 },
    );
  });
});
