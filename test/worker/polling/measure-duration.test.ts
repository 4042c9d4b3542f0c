import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measureDuration } from '../../../src/worker/polling/durations.js';
import { accepted } from '../../ledger/brief-states.js';

const submittedAt = Date.parse('2026-06-01T12:00:00.000Z');

/** A task found to be over `endMs` after its acceptance, last seen running after `runningMs`. */
function measure(found: {
  runningMs?: number;
  endMs: number;
  lifeMs?: number | null;
  sends?: number;
}) {
  const { runningMs, endMs, lifeMs = null, sends = 1 } = found;
  const runningAt = runningMs === undefined ? null : submittedAt + runningMs;
  const state = accepted('task_1', { submittedAt, runningAt, sends });
  return measureDuration(state, { lifeMs, nowMs: submittedAt + endMs });
}

const exactly = (durationMs: number) => ({ fromMs: durationMs, toMs: durationMs });

describe('what the API says of a task', () => {
  it('is its duration, where it agrees with what was seen', () => {
    expect(measure({ runningMs: 10_000, endMs: 15_000, lifeMs: 12_345 })).toEqual(exactly(12_345));
    // It counts from before its answer was here.
    expect(measure({ endMs: 8_000, lifeMs: 8_400 })).toEqual(exactly(8_400));
  });

  it.each([
    ['nothing', null],
    ['that it took no time, its times being rounded', 0],
    ['that it ended before it began', -3_600_000],
    ['more than was seen of it', 25_000],
    ['that it was over long before it was seen running', 2_000],
  ])('is not used where it says %s: the span unseen is what is known', (_what, lifeMs) => {
    expect(measure({ runningMs: 10_000, endMs: 15_000, lifeMs })).toEqual({
      fromMs: 10_000,
      toMs: 15_000,
    });
  });

  it('is never mixed with a clock that is hours off', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), fc.integer({ min: 0 }), (endMs, lifeMs) => {
        const span = measure({ endMs, lifeMs });
        expect(span?.toMs ?? 0).toBeLessThanOrEqual(endMs + 5_000);
      }),
    );
  });
});

describe('nothing is learned', () => {
  it.each([
    ['of a task that nobody looked at for long', { runningMs: 10_000, endMs: 3_600_000 }],
    ['of one that may be older than its acceptance', { endMs: 5_000, sends: 2 }],
    ['where this clock was set back', { runningMs: 10_000, endMs: 4_000 }],
  ])('%s', (_what, found) => {
    expect(measure(found)).toBeNull();
  });

  it('but what the API says of them', () => {
    expect(measure({ endMs: 3_600_000, lifeMs: 9_000 })).toEqual(exactly(9_000));
    expect(measure({ endMs: 5_000, sends: 2, lifeMs: 9_000 })).toEqual(exactly(9_000));
  });
});
