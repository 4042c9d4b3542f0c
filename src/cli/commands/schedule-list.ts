import pc from 'picocolors';
import { messageJson } from '../../notify/words.js';
import { zoneText } from '../../schedule/cron.js';
import type { ScheduleRun } from '../../schedule/schedule.js';
import {
  describeRun,
  inputWords,
  lastOutcome,
  lastTrouble,
  messageOfRun,
  missedWords,
  nextRunWords,
  readScheduleSight,
  rulesWords,
  type ScheduleSight,
  toldTrouble,
  webhookWords,
  whenWords,
} from '../../schedule/words.js';
import { findSchedule, withSchedules } from '../../session/schedule-session.js';
import { shownFile } from '../../shared/addresses.js';
import { ExitCode } from '../../shared/errors.js';
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
    const messages = await ledger.messages.all();
    for (const schedule of found) {
      shown.push(await readScheduleSight(ledger, queue, messages, schedule));
    }
    const nowMs = session.clock.now();
    if (format === 'json') terminal.json(shown.map((sight) => scheduleJson(sight, nowMs)));
    else if (name === undefined) printAll(terminal, shown, nowMs);
    else for (const one of shown) printOne(terminal, one, nowMs);
    return ExitCode.succeeded;
  });
}

/** As `--json` prints it: times in UTC, and the next run in the schedule's zone as well. */
function scheduleJson(sight: ScheduleSight, nowMs: number) {
  const { schedule, nextMs, history, webhook } = sight;
  const { name, cron, zone, state, files, out, overlap, missed, makes, priority } = schedule;
  return {
    ...{ schedule: name, state, cron, tz: zone, overlap, missed, priority, out },
    files: files.map(shownFile),
    only_changed: makes === 'only_changed',
    notify: webhook,
    notify_failed: lastTrouble(sight, nowMs) !== null,
    next: nextMs === null ? null : new Date(nextMs).toISOString(),
    next_local: nextMs === null ? null : zoneText(nextMs, zone),
    history: history.map((run) => runJson(sight, run)),
  };
}

function runJson(sight: ScheduleSight, run: ScheduleRun) {
  const told = messageOfRun(sight, run);
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

function printOne(terminal: Terminal, sight: ScheduleSight, nowMs: number): void {
  const { schedule, history } = sight;
  const { name, state, zone, out } = schedule;
  const rows: [string, string][] = [
    ['when', whenWords(schedule)],
    ['next', nextRunWords(sight, nowMs) ?? '-'],
    ['input', inputWords(schedule)],
    ['results', out],
    ['rules', rulesWords(schedule)],
    ['notify', webhookWords(sight, nowMs) ?? '-'],
  ];
  terminal.print(`Schedule ${name}: ${state}`);
  printFacts(terminal, rows);
  terminal.print(history.length === 0 ? 'It has not run yet.' : 'Runs, the latest first:');
  for (const run of history) {
    const code = 'exitCode' in run ? ` [${run.exitCode}]` : '';
    const trouble = toldTrouble(sight, run, nowMs);
    const more = missedWords(run) + (trouble === null ? '' : `; ${trouble}`);
    const head = `  ${zoneText(run.scheduledMs, zone)}${code} `;
    const text = `${describeRun(run, { zone, origin: sight.origin })}${more}`;
    for (const line of hangingLines(head, text, terminal.lineWidth)) terminal.print(line);
  }
}
