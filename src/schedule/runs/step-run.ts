import { standstillOf } from '../../batch/announce.js';
import { batchLedger } from '../../batch/batch-context.js';
import type { AccountView } from '../../ledger/account-view.js';
import { type BatchMeta, isFinalized } from '../../ledger/batch-meta.js';
import { ExitCode } from '../../shared/errors.js';
import type { RunJob } from '../queue.js';
import {
  isOverRun,
  lastingFacts,
  type ReadRun,
  type RunOf,
  type RunStage,
  type Schedule,
  type ScheduleRun,
  type StopReason,
} from '../schedule.js';
import { claimRun, unfinishedRuns } from './claim-run.js';
import type { RunStep, ScheduleContext } from './context.js';
import { putOldRunsAway } from './put-away.js';
import { startRun } from './start-run.js';
import { tellRun } from './tell-run.js';

const waitAgainMs = 1_000;

/** Takes a run one step further; safe to repeat at any point, as the ledger says where it stands. */
export async function stepRun(context: ScheduleContext, job: RunJob): Promise<RunStep> {
  const schedule = await context.ledger.find(job.schedule);
  if (schedule === null) return { kind: 'done' };
  const from = await context.ledger.readRun(schedule.name, job.id);
  if (from === null) return claimRun(context, { schedule, job });
  if (isAt(from, 'waiting')) return leaveWaiting(context, schedule, from);
  if (isAt(from, 'starting')) return startRun(context, from.run.schedule ?? schedule, from);
  if (isAt(from, 'running')) return watchBatch(context, schedule, from);
  // Only here, after the record: a crash in between repeats it.
  await tellRun(context, schedule, from.run);
  return isOverRun(from.run) ? putOldRunsAway(context, schedule, from.run) : { kind: 'done' };
}

function isAt<S extends RunStage>(read: ReadRun<ScheduleRun>, stage: S): read is ReadRun<RunOf<S>> {
  return read.run.stage === stage;
}

/** The turn of a run that waits comes when no batch of its schedule is under way any more. */
async function leaveWaiting(
  context: ScheduleContext,
  schedule: Schedule,
  from: ReadRun<RunOf<'waiting'>>,
): Promise<RunStep> {
  const { runs } = await context.ledger.runs(schedule.name);
  const unfinished = await unfinishedRuns(context, runs);
  if (unfinished.some(({ waits }) => waits === 'is_under_way')) {
    return { kind: 'again', afterMs: waitAgainMs };
  }
  const { behind: _behind, ...waited } = from.run;
  const sinceMs = context.clock.now();
  const begun = { stage: 'starting', sinceMs, tries: 0, trouble: null, schedule } as const;
  const starting = { ...waited, ...begun };
  await context.ledger.save(schedule.name, from, starting);
  return { kind: 'again', afterMs: 0 };
}

/** Looks how far a run's batch has come, notes its end, and tells what did not go well. */
async function watchBatch(
  context: ScheduleContext,
  schedule: Schedule,
  from: ReadRun<RunOf<'running'>>,
): Promise<RunStep> {
  const { run } = from;
  const ledger = batchLedger(context.batches, run.batch);
  const [meta, account, inFlight] = await Promise.all([
    ledger.meta(),
    context.batches.account.view(),
    ledger.inFlight(),
  ]);
  const nowMs = context.clock.now();
  const outcome = judgeBatch(meta, account, inFlight);
  if (outcome.kind === 'ended') {
    const ended = endOf(run, { meta, exitCode: outcome.exitCode, nowMs });
    await context.ledger.save(schedule.name, from, ended);
    return { kind: 'again', afterMs: 0 };
  }
  const stopped = outcome.kind === 'stopped' ? outcome.reason : null;
  if (stopped !== run.stopped) {
    const now = { ...run, stopped };
    await tellRun(context, schedule, now);
    await context.ledger.save(schedule.name, from, now);
  }
  return { kind: 'again', afterMs: nextLookMs(nowMs - run.sinceMs) };
}

function endOf(
  run: RunOf<'running'>,
  { meta, exitCode, nowMs }: { meta: BatchMeta | null; exitCode: number; nowMs: number },
): ScheduleRun {
  return {
    stage: 'ended',
    ...lastingFacts(run),
    endedMs: nowMs,
    exitCode,
    counts: meta && {
      admitted: meta.admitted,
      ...meta.lines,
      rejected: meta.rejected,
      taken_over: meta.takenOver,
    },
    spent: meta?.spent ?? 0,
    putAwayMs: null,
  };
}

export type BatchOutcome =
  | { kind: 'going' }
  /** Nothing goes on by itself until a person, or a new balance, helps. */
  | { kind: 'stopped'; reason: StopReason }
  | { kind: 'ended'; exitCode: ExitCode };

/** How far a batch that is fully queued has come; null stands for one that was forgotten since. */
export function judgeBatch(
  meta: BatchMeta | null,
  account: Pick<AccountView, 'gate' | 'downUntilMs'>,
  inFlight: number,
): BatchOutcome {
  if (meta === null) return { kind: 'ended', exitCode: ExitCode.unexpected };
  if (isFinalized(meta)) {
    const all = meta.lines.succeeded === meta.admitted;
    return { kind: 'ended', exitCode: all ? ExitCode.succeeded : ExitCode.someDidNotSucceed };
  }
  const standstill = standstillOf(meta, account, inFlight);
  // An API that is down comes back by itself.
  if (standstill === null || standstill === 'api_down') return { kind: 'going' };
  return { kind: 'stopped', reason: standstill };
}

const shortestLookMs = 500;
const longestLookMs = 30_000;

/** When to look at a batch again: the longer it runs, the less a moment matters. */
export function nextLookMs(ageMs: number): number {
  return Math.min(longestLookMs, Math.max(shortestLookMs, Math.round(ageMs / 20)));
}
