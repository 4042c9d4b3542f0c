import type { StateOf } from '../../shared/ledger/brief-state.js';

/** Between which ages a task ended, in ms since its acceptance; the two are equal where its duration is known. */
export interface AgeSpan {
  fromMs: number;
  toMs: number;
}

/** The API begins to count before its answer is here, and its times may be rounded to seconds. */
const toleranceMs = 5_000;
/** A task that nobody looked at for longer (a closed lid, an outage) may have ended at any moment of it. */
const longestUnseenMs = 60_000;

/**
 * How long a task took that a check has just found to be over; null where nobody can say.
 * @param lifeMs what the API says, from two times of its own clock: ours is never mixed with it
 * @param nowMs by the clock that wrote the state's times
 */
export function measureDuration(
  { submittedAt, runningAt, sends }: StateOf<'accepted'>,
  { lifeMs, nowMs }: { lifeMs: number | null; nowMs: number },
): AgeSpan | null {
  // It ended after it was last seen running, and before now: the API's word must agree.
  const fromMs = runningAt === null ? 0 : runningAt - submittedAt;
  const toMs = nowMs - submittedAt;
  if (toMs < fromMs || fromMs < 0) return null;
  const agrees = lifeMs !== null && lifeMs >= fromMs - toleranceMs && lifeMs <= toMs + toleranceMs;
  if (agrees && lifeMs > 0) return { fromMs: lifeMs, toMs: lifeMs };
  // Sent more than once, it may be older than its acceptance.
  if (sends > 1 || toMs - fromMs > longestUnseenMs) return null;
  return { fromMs, toMs };
}
