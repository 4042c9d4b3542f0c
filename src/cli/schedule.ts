import { type Command, Option } from 'commander';
import { missedRules, overlapRules } from '../shared/schedule/schedule.js';
import type { CommandSetup } from './command-setup.js';
import { addJsonFlag, addOutFlag, addReadingFlags, twin } from './flags.js';
import { applyRecipe } from './recipe/apply-recipe.js';
import { requireFiles, requireOut } from './required.js';
import { type AddFlags, addSchedule } from './schedule-add.js';
import { listSchedules } from './schedule-list.js';
import { pauseSchedule, removeSchedule, resumeSchedule, runNow } from './schedule-steer.js';

export function addScheduleCommand(program: Command, setup: CommandSetup): void {
  const schedule = program
    .command('schedule')
    .description('batches by the clock; they run wherever a worker runs');
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
    .argument('[file...]', 'CSV, TSV, JSON or JSON Lines, read at each run; paths or https URLs');
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
    new Option('--notify <url>', 'webhook that is told of runs that did not end well'),
  ];
  for (const option of options) add.addOption(twin(option));
  addOutFlag(add, "folder of the batches' folders");
  addReadingFlags(add);
  add.action((name: string, given: string[]) =>
    setup.run(async () => {
      const files = requireFiles(applyRecipe(add, given));
      const flags = add.opts<AddFlags>();
      return addSchedule(setup, { name, files, flags, out: requireOut(flags) });
    }),
  );
}
