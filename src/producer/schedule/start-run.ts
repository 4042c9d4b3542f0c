import { redactSecrets } from '../../rivya/redact-secrets.js';
import { BatchError, ExitCode, exitCodeOf } from '../../shared/errors.js';
import { claimOutputFolder } from '../../shared/output-folder.js';
import type { Schedule } from '../../shared/schedule/schedule.js';
import { isUrl } from '../../shared/schedule/schedule.js';
import { placeOf, type ReadRun, type RunOf } from '../../shared/schedule/schedule-run.js';
import { queueInput } from './queue-input.js';
import { batchLedger, type RunStep, type ScheduleContext } from './schedule-context.js';
import { dropInput, hasInput, isThere, takeInput } from './take-input.js';
import { tellRun } from './tell-run.js';

/** So long, a worker that does not see the file leaves the run to one that may. */
const findWithinMs = 30_000;
const findAgainMs = 1_000;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
const giveUpAfterMs = 3_600_000;
/** Trouble that passes in a few seconds need not be told. */
const triesUntold = 4;

/**
 * Reads, checks and queues the input of a run, for the workers to do. Safe to repeat from any point: name, folder and input
 * of its batch are kept (S1).
 */
export async function startRun(
  context: ScheduleContext,
  schedule: Schedule,
  from: ReadRun<RunOf<'starting'>>,
): Promise<RunStep> {
  const { batch, out } = from.run;
  const meta = await batchLedger(context, batch).meta();
  if (meta?.admission === 'complete') return begun(context, schedule, from);
  const absent = await whatIsAbsent(schedule, out);
  if (absent !== null) return leaveOrRefuse(context, schedule, { from, absent });
  try {
    await claimOutputFolder(out, batch);
    const files = await takeInput(schedule.files, out, context.fetchFile);
    const admitted = await queueInput(context, { schedule, batch, out, files });
    return admitted === 'all' ? begun(context, schedule, from) : { kind: 'again', afterMs: 0 };
  } catch (error) {
    const badInput = error instanceof BatchError && exitCodeOf(error) === ExitCode.badInput;
    if (badInput)
      return refuse(context, schedule, {
        from,
        message: error.message,
        exitCode: ExitCode.badInput,
      });
    return tryAgain(context, schedule, { from, error });
  }
}

async function begun(
  context: ScheduleContext,
  schedule: Schedule,
  from: ReadRun<RunOf<'starting'>>,
): Promise<RunStep> {
  const { batch, out } = from.run;
  await dropInput(out);
  const sinceMs = context.clock.now();
  await context.ledger.save(schedule.name, from, {
    stage: 'running',
    ...placeOf(from.run),
    sinceMs,
    stopped: null,
  });
  context.log.info({ schedule: schedule.name, batch }, 'scheduled batch queued');
  return { kind: 'again', afterMs: 0 };
}

/** What this machine does not have of what the run needs; null where it has all. */
async function whatIsAbsent({ files, out }: Schedule, runOut: string): Promise<string | null> {
  if (!(await isThere(out))) return `the folder ${out}`;
  if (await hasInput(runOut)) return null;
  for (const file of files) if (!isUrl(file) && !(await isThere(file))) return file;
  return null;
}

async function leaveOrRefuse(
  context: ScheduleContext,
  schedule: Schedule,
  { from, absent }: { from: ReadRun<RunOf<'starting'>>; absent: string },
): Promise<RunStep> {
  if (context.clock.now() - from.run.sinceMs < findWithinMs) {
    return { kind: 'again', afterMs: findAgainMs };
  }
  const message = `No worker that submits has ${absent}.`;
  return refuse(context, schedule, { from, message, exitCode: ExitCode.badInput });
}

async function refuse(
  context: ScheduleContext,
  schedule: Schedule,
  { from, ...why }: { from: ReadRun<RunOf<'starting'>>; message: string; exitCode: ExitCode },
): Promise<RunStep> {
  await dropInput(from.run.out);
  await context.ledger.save(schedule.name, from, {
    stage: 'refused',
    ...placeOf(from.run),
    endedMs: context.clock.now(),
    exitCode: why.exitCode,
    message: redactSecrets(why.message),
  });
  return { kind: 'again', afterMs: 0 };
}

/**
 * A full disk, a folder that cannot be written, a server that does not answer: tried until it passes, and told once.
 * Given up only while nothing of the batch is queued: what is paid is collected (S3).
 */
async function tryAgain(
  context: ScheduleContext,
  schedule: Schedule,
  { from, error }: { from: ReadRun<RunOf<'starting'>>; error: unknown },
): Promise<RunStep> {
  const { sinceMs, batch } = from.run;
  const tries = from.run.tries + 1;
  context.log.warn({ err: error, schedule: schedule.name, tries }, 'could not start this run');
  const message = redactSecrets(error instanceof Error ? error.message : String(error));
  const queued = (await batchLedger(context, batch).meta())?.admitted ?? 0;
  if (queued === 0 && context.clock.now() - sinceMs > giveUpAfterMs) {
    return refuse(context, schedule, { from, message, exitCode: ExitCode.unexpected });
  }
  const run = { ...from.run, tries, trouble: tries < triesUntold ? null : message };
  await tellRun(context, schedule, run);
  await context.ledger.save(schedule.name, from, run);
  const afterMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(tries - 1, 10));
  return { kind: 'again', afterMs };
}
