import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addressFault } from '../../producer/sources/fetch-source.js';
import { formatOf } from '../../producer/sources/source.js';
import { checkCron, zoneText } from '../../schedule/cron.js';
import { longestNameTail } from '../../schedule/runs/name-batch.js';
import { isThere } from '../../schedule/runs/take-input.js';
import type { MissedRule, OverlapRule, Schedule } from '../../schedule/schedule.js';
import { requireApiKey } from '../../session/environment.js';
import { tellModelList } from '../../session/model-list.js';
import { withSchedules } from '../../session/schedule-session.js';
import { isUrl, nameInUrl, readSheetLink } from '../../shared/addresses.js';
import { checkBatchName } from '../../shared/batch-name.js';
import { systemClock } from '../../shared/clock.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { counted } from '../../shared/quantities.js';
import { compileFromFlags, readingOptions } from '../options/compile.js';
import {
  type NotifyFlags,
  type PriorityFlags,
  type ReadingFlags,
  webhookOf,
} from '../options/flags.js';
import type { CommandSetup } from '../setup.js';

export interface AddFlags extends ReadingFlags, PriorityFlags, NotifyFlags {
  cron: string;
  tz?: string;
  overlap: OverlapRule;
  missed: MissedRule;
  onlyChanged: boolean;
  out?: string;
}

export interface NewSchedule {
  name: string;
  files: string[];
  flags: AddFlags;
  out: string;
}

export async function addSchedule(setup: CommandSetup, wanted: NewSchedule): Promise<ExitCode> {
  const { terminal, settings } = setup;
  requireApiKey(settings);
  const { name } = wanted;
  const { promptFile: _read, ...input } = await readingOptions(wanted.flags);
  const schedule = describe(wanted, input);
  checkName(name);
  checkCron(schedule, systemClock.now());
  for (const file of wanted.files) checkFile(file, schedule, settings.origin);
  const webhook = webhookOf(wanted.flags, settings) ?? 'none';
  await lookAtInput(setup, wanted, schedule);
  await makeFolder(schedule.out);
  return withSchedules(setup, async ({ ledger, queue }) => {
    const added = await ledger.add(schedule, webhook);
    if (added === 'exists') {
      throw new BatchError(
        'batch_conflict',
        `There is another schedule named ${name}: remove it first (rivya-batch schedule remove ${name}), or take another name.`,
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

function describe({ name, files, flags, out }: NewSchedule, input: Schedule['input']): Schedule {
  return {
    v: 1,
    name,
    cron: flags.cron.trim(),
    zone: flags.tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    files: files.map((file) => (isUrl(file) || file === '-' ? file : resolve(file))),
    out: resolve(out),
    overlap: flags.overlap,
    missed: flags.missed,
    badRows: flags.skipInvalid ? 'skip' : 'refuse',
    input,
    caps: { batch: flags.maxCredits ?? null, day: flags.maxCreditsPerDay ?? null },
    minSize: flags.minSize ?? null,
    priority: flags.priority ?? 0,
    state: 'active',
    makes: flags.onlyChanged ? 'only_changed' : undefined,
  };
}

function checkName(name: string): void {
  checkBatchName(name);
  const longest = 80 - longestNameTail;
  if ([...name].length <= longest) return;
  const sentence = `A schedule's name has at most ${longest} characters: its batches get a date behind it.`;
  throw new BatchError('usage', sentence);
}

function checkFile(file: string, { input }: Schedule, origin: string): void {
  if (file === '-') {
    const sentence = 'A schedule cannot read stdin (-): nobody is there to type. Give it a file.';
    throw new BatchError('usage', sentence);
  }
  if (!isUrl(file)) return;
  const fault = addressFault(file, origin);
  if (fault !== null) throw new BatchError('usage', fault);
  const isSaid = readSheetLink(file) !== null || formatOf(nameInUrl(file)) !== null;
  if (input.format === null && !isSaid) {
    throw new BatchError('usage', 'The URL has no extension that says what it is: add --format.');
  }
}

/** A mistake in the options is better found now than at night. */
async function lookAtInput(
  { terminal, settings }: CommandSetup,
  { files, flags }: NewSchedule,
  schedule: Schedule,
): Promise<void> {
  for (const file of schedule.files) {
    if (isUrl(file)) return terminal.note('The input is not looked at now: a URL is among it.');
    if (!(await isThere(file))) {
      return terminal.warn(`${file} is not there yet; it is looked for at each run.`);
    }
  }
  const list = await tellModelList(settings, terminal);
  const input = await compileFromFlags(files, flags, { settings, list });
  try {
    const { briefs, rejected } = input.counts;
    const refused = rejected > 0 && !flags.skipInvalid;
    terminal.note(
      `As the input is now, it makes ${counted(briefs, 'brief')}; ${counted(rejected, 'row')} cannot be used.`,
    );
    if (refused) terminal.warn('With these rows a run would not start: see rivya-batch check.');
  } finally {
    await input.dispose();
  }
}

async function makeFolder(out: string): Promise<void> {
  await mkdir(out, { recursive: true }).catch((error: unknown) => {
    throw new BatchError('output_unusable', `The folder ${out} cannot be made.`, { cause: error });
  });
}
