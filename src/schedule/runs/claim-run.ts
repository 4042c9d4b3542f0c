import { batchLedger, type StateOfBatches } from '../../batch/batch-context.js';
import { isFinalized } from '../../ledger/batch-meta.js';
import { ownerOf } from '../../results/output-folder.js';
import { openOutput, placeBelow } from '../../results/output-places.js';
import { BatchError } from '../../shared/errors.js';
import { type CronTimes, countTicks } from '../cron.js';
import type { RunClaim } from '../ledger.js';
import {
  isOpen,
  type MissedRule,
  type OpenRun,
  type OverlapRule,
  type ReadRun,
  type ScheduleRun,
  type SkipReason,
} from '../schedule.js';
import type { RunStep, RunTurn, ScheduleContext } from './context.js';
import { batchNames } from './name-batch.js';

const decideAgainMs = 50;

/**
 * Decides what becomes of a run that is due, and makes it last: from here on its batch has a name, so that whatever
 * crashes, its repetition goes on with the same batch (S1).
 */
export async function claimRun(context: ScheduleContext, turn: RunTurn): Promise<RunStep> {
  const { schedule, job } = turn;
  if (schedule.state === 'paused' && job.trigger === 'tick') return { kind: 'done' };
  const { claims, runs } = await context.ledger.runs(schedule.name);
  const situation = {
    ...schedule,
    ...job,
    nowMs: context.clock.now(),
    unfinished: await unfinishedRuns(context, runs),
  };
  const claim = await decideAndKeep(context, turn, situation, claims);
  if (claim === 'gone') return { kind: 'done' };
  if (claim === 'changed') return { kind: 'again', afterMs: decideAgainMs };
  await context.ledger.forgetOldRuns(schedule.name);
  return { kind: 'again', afterMs: 0 };
}

/** Runs whose batch is not finished, oldest first. */
export async function unfinishedRuns(
  context: ScheduleContext,
  runs: ReadRun[],
): Promise<UnfinishedRun[]> {
  const open = await openRuns(context.batches, runs);
  return open.map(({ batch, stage }) => ({
    batch,
    waits: stage === 'waiting' ? 'waits' : 'is_under_way',
  }));
}

/** Those of which something may still be made, in their order. */
export async function openRuns(batches: StateOfBatches, runs: ReadRun[]): Promise<OpenRun[]> {
  const open: OpenRun[] = [];
  for (const { run } of runs) {
    if (!isOpen(run)) continue;
    if (run.stage === 'running') {
      // Its end may have come since somebody looked last.
      const meta = await batchLedger(batches, run.batch).meta();
      if (meta === null || isFinalized(meta)) continue;
    }
    open.push(run);
  }
  return open;
}

async function decideAndKeep(
  context: ScheduleContext,
  { schedule, job }: RunTurn,
  situation: RunSituation,
  claims: string,
): Promise<RunClaim> {
  const decision = decideRun(situation);
  const { nowMs } = situation;
  const { id, trigger, scheduledMs } = job;
  const run = { id, trigger, scheduledMs, missed: ticksSince(situation) };
  if (decision.kind === 'skip') {
    const { reason, behind } = decision;
    const skipped = { stage: 'skipped', ...run, endedMs: nowMs, reason, behind } as const;
    return context.ledger.claim(schedule.name, skipped, claims);
  }
  for (const batch of batchNames({ ...schedule, ...job })) {
    const out = placeBelow(schedule.out, batch);
    if (await isTaken(context, batch, out)) continue;
    const placed = { ...run, batch, out, sinceMs: nowMs };
    const made: ScheduleRun =
      decision.kind === 'wait'
        ? { stage: 'waiting', ...placed, behind: decision.behind }
        : { stage: 'starting', ...placed, tries: 0, trouble: null, schedule };
    const claim = await context.ledger.claim(schedule.name, made, claims);
    if (claim !== 'name_taken') return claim;
  }
  throw new Error('every name for the batch of this run is taken');
}

/** A batch or folder of another schedule, or of an earlier one of this name, is not gone on with. */
async function isTaken(context: ScheduleContext, batch: string, out: string): Promise<boolean> {
  if ((await batchLedger(context.batches, batch).meta()) !== null) return true;
  try {
    const { folder } = await openOutput(context.batches.places, out);
    return (await ownerOf(folder)) !== null;
  } catch (error) {
    if (!(error instanceof BatchError && error.code === 'output_unusable')) throw error;
    // A bucket that is out of reach is told of by the run as it starts: one without a name can tell nothing.
    return false;
  }
}

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
