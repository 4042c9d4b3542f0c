import { describe, expect, it } from 'vitest';
import type { Totals } from '../../src/results/totals.js';
import {
  measuredText,
  percent,
  perText,
  totalsSentences,
} from '../../src/review/page/totals-words.js';

const none: Totals = {
  run: {
    batch: 'spring',
    state: 'finished',
    pending: 0,
    requests: { submits: 10, status_checks: 20, downloads: 10, uploads: 0, refused: 0 },
    refusals: { rate: 0, places: 0, other: 0 },
    runs: [],
  },
  briefs: { succeeded: 0, failed: 0, unknown: 0, cancelled: 0 },
  takenOver: 0,
  money: {
    ...{ spent: 0, succeeded: 0, failed: 0, earlier: 0, chargedThoughFailed: 0 },
    inDoubt: { attempts: 0, reserved: 0 },
  },
  time: null,
  series: { seconds: 1, stretches: [] },
  untimed: { credits: 0, lines: 0 },
  models: [],
  occupancy: { most: 8, nearMostShare: 0.9 },
  limit: null,
  unreadable: 0,
};

const tell = (patch: Partial<Totals>) => totalsSentences({ ...none, ...patch });

describe('in plain words', () => {
  it('what was paid for what', () => {
    const sentences = tell({
      briefs: { succeeded: 598, failed: 13, unknown: 1, cancelled: 0 },
      money: {
        ...{ spent: 612, succeeded: 598, failed: 3, earlier: 11, chargedThoughFailed: 3 },
        inDoubt: { attempts: 1, reserved: 5 },
      },
    });
    expect(sentences).toEqual([
      '612 credits for 598 briefs that succeeded.',
      '14 briefs did not succeed; 3 of them were charged, 3 credits together.',
      'Earlier attempts, which later ones have replaced, cost 11 credits of it.',
      'Of 1 attempt nobody knows what was charged: up to 5 credits more, as far as they were reserved.',
    ]);
  });

  it('where the time went, and what set the pace', () => {
    const time = {
      ...{ briefs: 10, unsentMs: 12_000, stepsMs: 0, makingMs: 80_000 },
      ...{ unnoticedMs: 3_000, fetchingMs: 5_000 },
    };
    const briefs = { ...none.briefs, succeeded: 10 };
    expect(tell({ briefs, time, limit: 'api' })[1]).toBe(
      'An average brief took 2 min: for 80 % of that the API was at work, and for 12 % it waited to be sent.',
    );
    const waited = { ...time, unsentMs: 132_000 };
    expect(tell({ briefs, time: waited, limit: 'places' }).slice(1)).toEqual([
      'An average brief took 4 min: 2 min of that (60 %) it waited to be sent.',
      'Of the 88 s from then on, for 91 % the API was at work, and for 6 % its files were fetched.',
      'Places in flight set the pace: at most 8 tasks ran at once, and for 90 % of the time about as many.',
    ]);
    const long = { ...time, unsentMs: 36_000_000 };
    expect(tell({ briefs, time: long })[1]).toBe(
      'An average brief took 10.0 h: nearly all of that it waited to be sent.',
    );
  });

  it('what is still open', () => {
    expect(tell({ run: null })).toEqual([
      'No brief has been made yet.',
      'The run has not come to an end yet: this is what there is so far.',
    ]);
    const run = none.run && { ...none.run, pending: 1 };
    expect(tell({ run, takenOver: 2, unreadable: 1 }).slice(1)).toEqual([
      'When the last run ended, 1 brief was still to be made.',
      '2 lines taken over from an earlier batch count there.',
      '1 line could not be read.',
    ]);
  });

  it('numbers as people read them', () => {
    expect([0, 0.004, 0.5, 0.998, 1].map(percent)).toEqual([
      '0 %',
      'less than 1 %',
      '50 %',
      'more than 99 %',
      '100 %',
    ]);
    expect([1, 10, 60, 900, 86_400].map(perText)).toEqual([
      'per second',
      'per 10 s',
      'per minute',
      'per 15 min',
      'per day',
    ]);
    expect([82, 420, 12_400, 180_000].map(measuredText)).toEqual([
      '82 ms',
      '0.4 s',
      '12 s',
      '3 min',
    ]);
  });
});
