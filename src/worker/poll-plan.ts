import type { TaskCategory } from '../shared/ledger/brief-state.js';

/** First check 2 to 3 s after acceptance, as the API's documentation asks. */
const firstCheckMs = 2_500;

/** Then 5 to 10 s apart and widening; slower for long media (documented guidance). */
const spacingsMs: Record<TaskCategory, readonly number[]> = {
  image: [5_000, 6_000, 7_500, 9_000, 10_000],
  audio: [6_000, 8_000, 10_000, 15_000, 20_000],
  video: [10_000, 12_000, 15_000, 20_000, 30_000],
};

/** Assumed longest life of a task by category: past it the brief gets a line `task_overdue` (S3). */
const deadlinesMs: Record<TaskCategory, number> = {
  image: 15 * 60_000,
  audio: 20 * 60_000,
  video: 60 * 60_000,
};

/**
 * How long to wait before the next status check.
 * @param checks checks made so far
 * @param random 0 to 1: spreads checks by 20 % without ever coming under the documented spacing
 */
export function nextCheckInMs(category: TaskCategory, checks: number, random: number): number {
  if (checks === 0) return Math.round(firstCheckMs * (0.9 + 0.2 * random));
  const spacings = spacingsMs[category];
  const spacing = spacings[Math.min(checks, spacings.length) - 1] ?? 10_000;
  return Math.round(spacing * (1 + 0.2 * random));
}

export function deadlineMs(category: TaskCategory): number {
  return deadlinesMs[category];
}
