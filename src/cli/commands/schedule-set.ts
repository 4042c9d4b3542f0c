import { isDeepStrictEqual } from 'node:util';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Webhook } from '../../ledger/message-ledger.js';
import { shownWebhook, webhookText } from '../../notify/words.js';
import { zoneText } from '../../schedule/cron.js';
import { openRuns } from '../../schedule/runs/claim-run.js';
import type { OpenRun, Schedule } from '../../schedule/schedule.js';
import { findSchedule, replaceSchedule } from '../../schedule/steer.js';
import { withSchedules } from '../../session/schedule-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { addReadingFlags, type NotifyFlags, requireOut, webhookOf } from '../options/flags.js';
import { applyRecipe } from '../options/recipe.js';
import type { CommandSetup } from '../setup.js';
import { printFacts } from '../text/terminal.js';
import { readyPlace } from './schedule-add.js';
import {
  addScheduleFlags,
  changesBetween,
  flagsOf,
  lookAtInput,
  type ScheduleFlags,
  scheduleOf,
} from './schedule-settings.js';

/** Without these there is no schedule. */
const cannotBeUnset = new Set(['cron', 'out']);

/**
 * Adds the options of `schedule add`, none of which stands for anything where it is not typed: what a schedule has stays,
 * and no variable of the environment changes it behind its back.
 */
export function addSetFlags(set: Command): void {
  addScheduleFlags(set);
  for (const option of set.options) {
    delete option.envVar;
    option.mandatory = false;
    option.description = option.description.replace(/ \(default: .*\)$/, '');
    if (option.defaultValue !== undefined) option.defaultValueDescription = 'as it is';
  }
  const names = set.options.map((option) => option.name());
  const known = names.filter((name) => !cannotBeUnset.has(name));
  set.addOption(
    new Option(
      '--unset <options>',
      'take these back; such as limit,where, as if nothing had been said',
    )
      .argParser(optionNames(known))
      .default([], 'none'),
  );
}

/** For commander: names of options in a list, each one of `known`. */
function optionNames(known: readonly string[]) {
  return (text: string, before: string[]): string[] => {
    const names = text.split(',').map((name) => name.trim().replace(/^--/, ''));
    const unknown = names.filter((name) => !known.includes(name));
    if (unknown.length === 0) return [...before, ...names];
    const sentence = `${unknown.join(', ')} cannot be unset; these can: ${known.join(', ')}.`;
    throw new InvalidArgumentError(sentence);
  };
}

/** Changes what is said of a schedule, and tells each change with what was there before. */
export function setSchedule(
  setup: CommandSetup,
  set: Command,
  { name, typedFiles }: { name: string; typedFiles: string[] },
): Promise<ExitCode> {
  refuseNothing(set, typedFiles);
  return withSchedules(setup, async (schedules) => {
    const { ledger, queue } = schedules;
    const before = await findSchedule(ledger, name);
    const known = await ledger.webhook(name);
    const named = fillIn(set, typedFiles, flagsOf(before));
    const files = named.length > 0 ? named : before.files;
    const flags = set.opts<ScheduleFlags>();
    const wanted = { name, files, flags, out: requireOut(flags), state: before.state };
    const after = await scheduleOf(wanted, setup.settings.origin);
    const webhook = changedWebhook(setup, set, known);
    const changes = changesBetween(before, after);
    if (webhook !== undefined) changes.push(['--notify', `${shown(known)} -> ${shown(webhook)}`]);
    if (changes.length === 0) {
      setup.terminal.print(`Schedule ${name} has these settings already: nothing was changed.`);
      return ExitCode.succeeded;
    }
    const reads = !isDeepStrictEqual(readingOf(before), readingOf(after));
    if (reads) await lookAtInput(setup, files, flags);
    if (after.out !== before.out) await readyPlace(setup, after.out);
    await replaceSchedule(schedules, { before, after }, webhook);
    const { runs } = await ledger.runs(name);
    tellChange(setup, {
      after,
      changes,
      nextMs: await queue.nextTick(name),
      open: await openRuns(schedules.batches, runs),
      makesAnew: reads && after.makes === 'only_changed',
    });
    return ExitCode.succeeded;
  });
}

/** @throws BatchError `usage` */
function refuseNothing(set: Command, typedFiles: string[]): void {
  const said = set.options.some((option) => isTyped(set, option) && option.name() !== 'prefix');
  if (said || typedFiles.length > 0) return;
  throw new BatchError(
    'usage',
    "Give the options to change, such as --cron '0 3 * * *'. All of them: rivya-batch schedule set --help",
  );
}

interface Change {
  after: Schedule;
  changes: [name: string, text: string][];
  nextMs: number | null;
  open: OpenRun[];
  makesAnew: boolean;
}

function tellChange(
  { terminal }: CommandSetup,
  { after, changes, nextMs, open, makesAnew }: Change,
): void {
  const { name, state, zone } = after;
  terminal.print(`Schedule ${name} is changed:`);
  printFacts(terminal, changes);
  if (nextMs !== null) terminal.print(`Next run: ${zoneText(nextMs, zone)}.`);
  if (state === 'paused') {
    terminal.print(`It is paused until "rivya-batch schedule resume ${name}".`);
  }
  if (makesAnew) terminal.note('Briefs that this changes are made and paid again at the next run.');
  for (const { batch, stage } of open) {
    const how =
      stage === 'waiting' ? 'has not begun, and begins as this says' : 'goes on as it was';
    terminal.note(`${batch} ${how}.`);
  }
}

/** What decides over the content of its batches. */
function readingOf({ files, input }: Schedule) {
  return { files, input };
}

function isTyped(set: Command, option: Option): boolean {
  return set.getOptionValueSource(option.attributeName()) === 'cli';
}

/**
 * Gives every flag that is not typed the value that the schedule has. With a recipe, how the input is read is what that
 * says, as if the schedule were added anew. Returns the files that are named.
 */
function fillIn(set: Command, typedFiles: string[], kept: KeptFlags): string[] {
  const { recipe, unset, param } = set.opts<SetFlags>();
  const anew = new Set([...unset, ...(recipe === undefined ? [] : readingNames())]);
  for (const option of set.options) {
    const key = option.attributeName() as keyof KeptFlags;
    if (anew.has(option.name()) || !(key in kept)) continue;
    if (!isTyped(set, option)) set.setOptionValueWithSource(key, kept[key], 'kept');
    else if (key === 'param') {
      // Each is a setting of its own.
      const others = kept.param.filter((own) => param.every((typed) => typed.key !== own.key));
      set.setOptionValueWithSource(key, [...others, ...param], 'cli');
    }
  }
  // Which only a recipe can say.
  if (!anew.has('recipe')) set.setOptionValueWithSource('outputs', kept.outputs, 'kept');
  // One that is kept says what it said when it was given.
  return recipe === undefined ? typedFiles : applyRecipe(set, typedFiles);
}

type KeptFlags = ReturnType<typeof flagsOf>;

interface SetFlags extends ScheduleFlags {
  unset: string[];
}

/** Names of the options that say how the input is read: what a schedule may spend and take is none of it. */
function readingNames(): string[] {
  const reading = addReadingFlags(new Command()).options.map((option) => option.name());
  const others = ['max-credits', 'max-credits-per-day', 'min-size', 'skip-invalid'];
  return reading.filter((name) => !others.includes(name));
}

/** Whom it is to tell from now on; undefined where that stays. @throws BatchError `usage`, without the URL (S8) */
function changedWebhook(
  { settings }: CommandSetup,
  set: Command,
  known: Webhook | null,
): Webhook | 'none' | undefined {
  const flags = set.opts<NotifyFlags & SetFlags>();
  const said = (name: keyof NotifyFlags) =>
    ['cli', 'recipe'].includes(set.getOptionValueSource(name) ?? '');
  const back = new Set(flags.unset);
  const names = [
    ['notify', 'notify'],
    ['notifyOn', 'notify-on'],
    ['notifyPrivate', 'notify-private'],
  ] as const;
  if (names.every(([key, name]) => !said(key) && !back.has(name))) return undefined;
  const stays = ([key, name]: (typeof names)[number]) => !said(key) && !back.has(name);
  const [url, on, network] = names;
  const webhook = webhookOf(
    {
      ...flags,
      ...(stays(url) && known && { notify: known.url }),
      ...(stays(on) && known && { notifyOn: known.on }),
      ...(stays(network) && known && { notifyPrivate: known.network === 'any' }),
    },
    settings,
  );
  if (webhook === undefined || webhook === 'none') {
    if (!said('notify') && !back.has('notify')) {
      throw new BatchError('usage', 'Nobody is notified yet: give --notify URL as well.');
    }
    return known === null ? undefined : 'none';
  }
  const trusted = known !== null && stays(url) ? { ...webhook, trust: known.trust } : webhook;
  return isDeepStrictEqual(trusted, known) ? undefined : trusted;
}

function shown(webhook: Webhook | 'none' | null): string {
  return webhook === null || webhook === 'none' ? 'nobody' : webhookText(shownWebhook(webhook));
}
