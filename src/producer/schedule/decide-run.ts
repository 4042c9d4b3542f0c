import { type CronTimes, countTicks } from '../../shared/schedule/cron.js';
import type { MissedRule, OverlapRule } from '../../shared/schedule/schedule.js';
import type { SkipReason } from '../../shared/schedule/schedule-run.js';

/** A run of the same schedule whose batch is not finished. */
export interface UnfinishedRun {
  batch: string;
  waits: 'waits' | 'is_under_way';
}

export interface RunSituation extends CronTimes {
  trigger: 'tick' | 'hand';
  scheduledMs: number;
  nowMs: number;
  overlap: OverlapRule;
  missed: MissedRule;
  /** Absent where it makes all of its input. */
  makes?: 'only_changed' | undefined;
  unfinished: UnfinishedRun[];
}

export type RunDecision =
  | { kind: 'start' }
  | { kind: 'wait'; behind: string }
  | { kind: 'skip'; reason: SkipReason; behind: string | null };

/** Later than this, nobody was there to take the tick: a restart or a crash of a worker takes less. */
const latestMs = 300_000;

/** Ticks after this one that came due before anybody took it: one run stands for all of them. */
export function ticksSince({ scheduledMs, nowMs, trigger, cron, zone }: RunSituation): number {
  return trigger === 'hand' ? 0 : countTicks({ cron, zone }, scheduledMs, nowMs);
}

/** What becomes of a run that is due, by the schedule's rules. */
export function decideRun(situation: RunSituation): RunDecision {
  const { overlap, missed, unfinished } = situation;
  if (missed === 'none' && wasMissed(situation)) {
    return { kind: 'skip', reason: 'missed', behind: null };
  }
  const last = unfinished.at(-1);
  if (last === undefined) return { kind: 'start' };
  switch (overlap) {
    case 'both':
      // What the batch before it is making would be paid again beside it, because it has no line yet.
      return situation.makes === 'only_changed' ? waitBehind(last, unfinished) : { kind: 'start' };
    case 'skip':
      return { kind: 'skip', reason: 'overlap', behind: last.batch };
    case 'queue':
      return waitBehind(last, unfinished);
    default:
      return overlap satisfies never;
  }
}

/** One at most: a batch that stands still for weeks must not be followed by a week of batches at once. */
function waitBehind({ batch }: UnfinishedRun, unfinished: UnfinishedRun[]): RunDecision {
  return unfinished.some(({ waits }) => waits === 'waits')
    ? { kind: 'skip', reason: 'another_waits', behind: batch }
    : { kind: 'wait', behind: batch };
}

function wasMissed(situation: RunSituation): boolean {
  const { trigger, scheduledMs, nowMs } = situation;
  if (trigger === 'hand') return false;
  return nowMs - scheduledMs > latestMs || ticksSince(situation) > 0;
}
