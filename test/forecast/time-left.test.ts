import { describe, expect, it } from 'vitest';
import {
  limitingNow,
  type Situation,
  timeLeft,
  type Workload,
} from '../../src/forecast/outlook.js';

const workload: Workload = {
  waiting: 600,
  running: 50,
  rate: 10,
  places: 1_000,
  checksPerTask: 1,
  taskMs: 20_000,
  inTurn: 1,
  linesPerSecond: null,
};

describe('time left', () => {
  it('follows the pace where requests are scarce: two a brief, and the last task', () => {
    // 600 briefs at 5 a second, then 20 s.
    expect(timeLeft(workload)).toEqual({ kind: 'known', lowMs: 119_000, highMs: 161_000 });
  });

  it('ends with all steps of the last row, one after the other', () => {
    const { lowMs, highMs } = known({ ...workload, inTurn: 3 });
    expect((lowMs + highMs) / 2).toBeCloseTo(180_000, 0);
  });

  it('follows the places in flight where they are scarcer (Little)', () => {
    // 10 places that a task holds for 20 s: one brief in two seconds.
    const { lowMs, highMs } = known({ ...workload, places: 10 });
    expect((lowMs + highMs) / 2).toBeCloseTo(1_220_000, 0);
  });

  it('is a range from the plan to the recent past', () => {
    const { lowMs, highMs } = known({ ...workload, linesPerSecond: 2.5 });
    expect(lowMs).toBeCloseTo(140_000 * 0.85, 0);
    expect(highMs).toBeCloseTo(260_000 * 1.15, 0);
  });

  it('is not known before the first tasks, or where none ended lately', () => {
    expect(timeLeft({ ...workload, taskMs: null })).toEqual({ kind: 'unknown' });
    expect(timeLeft({ ...workload, taskMs: null, linesPerSecond: 0 })).toEqual({ kind: 'unknown' });
  });

  function known(of: Workload) {
    const left = timeLeft(of);
    if (left.kind === 'unknown') throw new Error('not known');
    return left;
  }
});

describe('what limits', () => {
  const usual: Situation = {
    workers: 1,
    capped: null,
    gate: 'open',
    apiDown: 'up',
    paused: 'going',
    pressure: 'rate',
    waiting: 10,
    collecting: 3,
    files: 'coming',
    tries: 'going',
    steps: 'some',
  };

  it.each<[Partial<Situation>, string]>([
    [{}, 'rate'],
    [{ pressure: 'in_flight' }, 'in_flight'],
    [{ pressure: 'none' }, 'machine'],
    [{ collecting: 64 }, 'machine'],
    [{ waiting: 0 }, 'api'],
    [{ paused: 'paused' }, 'paused'],
    [{ paused: 'paused', waiting: 0 }, 'api'],
    [{ apiDown: 'down' }, 'api_down'],
    [{ tries: 'all_put_off', pressure: 'none' }, 'put_off'],
    [{ tries: 'all_put_off', paused: 'paused' }, 'paused'],
    [{ tries: 'all_put_off', apiDown: 'down' }, 'api_down'],
    [{ tries: 'all_put_off', waiting: 0 }, 'api'],
    [{ files: 'all_that_is_left', waiting: 0, apiDown: 'down' }, 'files'],
    [{ files: 'all_that_is_left', workers: 0 }, 'nobody'],
    [{ steps: 'all_that_is_left', workers: 0 }, 'approval'],
    [{ steps: 'all_that_is_left', gate: 'parked' }, 'approval'],
    [{ gate: 'parked', apiDown: 'down' }, 'credits'],
    [{ gate: 'halted' }, 'key'],
    [{ capped: 'cap' }, 'cap'],
    [{ capped: 'day_cap', gate: 'parked' }, 'day_cap'],
    [{ capped: 'cap', waiting: 0 }, 'api'],
    [{ workers: 0, capped: 'cap', gate: 'halted' }, 'nobody'],
  ])('%j: %s', (differing, limiting) => {
    expect(limitingNow({ ...usual, ...differing })).toBe(limiting);
  });
});
