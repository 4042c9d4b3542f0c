import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Series, Timeline } from '../../src/results/timeline.js';

const dayMs = 86_400_000;
const startMs = Date.parse('2026-06-01T22:00:00.000Z');

const points = ({ stretches }: Series) => stretches.flatMap((stretch) => stretch.points);
const sum = (values: number[]) => values.reduce((all, value) => all + value, 0);

describe('what came about when', () => {
  it('of a run of two minutes is told by seconds, with every bucket from the first to the last', () => {
    const timeline = new Timeline();
    timeline.add(startMs + 500, { credits: 2, succeeded: 1 });
    timeline.add(startMs + 60_000, { refusedPlaces: 1 });
    timeline.add(startMs + 119_000, { credits: 3, otherwise: 1 });
    const { series } = timeline.read();
    expect(series.seconds).toBe(1);
    expect(series.stretches).toHaveLength(1);
    const [{ from, points: all }] = series.stretches as [Series['stretches'][number]];
    expect(from).toBe('2026-06-01T22:00:00.000Z');
    expect(all).toHaveLength(120);
    expect(all[0]).toMatchObject({ credits: 2, succeeded: 1, otherwise: 0, inFlight: 0 });
    expect(all[119]).toMatchObject({ credits: 3, succeeded: 0, otherwise: 1 });
    expect(sum(all.map(({ credits }) => credits))).toBe(5);
  });

  it('of three nights is told by quarters of an hour, without the days between', () => {
    const timeline = new Timeline();
    for (const night of [0, 1, 2]) {
      for (let minute = 0; minute < 8 * 60; minute += 1) {
        timeline.add(startMs + night * dayMs + minute * 60_000, { succeeded: 10 });
      }
    }
    const { series } = timeline.read();
    expect(series.seconds).toBe(900);
    expect(series.stretches.map(({ from, points: { length } }) => [from, length])).toEqual([
      ['2026-06-01T22:00:00.000Z', 32],
      ['2026-06-02T22:00:00.000Z', 32],
      ['2026-06-03T22:00:00.000Z', 32],
    ]);
    expect(points(series).every(({ succeeded }) => succeeded === 150)).toBe(true);
  });

  it('is one stretch while a task is in flight, however little else comes about', () => {
    const timeline = new Timeline();
    timeline.add(startMs, { refusedRate: 1 });
    timeline.addTask(startMs, startMs + 1_800_000);
    timeline.add(startMs + 1_800_000, { succeeded: 1 });
    expect(timeline.read().series.stretches).toHaveLength(1);
  });

  it('is known no better than what was added', () => {
    const timeline = new Timeline();
    timeline.add(startMs + 1_000, { succeeded: 1 });
    expect(timeline.read(900).series).toMatchObject({ seconds: 900 });
  });

  it('is nothing where nothing was added', () => {
    expect(new Timeline().read()).toEqual({
      series: { seconds: 1, stretches: [] },
      occupancy: { most: 0, nearMostShare: 0 },
    });
  });

  it('has few points, whatever comes, and loses nothing', () => {
    const moments = fc.array(fc.integer({ min: 0, max: 4 * 365 * 86_400 }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(moments, fc.nat({ max: 4_000 }), (seconds, longest) => {
        const timeline = new Timeline();
        for (const [index, second] of seconds.entries()) {
          const atMs = startMs + second * 1000;
          timeline.add(atMs, { credits: index, succeeded: 1 });
          timeline.addTask(atMs - (index % (longest + 1)) * 1000, atMs);
        }
        const { series, occupancy } = timeline.read();
        const all = points(series);
        expect(all.length).toBeLessThanOrEqual(120);
        expect(sum(all.map(({ succeeded }) => succeeded))).toBe(seconds.length);
        expect(sum(all.map(({ credits }) => credits))).toBe(
          (seconds.length * (seconds.length - 1)) / 2,
        );
        // Time in flight is as long as it was, and no average is above the most.
        const flownSeconds = sum(seconds.map((_, index) => index % (longest + 1)));
        expect(sum(all.map(({ inFlight }) => inFlight)) * series.seconds).toBeCloseTo(
          flownSeconds,
          3,
        );
        expect(Math.max(...all.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(
          occupancy.most + 1e-9,
        );
        // Stretches follow each other, and do not overlap.
        const ends = series.stretches.map(
          ({ from, points: { length } }) => Date.parse(from) + length * series.seconds * 1000,
        );
        for (const [index, { from }] of series.stretches.slice(1).entries()) {
          expect(Date.parse(from)).toBeGreaterThan(ends[index] ?? 0);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('tasks in flight', () => {
  it('are counted at once, and on average', () => {
    const timeline = new Timeline();
    // Two at once for 10 s, then one for 10 s, given in no order.
    timeline.addTask(startMs + 5_000, startMs + 15_000);
    timeline.addTask(startMs, startMs + 20_000);
    timeline.addTask(startMs, startMs + 5_000);
    const { series, occupancy } = timeline.read();
    expect(occupancy).toEqual({ most: 2, nearMostShare: 0.75 });
    expect(points(series).map(({ inFlight }) => inFlight)).toEqual([
      ...Array.from({ length: 15 }, () => 2),
      ...Array.from({ length: 5 }, () => 1),
      0,
    ]);
  });

  it('of no length are none, and one that takes the place of another is not beside it', () => {
    const timeline = new Timeline();
    timeline.addTask(startMs, startMs);
    timeline.addTask(startMs, startMs + 1_000);
    timeline.addTask(startMs + 1_000, startMs + 2_000);
    expect(timeline.read().occupancy).toEqual({ most: 1, nearMostShare: 1 });
  });
});
