import type { StateOf } from '../../shared/ledger/brief-state.js';

/** An answer's date counts whole seconds, so on average it is half a second behind. */
const dateBehindMs = 500;
/** What two dates of one clock, one of them without its fraction, may seem to disagree by. */
const toleranceMs = 1_500;

interface NoticedEnd {
  /** The end as the API says, by its own clock. */
  updatedAtMs: number | null;
  /** The clock of `nowMs`, compared with the API's. */
  clockAheadMs: number | null;
  /** By the clock that wrote the state's times. */
  nowMs: number;
}

/**
 * From a task's end to the check that found it, in ms, both by the API's clock; null where nobody can say.
 * What passed while no worker ran is part of it.
 */
export function measureNotice(
  { submittedAt, runningAt }: Pick<StateOf<'accepted'>, 'submittedAt' | 'runningAt'>,
  { updatedAtMs, clockAheadMs, nowMs }: NoticedEnd,
): number | null {
  if (updatedAtMs === null || clockAheadMs === null) return null;
  const noticeMs = nowMs - clockAheadMs + dateBehindMs - updatedAtMs;
  // It ended after it was last seen running, and before now: a time that says otherwise is not that of its end.
  const longestMs = nowMs - (runningAt ?? submittedAt);
  if (noticeMs < -toleranceMs || noticeMs > longestMs + toleranceMs) return null;
  return Math.max(0, Math.min(noticeMs, longestMs));
}
