import { dirname, join } from 'node:path';
import { atOnce } from '../../batch/admit.js';
import { batchLedger, withQueues } from '../../batch/batch-context.js';
import { toQueue } from '../../batch/compare.js';
import { admitBatch, beginBatch, openBatch } from '../../batch/continue-batch.js';
import { queueMemory, refuseTooLarge } from '../../batch/queue-memory.js';
import { type CompiledInput, compileInput } from '../../producer/compile-input.js';
import { chooseChecks } from '../../producer/options.js';
import { groupRejections, rejectedFiles, writeRejected } from '../../producer/rejected-file.js';
import { fileNames } from '../../results/file-names.js';
import { publish } from '../../results/mirror.js';
import { claimOutputFolder } from '../../results/output-folder.js';
import { addressOf, bucketOf, openOutput } from '../../results/output-places.js';
import { redactSecrets } from '../../rivya/transport-failure.js';
import { isUrl, shownFile } from '../../shared/addresses.js';
import { BatchError, ExitCode, exitCodeOf } from '../../shared/errors.js';
import { lastingFacts, type ReadRun, type RunOf, type Schedule } from '../schedule.js';
import { adoptResults, previousBatch } from './adopt-results.js';
import type { RunStep, ScheduleContext } from './context.js';
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
  const meta = await batchLedger(context.batches, batch).meta();
  if (meta !== null && meta.stage !== 'admitting') return begun(context, schedule, from);
  const absent = await whatIsAbsent(context, schedule, out);
  if (absent !== null) return leaveOrRefuse(context, schedule, { from, absent });
  try {
    const { folder } = await openOutput(context.batches.places, out);
    await claimOutputFolder(folder, batch);
    const { sheet } = schedule.input;
    const files = await takeInput(schedule.files, folder, (url, path) =>
      context.fetchSource(url, { path, sheet }),
    );
    const admitted = await queueInput(context, { schedule, batch, out: folder, files });
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
  await dropInput(context.batches.places, out);
  const sinceMs = context.clock.now();
  await context.ledger.save(schedule.name, from, {
    stage: 'running',
    ...lastingFacts(from.run),
    sinceMs,
    stopped: null,
  });
  context.log.info({ schedule: schedule.name, batch }, 'scheduled batch queued');
  return { kind: 'again', afterMs: 0 };
}

/** What this machine does not have of what the run needs; null where it has all. */
async function whatIsAbsent(
  { batches: { places } }: ScheduleContext,
  { files, out }: Schedule,
  runOut: string,
): Promise<string | null> {
  if (bucketOf(places, out) === null && !(await isThere(out))) return `the folder ${out}`;
  for (const file of files) {
    if (isUrl(file) || (await isThere(file))) continue;
    return (await hasInput(places, runOut, files)) ? null : file;
  }
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
  // A bucket that cannot be reached may be why.
  await dropInput(context.batches.places, from.run.out).catch((error: unknown) => {
    context.log.warn({ err: error, batch: from.run.batch }, 'the copy of its input is left');
  });
  await context.ledger.save(schedule.name, from, {
    stage: 'refused',
    ...lastingFacts(from.run),
    endedMs: context.clock.now(),
    exitCode: why.exitCode,
    message: redactSecrets(why.message),
    putAwayMs: null,
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
  const queued = (await batchLedger(context.batches, batch).meta())?.admitted ?? 0;
  if (queued === 0 && context.clock.now() - sinceMs > giveUpAfterMs) {
    return refuse(context, schedule, { from, message, exitCode: ExitCode.unexpected });
  }
  const run = { ...from.run, tries, trouble: tries < triesUntold ? null : message };
  await tellRun(context, schedule, run);
  await context.ledger.save(schedule.name, from, run);
  const afterMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(tries - 1, 10));
  return { kind: 'again', afterMs };
}

export interface ScheduledInput {
  schedule: Schedule;
  batch: string;
  /** Its folder on this machine. */
  out: string;
  /** Where the input is to be read now. */
  files: string[];
}

/**
 * Checks the whole input, then opens the batch and queues it.
 * @throws BatchError where the input or the batch cannot be used; then nothing was sent
 */
export async function queueInput(
  context: ScheduleContext,
  scheduled: ScheduledInput,
): Promise<'all' | 'stopped'> {
  const { schedule, files } = scheduled;
  const { strict, ...reading } = schedule.input;
  const list = await context.readModels();
  const { models } = list;
  const { fetchReference } = context;
  const checks = chooseChecks(list, { strict });
  // What is read is a copy: paths in it begin where the original is.
  const folders = schedule.files.map((file) => (isUrl(file) ? null : dirname(file)));
  const options = { ...reading, models, checks, fetchReference, folders };
  const input = await compileInput({ files, ...options });
  try {
    for (const { reason, count } of input.warnings) {
      context.log.warn({ batch: scheduled.batch, rows: count }, reason);
    }
    await refuseBadRows(input, scheduled);
    return await admit(context, scheduled, input);
  } finally {
    await input.dispose();
  }
}

async function refuseBadRows(
  input: CompiledInput,
  { schedule, out }: ScheduledInput,
): Promise<void> {
  const { rejected } = input.counts;
  if (rejected === 0) return;
  await writeRejected(rejectedFiles(join(out, fileNames.rejected)), input.rejections());
  await publish(out);
  if (schedule.badRows === 'skip') return;
  const [first] = await groupRejections(input.rejections());
  const rows = rejected === 1 ? 'One row' : `${rejected} rows`;
  throw new BatchError(
    'bad_input',
    `${rows} cannot be used, such as row ${first?.firstRows[0]?.row}: ${first?.example}. All of them: ${await addressOf(out)}/${fileNames.rejected}`,
  );
}

async function admit(
  context: ScheduleContext,
  { schedule, batch, out }: ScheduledInput,
  input: CompiledInput,
): Promise<'all' | 'stopped'> {
  const { batches, stopping } = context;
  const { caps, files } = schedule;
  if ((await adoptUnchanged(context, { schedule, batch, out }, input)) === 'stopped') {
    return 'stopped';
  }
  const opened = await openBatch(batches, {
    ...{ batch, out, input },
    sources: files.map(shownFile),
    command: null,
    caps: { batch: caps.batch ?? undefined, day: caps.day ?? undefined },
    minSize: schedule.minSize ?? undefined,
    priority: schedule.priority,
    webhook: (await context.ledger.webhook(schedule.name)) ?? 'none',
    mode: 'go_on',
    force: 'none',
    changes: 'refused',
  });
  if (opened.news === 'none') return 'all';
  await refuseTooLarge(opened, await queueMemory(opened, toQueue(opened.comparison)));
  await beginBatch(opened);
  const { admitted } = await withQueues(batches, batch, (queues) =>
    admitBatch(opened, queues, atOnce(stopping)),
  );
  return admitted;
}

/** Before the batch is opened: from then on its manifest is its own. */
async function adoptUnchanged(
  { batches, ledger, stopping }: ScheduleContext,
  { schedule, batch, out }: Omit<ScheduledInput, 'files'>,
  input: CompiledInput,
): Promise<'done' | 'stopped'> {
  if (schedule.makes !== 'only_changed') return 'done';
  if ((await batchLedger(batches, batch).meta()) !== null) return 'done';
  const { origin, account, clock, places } = batches;
  const { runs } = await ledger.runs(schedule.name);
  const known = runs.flatMap(({ run }) => (run.stage === 'skipped' ? [] : [run.out]));
  const previous = await previousBatch(schedule, batch, { places, origin, known });
  if (previous === null) return 'done';
  const nowMs = clock.now();
  const life = { nonce: '', createdAt: nowMs, requestIds: 'given' } as const;
  const header = { batch, origin, account: account.account, ...life };
  return adoptResults({ previous, places, header, out, nowMs, stopping }, input.briefs());
}
