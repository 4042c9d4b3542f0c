import type { Schedule } from '../../shared/schedule/schedule.js';
import type { RunJob } from '../../shared/schedule/schedule-queue.js';
import type { ReadRun, RunOf, RunStage, ScheduleRun } from '../../shared/schedule/schedule-run.js';
import { claimRun, unfinishedRuns } from './claim-run.js';
import type { RunStep, ScheduleContext } from './schedule-context.js';
import { startRun } from './start-run.js';
import { tellRun } from './tell-run.js';
import { watchBatch } from './watch-batch.js';

const waitAgainMs = 1_000;

/** Takes a run one step further; safe to repeat at any point, as the ledger says where it stands. */
export async function stepRun(context: ScheduleContext, job: RunJob): Promise<RunStep> {
  const schedule = await context.ledger.find(job.schedule);
  if (schedule === null) return { kind: 'done' };
  const from = await context.ledger.readRun(schedule.name, job.id);
  if (from === null) return claimRun(context, { schedule, job });
  if (isAt(from, 'waiting')) return leaveWaiting(context, schedule, from);
  if (isAt(from, 'starting')) return startRun(context, schedule, from);
  if (isAt(from, 'running')) return watchBatch(context, schedule, from);
  // Only here, after the record: a crash in between repeats it.
  await tellRun(context, schedule, from.run);
  return { kind: 'done' };
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
  const starting = { ...waited, stage: 'starting', sinceMs, tries: 0, trouble: null } as const;
  await context.ledger.save(schedule.name, from, starting);
  return { kind: 'again', afterMs: 0 };
}
