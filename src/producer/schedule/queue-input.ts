import { dirname, join } from 'node:path';
import { machineTime } from '../../shared/clock.js';
import { BatchError } from '../../shared/errors.js';
import { clockKey } from '../../shared/ledger/keys.js';
import { LedgerClock, readLedgerMs } from '../../shared/ledger/ledger-clock.js';
import { StageQueues } from '../../shared/queues.js';
import { isUrl, type Schedule, shownFile } from '../../shared/schedule/schedule.js';
import { admitInput } from '../admit-input.js';
import { compareWithBatch } from '../compare-with-batch.js';
import { type CompiledInput, compileInput } from '../compile-input.js';
import { chooseChecks } from '../input-checks.js';
import { openLife } from '../open-life.js';
import { groupRejections, rejectedFiles, writeRejected } from '../rejected-file.js';
import { previousBatch } from './previous-batch.js';
import { batchLedger, type ScheduleContext } from './schedule-context.js';
import { takeOver } from './take-over.js';

export interface ScheduledInput {
  schedule: Schedule;
  batch: string;
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
  await writeRejected(rejectedFiles(join(out, 'rejected.jsonl')), input.rejections());
  if (schedule.badRows === 'skip') return;
  const [first] = await groupRejections(input.rejections());
  const rows = rejected === 1 ? 'One row' : `${rejected} rows`;
  throw new BatchError(
    'bad_input',
    `${rows} cannot be used, such as row ${first?.firstRows[0]?.row}: ${first?.example}. All of them: ${out}/rejected.jsonl`,
  );
}

async function admit(
  context: ScheduleContext,
  { schedule, batch, out }: ScheduledInput,
  input: CompiledInput,
): Promise<'all' | 'stopped'> {
  const { origin, account, stopping, connection, prefix } = context;
  const clock = await ledgerClock(context);
  const ledger = batchLedger(context, batch);
  const scheduled = { schedule, batch, out };
  if ((await takeOverUnchanged({ ...context, clock }, scheduled, input)) === 'stopped') {
    return 'stopped';
  }
  const { journal } = await openLife({
    ledger,
    origin,
    account: account.account,
    out,
    nowMs: clock.now(),
    mode: 'go_on',
    openQueues: () => new StageQueues(connection, prefix, batch),
  });
  const compared = await compareWithBatch(ledger, input.briefs());
  const { fresh, changed, undecided, underWay } = compared;
  if (changed + undecided + underWay.count > 0) {
    throw new BatchError('batch_conflict', `Batch ${batch} has briefs of other content.`);
  }
  await ledger.setCaps({
    batch: schedule.caps.batch ?? undefined,
    day: schedule.caps.day ?? undefined,
  });
  await ledger.openAdmission({
    sources: schedule.files.map(shownFile),
    news: fresh > 0 ? 'new' : 'under_way',
    force: 'only_changed',
  });
  const queues = new StageQueues(connection, prefix, batch);
  try {
    return await admitInput({ ledger, queues, clock, stopping, journal }, input);
  } finally {
    await queues.close();
  }
}

/** What a batch is dated by, as by all who work on it; ticks come by this machine's time of day. */
function ledgerClock({ connection, prefix }: ScheduleContext): Promise<LedgerClock> {
  return LedgerClock.open(() => readLedgerMs(connection, clockKey(prefix)), machineTime);
}

/** Before the batch is opened: from then on its manifest is its own. */
async function takeOverUnchanged(
  context: ScheduleContext,
  { schedule, batch, out }: Omit<ScheduledInput, 'files'>,
  input: CompiledInput,
): Promise<'done' | 'stopped'> {
  if (schedule.makes !== 'only_changed') return 'done';
  if ((await batchLedger(context, batch).meta()) !== null) return 'done';
  const { origin, account, clock, stopping } = context;
  const previous = await previousBatch({ schedule, batch, origin });
  if (previous === null) return 'done';
  const nowMs = clock.now();
  const header = { batch, origin, account: account.account, nonce: '', createdAt: nowMs };
  return takeOver({ previous, header, out, nowMs, stopping }, input.briefs());
}
