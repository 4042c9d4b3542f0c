import { mkdir } from 'node:fs/promises';
import { bucketOf } from '../../results/output-places.js';
import { zoneText } from '../../schedule/cron.js';
import { longestNameTail } from '../../schedule/runs/name-batch.js';
import { requireApiKey } from '../../session/environment.js';
import { withSchedules } from '../../session/schedule-session.js';
import { checkBatchName } from '../../shared/batch-name.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { webhookOf } from '../options/flags.js';
import type { CommandSetup } from '../setup.js';
import { lookAtInput, scheduleOf, type WantedSchedule } from './schedule-settings.js';

export async function addSchedule(
  setup: CommandSetup,
  wanted: Omit<WantedSchedule, 'state'>,
): Promise<ExitCode> {
  const { terminal, settings } = setup;
  requireApiKey(settings);
  const { name, flags } = wanted;
  checkName(name);
  const schedule = await scheduleOf({ ...wanted, state: 'active' }, settings.origin);
  const webhook = webhookOf(flags, settings) ?? 'none';
  await lookAtInput(setup, wanted.files, flags);
  await readyPlace(setup, schedule.out);
  return withSchedules(setup, async ({ ledger, queue }) => {
    const added = await ledger.add(schedule, webhook);
    if (added === 'exists') {
      throw new BatchError(
        'batch_conflict',
        `There is another schedule named ${name}. To see it: rivya-batch schedule show ${name}. To change it: rivya-batch schedule set ${name} with the options to change`,
      );
    }
    await queue.start(schedule);
    const next = await queue.nextTick(name);
    const when = next === null ? '' : ` Next run: ${zoneText(next, schedule.zone)}.`;
    terminal.print(`Schedule ${name} is ${added === 'added' ? 'set' : 'there already'}.${when}`);
    terminal.print('It runs wherever "rivya-batch worker" runs with this Redis, key and file.');
    return ExitCode.succeeded;
  });
}

function checkName(name: string): void {
  checkBatchName(name);
  const longest = 80 - longestNameTail;
  if ([...name].length <= longest) return;
  const sentence = `A schedule's name has at most ${longest} characters, because its batches get a date behind it: choose a shorter one.`;
  throw new BatchError('usage', sentence);
}

/**
 * Makes the folder of the batches' folders. A bucket is looked into: one that is out of reach here may not be for the worker.
 * @throws BatchError `output_unusable` for a folder
 */
export async function readyPlace({ terminal, settings }: CommandSetup, out: string): Promise<void> {
  const bucket = bucketOf(settings, out);
  if (bucket === null) {
    await mkdir(out, { recursive: true }).catch((cause: unknown) => {
      throw new BatchError('output_unusable', `The folder ${out} cannot be made.`, { cause });
    });
    return;
  }
  await bucket.folders().catch((error: unknown) => {
    if (!(error instanceof BatchError)) throw error;
    terminal.warn(
      `${error.message} That is how it is on this machine; the worker must be able to reach it.`,
    );
  });
}
