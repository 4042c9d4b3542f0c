import pc from 'picocolors';
import { zoneText } from '../../schedule/cron.js';
import { type ScheduleRun, shownFile, type Told } from '../../schedule/schedule.js';
import {
  describeRun,
  inputWords,
  lastOutcome,
  lastTold,
  missedWords,
  nextRunWords,
  readScheduleSight,
  rulesWords,
  type ScheduleSight,
  toldTrouble,
  webhookWords,
  whenWords,
} from '../../schedule/words.js';
import { ExitCode } from '../../shared/errors.js';
import { findSchedule, withSchedules } from '../sessions/schedule-session.js';
import type { CommandSetup } from '../setup.js';
import { type Column, printTable } from '../text/table.js';
import { hangingLines, printFacts, type Terminal } from '../text/terminal.js';

export function listSchedules(
  setup: CommandSetup,
  name: string | undefined,
  format: 'json' | 'table',
): Promise<ExitCode> {
  const { terminal } = setup;
  return withSchedules(setup, async (schedules) => {
    const { ledger, queue, session } = schedules;
    const found = name === undefined ? await ledger.all() : [await findSchedule(ledger, name)];
    const shown: ScheduleSight[] = [];
    for (const schedule of found) shown.push(await readScheduleSight(ledger, queue, schedule));
    if (format === 'json') terminal.json(shown.map(scheduleJson));
    else if (name === undefined) printAll(terminal, shown);
    else for (const one of shown) printOne(terminal, one, session.clock.now());
    return ExitCode.succeeded;
  });
}

/** As `--json` prints it: times in UTC, and the next run in the schedule's zone as well. */
function scheduleJson(sight: ScheduleSight) {
  const { schedule, nextMs, history, webhook } = sight;
  const { name, cron, zone, state, files, out, overlap, missed, makes, priority } = schedule;
  return {
    ...{ schedule: name, state, cron, tz: zone, overlap, missed, priority, out },
    files: files.map(shownFile),
    only_changed: makes === 'only_changed',
    notify: webhook === 'set' ? '[redacted]' : null,
    notify_failed: lastTold(sight)?.kind === 'refused',
    next: nextMs === null ? null : new Date(nextMs).toISOString(),
    next_local: nextMs === null ? null : zoneText(nextMs, zone),
    history: history.map(runJson),
  };
}

function runJson(run: ScheduleRun) {
  const placed = run.stage === 'skipped' ? null : run;
  const over = run.stage === 'ended' || run.stage === 'refused' ? run : null;
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
    told: toldJson(run.told),
  };
}

function toldJson(told: Told | null) {
  if (told === null) return null;
  const refused = told.kind === 'refused' ? told : null;
  return {
    event: told.event,
    at: new Date(told.atMs).toISOString(),
    taken: refused === null,
    reason: refused?.reason ?? null,
    tries_left: refused?.triesLeft ?? 0,
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

function printAll(terminal: Terminal, shown: ScheduleSight[]): void {
  if (shown.length === 0) {
    terminal.print('There are no schedules under this API key: rivya-batch schedule add --help');
    return;
  }
  printTable(terminal, shown, columns);
}

const columns: Column<ScheduleSight>[] = [
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
    text: lastWords,
    narrow: { least: 24, by: 'next line' },
    paint: (shown, sight) => (isBad(sight) ? pc.red(shown) : shown),
  },
];

function isBad(sight: ScheduleSight): boolean {
  return lastOutcome(sight.history.slice(0, 1)) === 'bad' || toldTrouble(lastTold(sight)) !== null;
}

function lastWords(sight: ScheduleSight): string {
  const [last] = sight.history;
  const trouble = toldTrouble(lastTold(sight));
  const words = last === undefined ? '-' : describeRun(last, sight.schedule.zone);
  return trouble === null ? words : `${words}; ${trouble}`;
}

function printOne(terminal: Terminal, sight: ScheduleSight, nowMs: number): void {
  const { schedule, history } = sight;
  const { name, state, zone, out } = schedule;
  const rows: [string, string][] = [
    ['when', whenWords(schedule)],
    ['next', nextRunWords(sight, nowMs) ?? '-'],
    ['input', inputWords(schedule)],
    ['results', out],
    ['rules', rulesWords(schedule)],
    ['notify', webhookWords(sight) ?? '-'],
  ];
  terminal.print(`Schedule ${name}: ${state}`);
  printFacts(terminal, rows);
  terminal.print(history.length === 0 ? 'It has not run yet.' : 'Runs, the latest first:');
  for (const run of history) {
    const code = 'exitCode' in run ? ` [${run.exitCode}]` : '';
    const trouble = toldTrouble(run.told);
    const more = missedWords(run) + (trouble === null ? '' : `; ${trouble}`);
    const head = `  ${zoneText(run.scheduledMs, zone)}${code} `;
    const text = `${describeRun(run, zone)}${more}`;
    for (const line of hangingLines(head, text, terminal.lineWidth)) terminal.print(line);
  }
}
