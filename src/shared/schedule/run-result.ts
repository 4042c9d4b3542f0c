import { ExitCode } from '../errors.js';
import type { ScheduleRun } from './schedule-run.js';

/** How far a run came, or how it ended, in one word: the same in pages, metrics and lists. */
export const runResults = [
  'waiting',
  'starting',
  'running',
  'stopped',
  'succeeded',
  'with_failures',
  'forgotten',
  'refused',
  'skipped',
  'missed',
] as const;
export type RunResult = (typeof runResults)[number];

export function runResult(run: ScheduleRun): RunResult {
  switch (run.stage) {
    case 'waiting':
    case 'refused':
      return run.stage;
    case 'starting':
      return run.trouble === null ? 'starting' : 'stopped';
    case 'running':
      return run.stopped === null ? 'running' : 'stopped';
    case 'ended':
      if (run.counts === null) return 'forgotten';
      return run.exitCode === ExitCode.succeeded ? 'succeeded' : 'with_failures';
    case 'skipped':
      return run.reason === 'missed' ? 'missed' : 'skipped';
    default:
      return run satisfies never;
  }
}

/** Of the last run of which it can be said (`history` has the newest first); null where there is none. */
export function lastOutcome(history: readonly ScheduleRun[]): 'good' | 'bad' | null {
  for (const run of history) {
    const outcome = outcomes[runResult(run)];
    if (outcome !== null) return outcome;
  }
  return null;
}

/** Missed ones are left out by the schedule's own rule; of one that is under way nothing can be said. */
const outcomes: Readonly<Record<RunResult, 'good' | 'bad' | null>> = {
  waiting: null,
  starting: null,
  running: null,
  stopped: 'bad',
  succeeded: 'good',
  with_failures: 'bad',
  forgotten: null,
  refused: 'bad',
  skipped: 'bad',
  missed: null,
};
