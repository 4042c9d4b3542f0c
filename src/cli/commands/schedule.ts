import { type Command, Option } from 'commander';
import { BatchLedger } from '../../ledger/batch-ledger.js';
import { isFinalized } from '../../ledger/batch-meta.js';
import { zoneText } from '../../schedule/cron.js';
import { runIdByHand } from '../../schedule/queue.js';
import { isOpen, missedRules, overlapRules } from '../../schedule/schedule.js';
import { findSchedule, type Schedules, withSchedules } from '../../session/schedule-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import {
  addJsonFlag,
  addNotifyFlags,
  addOutFlag,
  addPriorityFlag,
  addReadingFlags,
  requireFiles,
  requireOut,
  twin,
} from '../options/flags.js';
import { applyRecipe } from '../options/recipe.js';
import type { CommandSetup } from '../setup.js';
import { type AddFlags, addSchedule } from './schedule-add.js';
import { listSchedules } from './schedule-list.js';

export function addScheduleCommand(program: Command, setup: CommandSetup): void {
  const schedule = program.command('schedule');
  addAdd(schedule, setup);
  const list = schedule
    .command('list')
    .description('next and last runs; of one schedule, its history')
    .argument('[name]');
  addJsonFlag(list);
  list.action((name: string | undefined, flags: { json: boolean }) =>
    setup.run(() => listSchedules(setup, name, flags.json ? 'json' : 'table')),
  );
  for (const [word, description, act] of [
    ['run-now', 'one run more, now', runNow],
    ['pause', 'no run more until resumed; batches that were begun go on', pauseSchedule],
    ['resume', 'runs again, from the next tick on', resumeSchedule],
    ['remove', 'delete the schedule and its history; its batches and files stay', removeSchedule],
  ] as const) {
    schedule
      .command(word)
      .description(description)
      .argument('<name>')
      .action((name: string) => setup.run(() => act(setup, name)));
  }
}

function addAdd(schedule: Command, setup: CommandSetup): void {
  const add = schedule
    .command('add')
    .description('a batch at every tick, named NAME@DATE, in a folder of that name')
    .argument('<name>')
    .argument(
      '[file...]',
      'CSV, TSV, Excel (.xlsx), JSON or JSON Lines, also as .gz, read at each run; paths or https URLs',
    );
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
  ];
  for (const option of options) add.addOption(twin(option));
  addOutFlag(add, "folder of the batches' folders");
  addPriorityFlag(add);
  addNotifyFlags(add);
  addReadingFlags(add);
  add.action((name: string, given: string[]) =>
    setup.run(async () => {
      const files = requireFiles(applyRecipe(add, given));
      const flags = add.opts<AddFlags>();
      return addSchedule(setup, { name, files, flags, out: requireOut(flags) });
    }),
  );
}

/** A run by hand; a worker takes it, and decides by the schedule's rules. */
export function runNow(setup: CommandSetup, name: string): Promise<ExitCode> {
  return withSchedules(setup, async (schedules) => {
    const { session, account, ledger, queue } = schedules;
    const { overlap } = await findSchedule(ledger, name);
    const busy = await unfinishedBatch(schedules, name);
    if (busy !== null && overlap === 'skip') {
      throw new BatchError(
        'batch_unfinished',
        `${busy} is not finished, and the schedule's rule for that is to skip. See: rivya-batch status ${busy}`,
      );
    }
    const scheduledMs = session.clock.now();
    const id = runIdByHand(scheduledMs);
    await queue.addRun({ v: 1, kind: 'run', schedule: name, id, scheduledMs, trigger: 'hand' });
    const { workers } = await account.view();
    setup.terminal.print(`Schedule ${name} runs now. See: rivya-batch schedule list ${name}`);
    if (workers === 0) {
      setup.terminal.warn('No worker runs with this key: it begins when one does.');
    }
    return ExitCode.succeeded;
  });
}

async function unfinishedBatch(
  { session, account, ledger }: Schedules,
  name: string,
): Promise<string | null> {
  const { connection, settings } = session;
  const { runs } = await ledger.runs(name);
  for (const { run } of runs) {
    if (!isOpen(run)) continue;
    const meta = await new BatchLedger(connection, settings.prefix, run.batch, account).meta();
    if (run.stage !== 'running' || (meta && !isFinalized(meta))) return run.batch;
  }
  return null;
}

export function pauseSchedule(setup: CommandSetup, name: string): Promise<ExitCode> {
  return withSchedules(setup, async ({ ledger, queue }) => {
    await ledger.setState(await findSchedule(ledger, name), 'paused');
    await queue.stop(name);
    setup.terminal.print(
      `Schedule ${name} is paused until "rivya-batch schedule resume ${name}". Batches that were begun go on.`,
    );
    return ExitCode.succeeded;
  });
}

export function resumeSchedule(setup: CommandSetup, name: string): Promise<ExitCode> {
  return withSchedules(setup, async ({ ledger, queue }) => {
    const schedule = await findSchedule(ledger, name);
    await ledger.setState(schedule, 'active');
    await queue.start(schedule);
    const next = await queue.nextTick(name);
    const when = next === null ? '' : ` Next run: ${zoneText(next, schedule.zone)}.`;
    setup.terminal.print(`Schedule ${name} is active.${when}`);
    return ExitCode.succeeded;
  });
}

export function removeSchedule(setup: CommandSetup, name: string): Promise<ExitCode> {
  return withSchedules(setup, async ({ ledger, queue }) => {
    const { out } = await findSchedule(ledger, name);
    const { runs } = await ledger.runs(name);
    await queue.stop(name);
    await ledger.remove(name);
    setup.terminal.print(`Schedule ${name} is removed. Its batches are still in ${out}.`);
    for (const { run } of runs) {
      if (run.stage === 'running') setup.terminal.note(`${run.batch} goes on to its end.`);
      if (run.stage === 'starting') {
        setup.terminal.warn(
          `${run.batch} was just being queued: look at "rivya-batch status ${run.batch}".`,
        );
      }
    }
    return ExitCode.succeeded;
  });
}
