import type { TaskCategory } from '../../shared/task-category.js';

/** No look sooner after acceptance, whatever else is known: documented guidance is 2 to 3 s. */
export const minFirstCheckMs = 2_000;
/** Nor sooner after another look: documented guidance is 5 to 10 s. */
export const minSpacingMs = 5_000;

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

/** A task that has outlived all history is looked at each time it has grown older by this share of its age. */
const tailGrowth = 0.25;
const longestTailSpacingsMs: Record<TaskCategory, number> = {
  image: 30_000,
  audio: 30_000,
  video: 60_000,
};

/**
 * How long to wait before the next status check where nothing is known of such tasks: the documented guidance.
 * @param checks checks made so far
 * @param random 0 to 1: spreads checks by 20 % without ever coming under the documented spacing
 */
export function guidedCheckInMs(category: TaskCategory, checks: number, random: number): number {
  if (checks === 0) return Math.round(firstCheckMs * (0.9 + 0.2 * random));
  const spacings = spacingsMs[category];
  const spacing = spacings[Math.min(checks, spacings.length) - 1] ?? 10_000;
  return Math.round(spacing * (1 + 0.2 * random));
}

/**
 * How long to wait where a task is older than any that was seen: the older, the longer it may still take.
 * @param random 0 to 1: those that are stuck together are not looked at together for ever
 */
export function tailCheckInMs(category: TaskCategory, ageMs: number, random: number): number {
  const spacing = Math.max(minSpacingMs, ageMs * tailGrowth);
  return Math.round(Math.min(spacing, longestTailSpacingsMs[category]) * (1 + 0.2 * random));
}

export function deadlineMs(category: TaskCategory): number {
  return deadlinesMs[category];
}
