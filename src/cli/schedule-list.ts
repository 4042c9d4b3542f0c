import Table from 'cli-table3';
import { describeRun } from '../producer/schedule/describe-run.js';
import { ExitCode } from '../shared/errors.js';
import { type Schedule, shownFile } from '../shared/schedule/schedule.js';
import type { ScheduleRun } from '../shared/schedule/schedule-run.js';
import { zoneText } from '../shared/schedule/zone-time.js';
import type { CommandSetup } from './command-setup.js';
import { findSchedule, type Schedules, withSchedules } from './schedule-session.js';
import type { Terminal } from './terminal.js';

interface ShownSchedule {
  schedule: Schedule;
  /** Ms since the epoch; null while no tick is to come. */
  nextMs: number | null;
  /** Newest first. */
  history: ScheduleRun[];
  /** Where it is told of failures is nobody's to see (S8). */
  webhook: 'set' | 'none';
}

export function listSchedules(
  setup: CommandSetup,
  name: string | undefined,
  format: 'json' | 'table',
): Promise<ExitCode> {
  const { terminal } = setup;
  return withSchedules(setup, async (schedules) => {
    const { ledger, session } = schedules;
    const found = name === undefined ? await ledger.all() : [await findSchedule(ledger, name)];
    const shown: ShownSchedule[] = [];
    for (const schedule of found) shown.push(await readShown(schedules, schedule));
    if (format === 'json') terminal.print(JSON.stringify(shown.map(scheduleJson)));
    else if (name === undefined) printTable(terminal, shown);
    else for (const one of shown) printOne(terminal, one, session.clock.now());
    return ExitCode.succeeded;
  });
}

async function readShown({ ledger, queue }: Schedules, schedule: Schedule): Promise<ShownSchedule> {
  const { name } = schedule;
  const { runs } = await ledger.runs(name);
  return {
    schedule,
    nextMs: await queue.nextTick(name),
    history: runs.map(({ run }) => run).reverse(),
    webhook: (await ledger.webhook(name)) === null ? 'none' : 'set',
  };
}

/** As `--json` prints it: times in UTC, and the next run in the schedule's zone as well. */
function scheduleJson({ schedule, nextMs, history, webhook }: ShownSchedule) {
  const { name, cron, zone, state, files, out, overlap, missed } = schedule;
  return {
    ...{ schedule: name, state, cron, tz: zone, overlap, missed, out },
    files: files.map(shownFile),
    notify: webhook === 'set' ? '[redacted]' : null,
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

function printTable(terminal: Terminal, shown: ShownSchedule[]): void {
  if (shown.length === 0) {
    terminal.print('There are no schedules under this API key: rivya-batch schedule add --help');
    return;
  }
  const table = new Table({
    head: ['schedule', 'state', 'cron', 'zone', 'next', 'last'],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [null, null, null, null, null, 48],
  });
  for (const { schedule, nextMs, history } of shown) {
    const { name, state, cron, zone } = schedule;
    const last = history[0] === undefined ? '-' : describeRun(history[0], zone);
    table.push([name, state, cron, zone, nextMs === null ? '-' : zoneText(nextMs, zone), last]);
  }
  terminal.print(table.toString());
}

function printOne(terminal: Terminal, shown: ShownSchedule, nowMs: number): void {
  const { schedule, nextMs, history, webhook } = shown;
  const { name, state, cron, zone, files, out, overlap, missed } = schedule;
  const late = nextMs !== null && nextMs < nowMs ? ', as soon as a worker runs' : '';
  const rows: [string, string][] = [
    ['when', `${cron} in ${zone}`],
    ['next', nextMs === null ? '-' : `${zoneText(nextMs, zone)}${late}`],
    ['input', files.map(shownFile).join(', ')],
    ['results', out],
    ['rules', `overlap: ${overlap}, missed: ${missed}`],
    ['notify', webhook === 'set' ? 'a webhook (not shown)' : '-'],
  ];
  terminal.print(`Schedule ${name}: ${state}`);
  for (const [word, text] of rows) terminal.print(`  ${word.padEnd(9)}${text}`);
  terminal.print(history.length === 0 ? 'It has not run yet.' : 'Runs, the latest first:');
  for (const run of history) {
    const code = 'exitCode' in run ? ` [${run.exitCode}]` : '';
    const more = run.missed > 0 ? ` (and ${run.missed} missed since)` : '';
    terminal.print(`  ${zoneText(run.scheduledMs, zone)}${code} ${describeRun(run, zone)}${more}`);
  }
}
