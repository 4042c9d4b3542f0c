import type { Command } from 'commander';
import { zoneText } from '../../schedule/cron.js';
import { pauseSchedule, removeSchedule, resumeSchedule, runNow } from '../../schedule/steer.js';
import { type Schedules, withSchedules } from '../../session/schedule-session.js';
import { BatchError, ExitCode } from '../../shared/errors.js';
import { addJsonFlag, inputArgument, requireFiles, requireOut } from '../options/flags.js';
import { applyRecipe } from '../options/recipe.js';
import type { CommandSetup } from '../setup.js';
import { addSchedule } from './schedule-add.js';
import { listSchedules, showSchedule } from './schedule-list.js';
import { addSetFlags, setSchedule } from './schedule-set.js';
import { addScheduleFlags, type ScheduleFlags } from './schedule-settings.js';

export function addScheduleCommand(program: Command, setup: CommandSetup): void {
  const schedule = program.command('schedule');
  addAdd(schedule, setup);
  addSet(schedule, setup);
  addLooks(schedule, setup);
  for (const [word, description, act] of [
    ['run-now', 'one run more, now', tellRunNow],
    ['pause', 'no run more until resumed; batches that have begun continue', tellPause],
    ['resume', 'runs again, from the next tick on', tellResume],
    ['remove', 'delete the schedule and its history; its batches and files stay', tellRemoval],
  ] as const) {
    schedule
      .command(word)
      .description(description)
      .argument('<name>')
      .action((name: string) =>
        setup.run(() => withSchedules(setup, (schedules) => act(setup, schedules, name))),
      );
  }
}

const inputs = inputArgument.replace('; - is stdin', '; read at each run');

function addAdd(schedule: Command, setup: CommandSetup): void {
  const add = schedule
    .command('add')
    .description('a batch at every tick, named NAME@DATE, in a folder of that name')
    .argument('<name>')
    .argument('[file...]', inputs);
  addScheduleFlags(add);
  add.action((name: string, given: string[]) =>
    setup.run(async () => {
      const files = requireFiles(applyRecipe(add, given));
      const flags = add.opts<ScheduleFlags>();
      return addSchedule(setup, { name, files, flags, out: requireOut(flags) });
    }),
  );
}

function addSet(schedule: Command, setup: CommandSetup): void {
  const set = schedule
    .command('set')
    .description('change what is said of a schedule; its history and what it compares with stay')
    .argument('<name>')
    .argument('[file...]', inputs);
  addSetFlags(set);
  set.action((name: string, typedFiles: string[]) =>
    setup.run(() => setSchedule(setup, set, { name, typedFiles })),
  );
}

function addLooks(schedule: Command, setup: CommandSetup): void {
  const list = schedule
    .command('list')
    .description(
      'all schedules, with next and last runs; with a name, all that is kept of its runs',
    )
    .argument('[name]');
  addJsonFlag(list);
  list.action((name: string | undefined, flags: { json: boolean }) =>
    setup.run(() => listSchedules(setup, name, flags.json ? 'json' : 'table')),
  );
  const show = schedule
    .command('show')
    .description('all that is known of one: its command, next times, caps, last runs')
    .argument('<name>');
  addJsonFlag(show);
  show.action((name: string, flags: { json: boolean }) =>
    setup.run(() => showSchedule(setup, name, flags.json ? 'json' : 'text')),
  );
}

type Told = (setup: CommandSetup, schedules: Schedules, name: string) => Promise<ExitCode>;

const tellRunNow: Told = async ({ terminal }, schedules, name) => {
  const { session, account } = schedules;
  const asked = await runNow(schedules, name, session.clock.now());
  if (asked.kind === 'busy') {
    throw new BatchError(
      'batch_unfinished',
      `${asked.batch} is not finished, and the schedule's rule for that is to skip. See: rivya-batch status ${asked.batch}`,
    );
  }
  const { workers } = await account.view();
  terminal.print(`Schedule ${name} runs now. See: rivya-batch schedule show ${name}`);
  if (workers === 0)
    terminal.warn(
      'No worker runs with this key: the run begins when one does. Start one: rivya-batch worker',
    );
  return ExitCode.succeeded;
};

const tellPause: Told = async ({ terminal }, schedules, name) => {
  await pauseSchedule(schedules, name);
  terminal.print(
    `Schedule ${name} is paused until "rivya-batch schedule resume ${name}". Batches that have begun continue.`,
  );
  return ExitCode.succeeded;
};

const tellResume: Told = async ({ terminal }, schedules, name) => {
  const { schedule, nextMs } = await resumeSchedule(schedules, name);
  const when = nextMs === null ? '' : ` Next run: ${zoneText(nextMs, schedule.zone)}.`;
  terminal.print(`Schedule ${name} is active.${when}`);
  return ExitCode.succeeded;
};

const tellRemoval: Told = async ({ terminal }, schedules, name) => {
  const { schedule, open } = await removeSchedule(schedules, name);
  terminal.print(`Schedule ${name} is removed. Its batches are still in ${schedule.out}.`);
  for (const { batch, stage } of open) {
    if (stage === 'running') terminal.note(`${batch} continues to its end.`);
    if (stage === 'starting') {
      terminal.warn(`${batch} was just being queued: look at "rivya-batch status ${batch}".`);
    }
  }
  return ExitCode.succeeded;
};
