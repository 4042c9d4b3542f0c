import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  formatBucketAddress,
  isBucketAddress,
  parseBucketAddress,
} from '../../bucket/bucket-address.js';
import { priorities } from '../../ledger/batch-meta.js';
import { type MessageKind, messageKinds, type Webhook } from '../../ledger/message-ledger.js';
import {
  type InputFormat,
  type InputOptions,
  inputFormats,
  type OutputOption,
} from '../../producer/options.js';
import { isInsideHost } from '../../rivya/safe-url.js';
import type { Settings } from '../../session/environment.js';
import { twinOf } from '../../session/option-twins.js';
import { isUrl } from '../../shared/addresses.js';
import { BatchError } from '../../shared/errors.js';
import { type PictureSize, parseSize } from '../../shared/picture-size.js';
import { type QueueStage, queueStages } from '../../shared/queue-names.js';

/** How input is read: `run`, `check`, `enqueue`, `schedule add`. */
export interface ReadingFlags {
  model?: string;
  prompt?: string;
  id?: string;
  param: { key: string; template: string }[];
  references?: string;
  name?: string;
  keepHtml: boolean;
  variants: number;
  format?: InputFormat;
  delimiter?: string;
  headerRow?: number;
  sheet?: string;
  items?: string;
  fillDown: string[];
  fillDownWithin?: string;
  where: string[];
  unique?: string;
  limit?: number;
  sample?: number;
  /** File that was applied to these flags. */
  recipe?: string;
  /** Several briefs of each row, as only a recipe can say. */
  outputs?: OutputOption[];
  placeOf?: InputOptions['placeOf'];
  skipInvalid: boolean;
  /** Absent counts as off. */
  strict?: boolean;
  maxCredits?: number | 'none';
  maxCreditsPerDay?: number | 'none';
  minSize?: PictureSize | 'none';
}

/** Options of the commands that make one batch of their input, or look at it: `run`, `check`, `enqueue`. */
export interface InputFlags extends ReadingFlags {
  batch?: string;
  fresh: boolean;
}

export interface PaceFlags {
  rate?: number;
  inFlight?: number;
}

/** Options of whatever logs: `run`, `worker`, `monitor`. */
const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogFlags {
  logLevel: LogLevel;
}

type Param = ReadingFlags['param'][number];

function param(text: string, before: Param[]): Param[] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('It must look like key=value.');
  return [...before, { key: text.slice(0, equals).trim(), template: text.slice(equals + 1) }];
}

function cap(text: string): number | 'none' {
  return text === 'none' ? 'none' : amount('from zero on')(text);
}

function minSize(text: string): PictureSize | 'none' {
  if (text === 'none') return 'none';
  const size = parseSize(text);
  if (size === null)
    throw new InvalidArgumentError('It must be width and height, such as 512x512.');
  return size;
}

/** With its environment twin, unless it is to be typed. */
function twin(option: Option): Option {
  const variable = twinOf(option.name());
  return variable === null ? option : option.env(variable);
}

export function addInputFlags(command: Command): Command {
  const name =
    "the batch's name (default: the one in the folder, else the folder's own, else the file's)";
  command.addOption(twin(new Option('--batch <name>', name)));
  addReadingFlags(command);
  const fresh = 'start a finished batch from the beginning: everything is made and paid again';
  return command.addOption(twin(new Option('--fresh', fresh)).default(false));
}

export function addReadingFlags(command: Command): Command {
  const options = [
    new Option('--recipe <file>', 'YAML or JSON file with any of these settings'),
    new Option('--model <id>', 'model of rows that name none (see: rivya-batch models)'),
    new Option(
      '--prompt <template>',
      'prompt, with {{column}} for values of the row; @file reads it from a file',
    ),
    new Option('--id <column>', 'column that names each brief (default: a column named id)'),
    new Option('--param <key=value>', 'parameter of the model; the value may be a template')
      .argParser(param)
      .default([], 'none'),
    ...templateOptions(),
    new Option('--variants <n>', 'briefs to make of each row').argParser(wholeNumber(1)).default(1),
    new Option('--format <format>', 'input format (default: by file extension)').choices(
      inputFormats,
    ),
    new Option('--delimiter <character>', 'what separates the columns of a CSV'),
    new Option(
      '--header-row <n>',
      'row of a table in which its header is (default: the first with anything in it)',
    ).argParser(wholeNumber(1)),
    new Option('--sheet <name>', 'which sheet of a workbook (default: the first that is shown)'),
    new Option(
      '--max-credits <n>',
      'credits that this batch may spend in all; kept until changed, none lifts it',
    ).argParser(cap),
    new Option(
      '--max-credits-per-day <n>',
      'credits that all batches of this key may spend in a day (UTC)',
    ).argParser(cap),
    new Option(
      '--min-size <size>',
      'pixels that a picture has to have, such as 512x512; kept until changed, none lifts it',
    ).argParser(minSize),
    new Option('--skip-invalid', 'go on without the rows that cannot be used').default(false),
    new Option('--strict', 'refuse params that the list of models does not have').default(false),
  ];
  for (const option of [...rowOptions(), ...options]) command.addOption(twin(option));
  return command;
}

/** What the pace is told: `run`, `worker`, and `check`, which reckons with it. */
export function addPaceFlags(command: Command): Command {
  const options = [
    new Option(
      '--rate <n>',
      'requests a second over all endpoints and machines (default: learned, from 2 on)',
    ).argParser(amount('above zero')),
    new Option(
      '--in-flight <n>',
      'accepted and unfinished tasks over all machines (default: learned, from 8 on)',
    ).argParser(wholeNumber(1)),
  ];
  for (const option of options) command.addOption(twin(option));
  return command;
}

export function addRequestFlags(command: Command): Command {
  addPaceFlags(command);
  const options = [
    new Option(
      '--submit-rate <n>',
      'submissions a second, where the API counts them apart from reads',
    ).argParser(amount('above zero')),
    new Option(
      '--read-rate <n>',
      'reads a second, where the API counts them apart from submissions',
    ).argParser(amount('above zero')),
    new Option(
      '--key-life <hours>',
      'how long the API is taken to remember a submission; after that, one in doubt is never sent again',
    )
      .argParser(amount('above zero'))
      .default(24),
    new Option('--concurrency <n>', 'HTTP requests at once, per process and stage')
      .argParser(wholeNumber(1))
      .default(16),
  ];
  for (const option of options) command.addOption(twin(option));
  return command;
}

export function addLogFlag(command: Command): Command {
  const text = 'least level that is logged; debug tells of every answer of the API';
  return command.addOption(
    twin(new Option('--log-level <level>', text).choices(logLevels).default('info')),
  );
}

/** `run`, `enqueue`, `schedule add`. */
export interface PriorityFlags {
  /** Undefined leaves what the batch has. */
  priority?: number;
}

export function addPriorityFlag(command: Command): Command {
  const text = `batches of a higher one go first, from ${priorities.least} to ${priorities.most} (default: 0)`;
  return command.addOption(twin(new Option('--priority <n>', text).argParser(priority)));
}

function priority(text: string): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < priorities.least || value > priorities.most) {
    throw new InvalidArgumentError(
      `It must be a whole number from ${priorities.least} to ${priorities.most}.`,
    );
  }
  return value;
}

/** Who is told of a batch: `run`, `enqueue`, `schedule add`. */
export interface NotifyFlags {
  /** A secret, unless it is `none` (S8): never an argument that commander repeats. */
  notify?: string;
  notifyOn: MessageKind[];
  notifyPrivate: boolean;
}

export function addNotifyFlags(command: Command): Command {
  const options = [
    new Option(
      '--notify <url>',
      'webhook that is told how it ends, and what it waits for; kept until changed, none lifts it',
    ),
    new Option('--notify-on <list>', 'of what it is told')
      .argParser(kindsOfMessages)
      .default(['finished', 'failed', 'waiting'], 'finished,failed,waiting'),
    new Option(
      '--notify-private',
      'the webhook may be in a private network, or on this machine',
    ).default(false),
  ];
  for (const option of options) command.addOption(twin(option));
  return command;
}

function kindsOfMessages(text: string): MessageKind[] {
  const names = text.split(',').map((name) => name.trim());
  const known = messageKinds.filter((kind) => names.includes(kind));
  if (known.length === 0 || known.length !== new Set(names).size) {
    throw new InvalidArgumentError(`It must be a list of ${messageKinds.join(', ')}.`);
  }
  return known;
}

/**
 * What the flags say of who is told; undefined leaves what there is.
 * @throws BatchError `usage`, which does not repeat the URL (S8)
 */
export function webhookOf(
  { notify, notifyOn, notifyPrivate }: NotifyFlags,
  { notifySecret }: Pick<Settings, 'notifySecret'>,
): Webhook | 'none' | undefined {
  if (notify === undefined || notify === 'none') return notify;
  const url = URL.canParse(notify) ? new URL(notify) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new BatchError('usage', '--notify must be an http or https URL, or none.');
  }
  if (!notifyPrivate && isInsideHost(url.hostname)) {
    throw new BatchError(
      'usage',
      '--notify leads into a private network or to this machine: if that is intended, add --notify-private.',
    );
  }
  return {
    url: notify,
    on: notifyOn,
    network: notifyPrivate ? 'any' : 'public',
    trust: notifySecret === null ? 'unsigned' : 'signed',
  };
}

export function addOutFlag(command: Command, text: string): Command {
  return command.addOption(twin(new Option('--out <folder>', text).argParser(placeOfResults)));
}

export function addRejectedFlag(command: Command): Command {
  const text = 'write rows that cannot be used here';
  return command.addOption(twin(new Option('--rejected <file>', text).argParser(pathOnDisk)));
}

/** A folder, or an address in a bucket: `gs://bucket/spring` would quietly become a folder called `gs:`. */
export function placeOfResults(text: string): string {
  if (!isUrl(text)) return text;
  if (isBucketAddress(text)) return formatBucketAddress(parseBucketAddress(text));
  const scheme = text.slice(0, text.indexOf('://') + 3);
  throw new InvalidArgumentError(
    `Results cannot be written to ${scheme}: give a folder on this machine, or s3://BUCKET/FOLDER.`,
  );
}

export function pathOnDisk(text: string): string {
  if (!isUrl(text)) return text;
  const scheme = text.slice(0, text.indexOf('://') + 3);
  throw new InvalidArgumentError(`It must be on this machine's disk, not at ${scheme}.`);
}

export function addYesFlag(command: Command): Command {
  return command.addOption(
    twin(new Option('--yes', 'do it without being asked first')).default(false),
  );
}

export function addJsonFlag(command: Command): Command {
  return command.option('--json', 'print JSON on stdout', false);
}

export function stages(text: string): QueueStage[] {
  const names = text.split(',').map((name) => name.trim());
  const known = queueStages.filter((stage) => names.includes(stage));
  if (known.length === 0 || known.length !== new Set(names).size) {
    throw new InvalidArgumentError(`It must be a list of ${queueStages.join(', ')}.`);
  }
  return known;
}

export { twin };

/** Which rows of the files are taken. */
function rowOptions(): Option[] {
  return [
    new Option('--items <path>', 'where the list is in a JSON file, such as data.products'),
    new Option('--fill-down <columns>', 'empty cells take the value of the row above')
      .argParser(columns)
      .default([], 'none'),
    new Option(
      '--fill-down-within <column>',
      'values go down only within one value of this column',
    ),
    new Option('--where <condition>', "only rows such as 'Status = active'; repeatable")
      .argParser(texts)
      .default([], 'all'),
    new Option('--unique <column>', 'only the first row of each value of this column'),
    new Option('--limit <n>', 'only the first n rows').argParser(wholeNumber(1)),
    new Option('--sample <n>', 'only n rows, spread evenly').argParser(wholeNumber(1)),
  ];
}

/** What is made of a row beside its prompt. */
function templateOptions(): Option[] {
  return [
    new Option(
      '--references <column>',
      'column with reference URLs, or a template (default: a column named references)',
    ),
    new Option(
      '--name <template>',
      'names of the files; {{n}} numbers those of one name (default: the ids)',
    ),
    new Option(
      '--keep-html',
      'leave HTML in a prompt as it is, instead of making text of it',
    ).default(false),
  ];
}

function columns(text: string, before: string[]): string[] {
  const names = text.split(',').map((name) => name.trim());
  return [...before, ...names.filter((name) => name !== '')];
}

function texts(text: string, before: string[]): string[] {
  return [...before, text];
}

/** Options of the commands that make a batch go on with an input: `run`, `enqueue`. */
export interface ForceFlags {
  force: boolean;
  /** Given by `continue`: a run that makes everything anew and was cut off is gone on with, and none is begun. */
  continues?: boolean;
  yes: boolean;
}

export function addForceFlag(command: Command): Command {
  const text = 'make every brief of the input again, unchanged ones too; each is paid again';
  command.addOption(twin(new Option('--force', text)).default(false));
  return addYesFlag(command);
}

/** For commander: a whole number from `least` on. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
    }
    return value;
  };
}

/** For commander: a finite number above zero, or from zero on. */
export function amount(least: 'above zero' | 'from zero on'): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const fits = least === 'above zero' ? value > 0 : value >= 0;
    if (text.trim() === '' || !Number.isFinite(value) || !fits) {
      throw new InvalidArgumentError(`It must be a number ${least}.`);
    }
    return value;
  };
}

/** A recipe may name them, so that commander cannot know whether they are missing. */
export function requireOut({ out }: { out?: string }): string {
  if (out) return out;
  throw new BatchError('usage', 'Name the folder of the results: --out DIR.');
}

/** What stands in the place of an input, in the help of its commands. */
export const inputArgument =
  'CSV, TSV, Excel (.xlsx), JSON or JSON Lines; also as .gz or at an https address; - is stdin';

export function requireFiles(files: string[]): string[] {
  if (files.length > 0) return files;
  throw new BatchError('usage', noInput);
}

export const noInput =
  'Name an input file: CSV, TSV, Excel (.xlsx), JSON or JSON Lines, or its https address; - is stdin.';
