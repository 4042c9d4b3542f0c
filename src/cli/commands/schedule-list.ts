import pc from 'picocolors';
import { notedWords } from '../../ledger/deeds.js';
import { messageJson } from '../../notify/words.js';
import { zoneText } from '../../schedule/cron.js';
import { isOverRun, type Schedule, type ScheduleRun } from '../../schedule/schedule.js';
import { findSchedule } from '../../schedule/steer.js';
import {
  capsWords,
  describeRun,
  inputWords,
  keepWords,
  lastOutcome,
  lastTrouble,
  messageOfRun,
  missedWords,
  nextRunWords,
  nextTimes,
  readScheduleSight,
  rulesWords,
  type ScheduleSight,
  toldTrouble,
  webhookWords,
  whenWords,
} from '../../schedule/words.js';
import { type Schedules, withSchedules } from '../../session/schedule-session.js';
import { hasSecret, shownFile } from '../../shared/addresses.js';
import { ExitCode } from '../../shared/errors.js';
import { counted, creditsNumber } from '../../shared/quantities.js';
import { commandFor } from '../options/kept-command.js';
import type { CommandSetup } from '../setup.js';
import { type Column, printTable } from '../text/table.js';
import { printFacts, type Terminal } from '../text/terminal.js';
import { wordsOfSchedule } from './schedule-settings.js';

/** So many are seen at once with `show`. */
const latestRuns = 10;

export function listSchedules(
  setup: CommandSetup,
  name: string | undefined,
  format: 'json' | 'table',
): Promise<ExitCode> {
  const { terminal } = setup;
  return withSchedules(setup, async (schedules) => {
    const { ledger, session } = schedules;
    const found = name === undefined ? await ledger.all() : [await findSchedule(ledger, name)];
    const shown = await lookAt(schedules, found);
    const nowMs = session.clock.now();
    if (format === 'json') terminal.json(shown.map((sight) => scheduleJson(setup, sight, nowMs)));
    else if (name === undefined) printAll(terminal, shown, nowMs);
    else for (const one of shown) printOne(setup, one, { nowMs, latest: Number.POSITIVE_INFINITY });
    return ExitCode.succeeded;
  });
}

export function showSchedule(
  setup: CommandSetup,
  name: string,
  format: 'json' | 'text',
): Promise<ExitCode> {
  return withSchedules(setup, async (schedules) => {
    const shown = await lookAt(schedules, [await findSchedule(schedules.ledger, name)]);
    const nowMs = schedules.session.clock.now();
    for (const sight of shown) {
      if (format === 'json') setup.terminal.json(scheduleJson(setup, sight, nowMs));
      else printOne(setup, sight, { nowMs, latest: latestRuns });
    }
    return ExitCode.succeeded;
  });
}

async function lookAt({ ledger, queue }: Schedules, found: Schedule[]): Promise<ScheduleSight[]> {
  const messages = await ledger.messages.all();
  return Promise.all(found.map((schedule) => readScheduleSight(ledger, queue, messages, schedule)));
}

/** As `--json` prints it: times in UTC, and the next run in the schedule's zone as well. */
function scheduleJson(setup: CommandSetup, sight: ScheduleSight, nowMs: number) {
  const { schedule, nextMs, history, webhook } = sight;
  const { name, cron, zone, state, files, out, overlap, missed, makes, priority, caps } = schedule;
  return {
    ...{ schedule: name, state, cron, tz: zone, overlap, missed, priority, out },
    files: files.map(shownFile),
    only_changed: makes === 'only_changed',
    max_credits: caps.batch,
    max_credits_per_day: caps.day,
    keep_runs: schedule.keep.runs,
    keep_days: schedule.keep.days,
    command: commandOf(setup, schedule),
    notify: webhook,
    notify_failed: lastTrouble(sight, nowMs) !== null,
    next: nextMs === null ? null : new Date(nextMs).toISOString(),
    next_local: nextMs === null ? null : zoneText(nextMs, zone),
    next_times: nextTimes(sight, nowMs).map((ms) => new Date(ms).toISOString()),
    history: history.map((run) => runJson(sight, run)),
  };
}

/** The command that sets this very schedule, but for what may be a secret (S8). */
function commandOf(setup: CommandSetup, schedule: Schedule): string {
  return commandFor(setup, ['schedule', ...wordsOfSchedule(schedule)]);
}

function runJson(sight: ScheduleSight, run: ScheduleRun) {
  const told = messageOfRun(sight, run);
  const placed = run.stage === 'skipped' ? null : run;
  const over = isOverRun(run) ? run : null;
  return {
    run: run.id,
    trigger: run.trigger,
    scheduled: new Date(run.scheduledMs).toISOString(),
    missed: run.missed,
    state: run.stage,
    batch: placed?.batch ?? null,
    out: placed?.out ?? null,
    exit_code: over?.exitCode ?? null,
    counts: run.stage === 'ended' ? run.counts : null,
    credits: run.stage === 'ended' ? run.spent : null,
    reason: reasonOf(run),
    ended: 'endedMs' in run ? new Date(run.endedMs).toISOString() : null,
    put_away: over?.putAwayMs == null ? null : new Date(over.putAwayMs).toISOString(),
    told: told && messageJson(told),
  };
}

function reasonOf(run: ScheduleRun): string | null {
  switch (run.stage) {
    case 'refused':
      return run.message;
    case 'skipped':
      return run.reason;
    case 'starting':
      return run.trouble;
    case 'running':
      return run.stopped;
    case 'waiting':
    case 'ended':
      return null;
    default:
      return run satisfies never;
  }
}

function printAll(terminal: Terminal, shown: ScheduleSight[], nowMs: number): void {
  if (shown.length === 0) {
    terminal.print('There are no schedules under this API key: rivya-batch schedule add --help');
    return;
  }
  printTable(terminal, shown, columnsAt(nowMs));
}

const columnsAt = (nowMs: number): Column<ScheduleSight>[] => [
  { head: 'schedule', text: ({ schedule }) => schedule.name, narrow: { least: 18, by: 'middle' } },
  {
    head: 'state',
    text: ({ schedule }) => schedule.state,
    paint: (shown, { schedule }) => (schedule.state === 'paused' ? pc.yellow(shown) : shown),
  },
  { head: 'cron', text: ({ schedule }) => schedule.cron, leaveOut: 1 },
  { head: 'zone', text: ({ schedule }) => schedule.zone, leaveOut: 2 },
  {
    head: 'next',
    text: ({ nextMs, schedule }) => (nextMs === null ? '-' : zoneText(nextMs, schedule.zone)),
  },
  {
    head: 'last',
    text: (sight) => lastWords(sight, nowMs),
    narrow: { least: 24, by: 'next line' },
    paint: (shown, sight) => (isBad(sight, nowMs) ? pc.red(shown) : shown),
  },
];

function isBad(sight: ScheduleSight, nowMs: number): boolean {
  return lastOutcome(sight.history.slice(0, 1)) === 'bad' || lastTrouble(sight, nowMs) !== null;
}

function lastWords(sight: ScheduleSight, nowMs: number): string {
  const [last] = sight.history;
  const trouble = lastTrouble(sight, nowMs);
  const words =
    last === undefined
      ? '-'
      : describeRun(last, { zone: sight.schedule.zone, origin: sight.origin });
  return trouble === null ? words : `${words}; ${trouble}`;
}

function printOne(
  setup: CommandSetup,
  sight: ScheduleSight,
  { nowMs, latest }: { nowMs: number; latest: number },
): void {
  const { terminal } = setup;
  const { schedule, history } = sight;
  const { name, state, zone, out } = schedule;
  const [, ...later] = nextTimes(sight, nowMs);
  const [lastDeed] = sight.deeds;
  const rows: [string, string][] = [
    ['when', whenWords(schedule)],
    ['next', nextRunWords(sight, nowMs) ?? (state === 'paused' ? 'none while it is paused' : '-')],
    ...later.map((ms): [string, string] => ['', zoneText(ms, zone)]),
    ['input', inputWords(schedule)],
    ['results', out],
    ['rules', rulesWords(schedule)],
    ['caps', capsWords(schedule)],
    ['keeps', keepWords(schedule)],
    ['notify', webhookWords(sight, nowMs) ?? 'nobody'],
    ...(lastDeed === undefined
      ? []
      : [['last word', notedWords(lastDeed)] satisfies [string, string]]),
  ];
  terminal.print(`Schedule ${name}: ${state}`);
  printFacts(terminal, rows);
  terminal.print('The command that sets it like this:');
  terminal.print(`  ${commandOf(setup, schedule)}`);
  const secrets = [
    ...(sight.webhook === null ? [] : ['--notify']),
    ...(schedule.files.some(hasSecret) ? ['what follows the path of an address'] : []),
  ];
  if (secrets.length > 0)
    terminal.print(`Left out because it may be secret: ${secrets.join(', and ')}.`);
  terminal.print(history.length === 0 ? 'It has not run yet.' : 'Runs, the latest first:');
  if (history.length > 0) printTable(terminal, history.slice(0, latest), runColumns(sight, nowMs));
  const older = history.length - latest;
  if (older > 0)
    terminal.note(`${counted(older, 'run')} before: rivya-batch schedule list ${name}`);
}

const runColumns = (sight: ScheduleSight, nowMs: number): Column<ScheduleRun>[] => [
  { head: 'due', text: ({ scheduledMs }) => zoneText(scheduledMs, sight.schedule.zone) },
  { head: 'exit', text: (run) => ('exitCode' in run ? String(run.exitCode) : ''), leaveOut: 1 },
  {
    head: 'outcome',
    text: (run) => outcomeWords(sight, run, nowMs),
    narrow: { least: 30, by: 'next line' },
    paint: (shown, run) => (lastOutcome([run]) === 'bad' ? pc.red(shown) : shown),
  },
  {
    head: 'credits',
    align: 'right',
    text: (run) => (run.stage === 'ended' ? creditsNumber(run.spent) : ''),
  },
  {
    head: 'folder',
    text: (run) => {
      if (run.stage === 'skipped') return '';
      return isOverRun(run) && run.putAwayMs !== null ? 'put away' : run.out;
    },
    narrow: { least: 20, by: 'middle' },
    leaveOut: 2,
  },
];

function outcomeWords(sight: ScheduleSight, run: ScheduleRun, nowMs: number): string {
  const { schedule, origin } = sight;
  const trouble = toldTrouble(sight, run, nowMs);
  const words = `${describeRun(run, { zone: schedule.zone, origin })}${missedWords(run)}`;
  return trouble === null ? words : `${words}; ${trouble}`;
}
