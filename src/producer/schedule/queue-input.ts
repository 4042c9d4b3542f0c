import { dirname, join } from 'node:path';
import { BatchError } from '../../shared/errors.js';
import { StageQueues } from '../../shared/queues.js';
import { isUrl, type Schedule, shownFile } from '../../shared/schedule/schedule.js';
import { compareWithBatch } from '../admit-briefs.js';
import { admitInput } from '../admit-input.js';
import { type CompiledInput, compileInput } from '../compile-input.js';
import { openLife } from '../open-life.js';
import { groupRejections, writeRejected } from '../rejected-file.js';
import { batchLedger, type ScheduleContext } from './schedule-context.js';

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
  const { models, fetchReference } = context;
  // What is read is a copy: paths in it begin where the original is.
  const folders = schedule.files.map((file) => (isUrl(file) ? null : dirname(file)));
  const options = { ...schedule.input, models, fetchReference, folders };
  const input = await compileInput({ files, ...options });
  try {
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
  await writeRejected(join(out, 'rejected.jsonl'), input.rejections());
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
  const { origin, account, clock, stopping, connection, prefix } = context;
  const ledger = batchLedger(context, batch);
  const { journal } = await openLife({
    ledger,
    origin,
    account: account.account,
    out,
    nowMs: clock.now(),
    mode: 'go_on',
  });
  const { clashes } = await compareWithBatch(ledger, input.briefs());
  if (clashes.length > 0) {
    throw new BatchError('batch_conflict', `Batch ${batch} has ${clashes[0]} with other content.`);
  }
  await ledger.setCaps({
    batch: schedule.caps.batch ?? undefined,
    day: schedule.caps.day ?? undefined,
  });
  const sources = JSON.stringify(schedule.files.map(shownFile));
  await ledger.markAdmission('open', { sources });
  const queues = new StageQueues(connection, prefix, batch);
  try {
    return await admitInput({ ledger, queues, clock, stopping, journal }, input);
  } finally {
    await queues.close();
  }
}
