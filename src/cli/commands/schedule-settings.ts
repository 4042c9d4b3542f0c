import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { isBucketAddress } from '../../bucket/bucket-address.js';
import { addressFault } from '../../producer/sources/fetch-source.js';
import { formatOf } from '../../producer/sources/source.js';
import { placeOf } from '../../results/output-places.js';
import { checkCron } from '../../schedule/cron.js';
import { isThere } from '../../schedule/runs/take-input.js';
import {
  type MissedRule,
  missedRules,
  type OverlapRule,
  overlapRules,
  type Schedule,
  type ScheduleInput,
} from '../../schedule/schedule.js';
import { tellModelList } from '../../session/model-list.js';
import { isUrl, nameInUrl, readSheetLink, shownFile } from '../../shared/addresses.js';
import { systemClock } from '../../shared/clock.js';
import { BatchError } from '../../shared/errors.js';
import { sizeText } from '../../shared/picture-size.js';
import { counted } from '../../shared/quantities.js';
import { compileFromFlags, readingOptions } from '../options/compile.js';
import {
  addNotifyFlags,
  addOutFlag,
  addPriorityFlag,
  addReadingFlags,
  type NotifyFlags,
  type PriorityFlags,
  type ReadingFlags,
  twin,
  wholeNumber,
} from '../options/flags.js';
import type { CommandSetup } from '../setup.js';

/** All that can be said of a schedule: with `schedule add` of a new one, with `schedule set` of one that is there. */
export interface ScheduleFlags extends ReadingFlags, PriorityFlags, NotifyFlags {
  cron: string;
  tz?: string;
  overlap: OverlapRule;
  missed: MissedRule;
  onlyChanged: boolean;
  keepRuns?: number;
  keepDays?: number;
  out?: string;
}

export function addScheduleFlags(command: Command): void {
  const options = [
    new Option('--cron <pattern>', 'when: minute, hour, day, month, weekday').makeOptionMandatory(),
    new Option('--tz <zone>', "time zone of the pattern (default: this machine's)"),
    new Option('--overlap <rule>', 'while the batch before is not finished')
      .choices(overlapRules)
      .default('skip'),
    new Option('--missed <rule>', 'what becomes of ticks for which no worker was there')
      .choices(missedRules)
      .default('once'),
    new Option(
      '--only-changed',
      'make what is new or has changed; the rest is taken over from the batch before',
    ).default(false),
    new Option(
      '--keep-runs <n>',
      'put away what came before the last n runs that made something (default: all are kept)',
    ).argParser(wholeNumber(1)),
    new Option(
      '--keep-days <n>',
      'put away what is older than n days; with --keep-runs, what neither keeps (default: all are kept)',
    ).argParser(wholeNumber(1)),
  ];
  for (const option of options) command.addOption(twin(option));
  addOutFlag(command, "folder of the batches' folders");
  addPriorityFlag(command);
  addNotifyFlags(command);
  addReadingFlags(command);
}

export interface WantedSchedule {
  name: string;
  files: readonly string[];
  flags: ScheduleFlags;
  out: string;
  state: Schedule['state'];
}

/** As it is kept. @throws BatchError `usage`, `bad_input` where it cannot be */
export async function scheduleOf(
  { name, files, flags, out, state }: WantedSchedule,
  origin: string,
): Promise<Schedule> {
  const { promptFile: _read, placeOf: _said, ...input } = await readingOptions(flags);
  const schedule: Schedule = {
    v: 1,
    name,
    cron: flags.cron.trim(),
    zone: flags.tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    files: files.map((file) => (isUrl(file) || file === '-' ? file : resolve(file))),
    out: placeOf(out),
    overlap: flags.overlap,
    missed: flags.missed,
    badRows: flags.skipInvalid ? 'skip' : 'refuse',
    input,
    caps: { batch: flags.maxCredits ?? null, day: flags.maxCreditsPerDay ?? null },
    minSize: flags.minSize ?? null,
    priority: flags.priority ?? 0,
    recipe: flags.recipe === undefined ? null : resolve(flags.recipe),
    keep: { runs: flags.keepRuns ?? null, days: flags.keepDays ?? null },
    state,
    makes: flags.onlyChanged ? 'only_changed' : undefined,
  };
  refuseKeeping(schedule);
  checkCron(schedule, systemClock.now());
  for (const file of schedule.files) checkFile(file, input, origin);
  return schedule;
}

/** The flags that make this very schedule; whom it tells is not kept with it. */
export function flagsOf(schedule: Schedule): Omit<ScheduleFlags, keyof NotifyFlags> {
  const { input, caps } = schedule;
  return {
    cron: schedule.cron,
    tz: schedule.zone,
    overlap: schedule.overlap,
    missed: schedule.missed,
    onlyChanged: schedule.makes === 'only_changed',
    out: schedule.out,
    ...given('keepRuns', schedule.keep.runs),
    ...given('keepDays', schedule.keep.days),
    skipInvalid: schedule.badRows === 'skip',
    priority: schedule.priority,
    ...given('recipe', schedule.recipe),
    ...given('maxCredits', caps.batch),
    ...given('maxCreditsPerDay', caps.day),
    ...given('minSize', schedule.minSize),
    ...given('model', input.model),
    ...given('prompt', input.prompt === null ? null : typedPrompt(input.prompt)),
    ...given('id', input.id),
    param: input.params,
    ...given('references', input.references),
    ...given('name', input.fileName),
    keepHtml: input.html === 'keep',
    variants: input.variants,
    ...given('format', input.format),
    ...given('delimiter', input.delimiter),
    ...given('headerRow', input.headerRow),
    ...given('sheet', input.sheet),
    ...given('items', input.items),
    fillDown: input.fillDown,
    ...given('fillDownWithin', input.fillDownWithin),
    where: input.where,
    ...given('unique', input.unique),
    ...given('limit', input.limit),
    ...given('sample', input.sample),
    outputs: input.outputs.map(({ prompt, ...output }) => ({
      ...output,
      prompt: prompt === null ? null : typedPrompt(prompt),
    })),
    strict: input.strict,
  };
}

function given<Name extends string, Value>(
  name: Name,
  value: Value | null,
): { [Key in Name]?: Value } {
  return (value === null ? {} : { [name]: value }) as { [Key in Name]?: Value };
}

/** A text is kept, and no file's name. */
function typedPrompt(text: string): string {
  return text.startsWith('@') ? `@${text}` : text;
}

/** One option, as a schedule has it. */
interface Setting {
  flag: string;
  /** As they are typed; none where nothing is said. Of a switch, that it is on. */
  values: readonly string[];
  kind: 'value' | 'switch';
  /** What holds where nothing is said. */
  usual?: string;
}

/** A schedule as its options, in the order of the help; without its files and whom it tells. */
function settingsOf(schedule: Schedule): Setting[] {
  const { input, caps, minSize } = schedule;
  const size = minSize === null || minSize === 'none' ? minSize : sizeText(minSize);
  return [
    one('--cron', schedule.cron),
    one('--tz', schedule.zone),
    one('--out', schedule.out),
    one('--overlap', schedule.overlap, 'skip'),
    one('--missed', schedule.missed, 'once'),
    on('--only-changed', schedule.makes === 'only_changed'),
    one('--keep-runs', textOf(schedule.keep.runs)),
    one('--keep-days', textOf(schedule.keep.days)),
    one('--priority', String(schedule.priority), '0'),
    one('--recipe', schedule.recipe),
    one('--id', input.id),
    one('--model', input.model),
    one('--prompt', input.prompt === null ? null : typedPrompt(input.prompt)),
    {
      flag: '--param',
      kind: 'value',
      values: input.params.map(({ key, template }) => `${key}=${template}`),
    },
    one('--references', input.references),
    one('--name', input.fileName),
    on('--keep-html', input.html === 'keep'),
    one('--variants', String(input.variants), '1'),
    one('--format', input.format),
    one('--delimiter', input.delimiter),
    one('--header-row', textOf(input.headerRow)),
    one('--sheet', input.sheet),
    one('--items', input.items),
    { flag: '--fill-down', kind: 'value', values: input.fillDown },
    one('--fill-down-within', input.fillDownWithin),
    { flag: '--where', kind: 'value', values: input.where },
    one('--unique', input.unique),
    one('--limit', textOf(input.limit)),
    one('--sample', textOf(input.sample)),
    on('--skip-invalid', schedule.badRows === 'skip'),
    on('--strict', input.strict),
    one('--max-credits', textOf(caps.batch)),
    one('--max-credits-per-day', textOf(caps.day)),
    one('--min-size', size),
  ];
}

function one(flag: string, value: string | null, usual?: string): Setting {
  const values = value === null ? [] : [value];
  return { flag, kind: 'value', values, ...(usual !== undefined && { usual }) };
}

function on(flag: string, isOn: boolean): Setting {
  return { flag, kind: 'switch', values: isOn ? ['on'] : [] };
}

function textOf(value: number | string | null): string | null {
  return value === null ? null : String(value);
}

/**
 * Words that set this very schedule, such as are typed behind `schedule`. What may be a secret is not among them: whom it
 * tells, and queries and logins of addresses (S8).
 */
export function wordsOfSchedule(schedule: Schedule): string[] {
  const options = settingsOf(schedule)
    .filter(({ values, usual }) => values[0] !== usual)
    .flatMap(({ flag, kind, values }) =>
      kind === 'switch' ? [flag] : values.flatMap((value) => [flag, value]),
    );
  return ['add', schedule.name, ...schedule.files.map(shownFile), ...options];
}

/** Names of the settings in which two differ, with both, for people. */
export function changesBetween(before: Schedule, after: Schedule): [name: string, text: string][] {
  const later = settingsOf(after);
  const options = settingsOf(before).map(({ flag, values }, at): [string, string, string] => {
    return [flag, wordsFor(values), wordsFor(later[at]?.values ?? [])];
  });
  const rows: [string, string, string][] = [
    ['input', ...apart(before.files, after.files, shownFile)],
    ...options,
    ['outputs', ...apart(before.input.outputs, after.input.outputs, ({ name }) => name)],
  ];
  return rows
    .filter(([, was, is]) => was !== is)
    .map(([name, was, is]) => [name, `${was} -> ${is}`]);
}

function wordsFor(values: readonly string[]): string {
  return values.length === 0 ? 'not given' : values.join(', ');
}

/** Lists of which not all may be shown: those that differ are told apart all the same. */
function apart<Item>(
  before: readonly Item[],
  after: readonly Item[],
  shown: (item: Item) => string,
): [was: string, is: string] {
  const [was, is] = [wordsFor(before.map(shown)), wordsFor(after.map(shown))];
  const isSame = JSON.stringify(before) === JSON.stringify(after);
  return isSame || was !== is ? [was, is] : [was, `${is} (changed in what is not shown)`];
}

function checkFile(file: string, { format }: ScheduleInput, origin: string): void {
  if (file === '-') {
    const sentence = 'A schedule cannot read stdin (-). Give it a file.';
    throw new BatchError('usage', sentence);
  }
  if (!isUrl(file)) return;
  const fault = addressFault(file, origin);
  if (fault !== null) throw new BatchError('usage', fault);
  const isSaid = readSheetLink(file) !== null || formatOf(nameInUrl(file)) !== null;
  if (format === null && !isSaid) {
    throw new BatchError('usage', 'The URL has no extension that says what it is: add --format.');
  }
}

/** A mistake in the options is better found now than at night. */
export async function lookAtInput(
  { terminal, settings }: CommandSetup,
  files: readonly string[],
  flags: ReadingFlags,
): Promise<void> {
  for (const file of files) {
    if (isUrl(file))
      return terminal.note(
        'The input was not checked now, as part of it is a URL: "rivya-batch check" does that.',
      );
    if (!(await isThere(file))) {
      return terminal.warn(`${file} is not there yet; each run looks for it.`);
    }
  }
  const list = await tellModelList(settings, terminal);
  const input = await compileFromFlags([...files], flags, { settings, list });
  try {
    const { briefs, rejected } = input.counts;
    const refused = rejected > 0 && !flags.skipInvalid;
    terminal.note(
      `As the input is now, it makes ${counted(briefs, 'brief')}; ${counted(rejected, 'row')} cannot be used.`,
    );
    if (refused)
      terminal.warn(
        'With these rows a run would not start. "rivya-batch check" lists them; --skip-invalid leaves them out.',
      );
  } finally {
    await input.dispose();
  }
}

/** What would be deleted by a mistake in it could not be had back from any disk. */
function refuseKeeping({ out, keep }: Schedule): void {
  if (!isBucketAddress(out) || (keep.runs === null && keep.days === null)) return;
  throw new BatchError(
    'usage',
    'Nothing is deleted from a bucket: leave out --keep-runs and --keep-days (of a schedule that has them: --unset keep-runs,keep-days), and give the bucket a lifecycle rule that expires what is older than so many days, below that address.',
  );
}
