import type { BatchMeta } from '../../shared/ledger/batch-meta.js';
import type { Schedule } from '../../shared/schedule/schedule.js';
import {
  placeOf,
  type ReadRun,
  type RunOf,
  type ScheduleRun,
} from '../../shared/schedule/schedule-run.js';
import { judgeBatch, nextLookMs } from './judge-batch.js';
import { batchLedger, type RunStep, type ScheduleContext } from './schedule-context.js';
import { tellRun } from './tell-run.js';

/** Looks how far a run's batch has come, notes its end, and tells what did not go well. */
export async function watchBatch(
  context: ScheduleContext,
  schedule: Schedule,
  from: ReadRun<RunOf<'running'>>,
): Promise<RunStep> {
  const { run } = from;
  const ledger = batchLedger(context, run.batch);
  const [meta, { gate }, inFlight] = await Promise.all([
    ledger.meta(),
    context.account.view(),
    ledger.inFlight(),
  ]);
  const nowMs = context.clock.now();
  const outcome = judgeBatch(meta, { gate, inFlight });
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
    ...placeOf(run),
    endedMs: nowMs,
    exitCode,
    counts: meta && {
      admitted: meta.admitted,
      ...meta.lines,
      rejected: meta.rejected,
      taken_over: meta.takenOver,
    },
    spent: meta?.spent ?? 0,
  };
}
