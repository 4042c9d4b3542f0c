import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measureLag } from '../../../src/worker/polling/durations.js';
import { accepted } from '../../ledger/brief-states.js';

const submittedAt = Date.parse('2026-06-01T12:00:00.000Z');

/** A task that ended `endMs` after its acceptance and was found `foundMs` after it, last seen running in between. */
function measure(found: {
  endMs: number;
  foundMs: number;
  runningMs?: number;
  aheadMs?: number | null;
}) {
  const { endMs, foundMs, runningMs, aheadMs = 0 } = found;
  const runningAt = runningMs === undefined ? null : submittedAt + runningMs;
  const state = accepted('task_1', { submittedAt, runningAt });
  const updatedAtMs = submittedAt + endMs - (aheadMs ?? 0);
  return measureLag(state, updatedAtMs, aheadMs, submittedAt + foundMs);
}

describe('how late the end of a task was noticed', () => {
  it('is the time since then, and half a second that the date of an answer is behind', () => {
    expect(measure({ endMs: 10_000, foundMs: 13_000 })).toBe(3_500);
    expect(measure({ endMs: 10_000, foundMs: 13_000, runningMs: 8_000 })).toBe(3_500);
  });

  it('does not depend on how far our clock is from that of the API', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), (aheadMs) => {
        expect(measure({ endMs: 10_000, foundMs: 13_000, aheadMs })).toBe(3_500);
      }),
    );
  });

  it('is never less than nothing, nor longer than since it was last seen running', () => {
    expect(measure({ endMs: 10_000, foundMs: 9_000 })).toBe(0);
    expect(measure({ endMs: 10_000, foundMs: 13_000, runningMs: 10_000 })).toBe(3_000);
  });

  it('is unknown where the API does not say, or says what cannot be', () => {
    expect(measure({ endMs: 10_000, foundMs: 13_000, aheadMs: null })).toBeNull();
    // After it was found to be over.
    expect(measure({ endMs: 20_000, foundMs: 13_000 })).toBeNull();
    // Before it was seen running: a time that does not move.
    expect(measure({ endMs: 0, foundMs: 13_000, runningMs: 9_000 })).toBeNull();
    const state = accepted('task_1', { submittedAt });
    expect(measureLag(state, null, 0, submittedAt + 13_000)).toBeNull();
  });
});
