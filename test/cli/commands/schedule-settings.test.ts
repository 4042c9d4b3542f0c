import { Command } from 'commander';
import { expect, it } from 'vitest';
import {
  addScheduleFlags,
  changesBetween,
  flagsOf,
  type ScheduleFlags,
  scheduleOf,
  wordsOfSchedule,
} from '../../../src/cli/commands/schedule-settings.js';
import type { Schedule } from '../../../src/schedule/schedule.js';
import { plan } from '../../support/schedules.js';

/** Of which nothing is as it is where nothing is said. */
const whole = plan('shots', {
  ...{ cron: '*/5 3 * * 1-5', zone: 'Asia/Tokyo', overlap: 'queue', missed: 'none' },
  ...{ files: ['/srv/a b.csv', 'https://example.com/in.csv'], badRows: 'skip', priority: -3 },
  caps: { batch: 7.5, day: 'none' },
  minSize: { width: 512, height: 256 },
  keep: { runs: 30, days: 14 },
  makes: 'only_changed',
  input: {
    ...{ format: 'csv', delimiter: ';', headerRow: 3, sheet: 'Two words', items: 'data.list' },
    ...{ model: 'z-image', prompt: "@home, it's {{title}}", id: '{{sku}}-{{size}}' },
    params: [
      { key: 'aspect_ratio', template: '1:1' },
      { key: 'seed', template: '{{n}}=1' },
    ],
    ...{ references: 'pictures', fileName: '{{sku}}', html: 'keep', variants: 2, outputs: [] },
    ...{ fillDown: ['brand', 'colour'], fillDownWithin: 'group', unique: 'sku' },
    where: ['Status = active', 'price > 3'],
    ...{ limit: 5, sample: 2, strict: true },
  },
});

async function made(schedule: Schedule): Promise<Schedule> {
  const [, name = '', ...words] = wordsOfSchedule(schedule);
  const command = new Command('add').argument('[file...]').exitOverride();
  addScheduleFlags(command);
  command.action(() => undefined);
  await command.parseAsync(words, { from: 'user' });
  const flags = command.opts<ScheduleFlags>();
  const wanted = { name, files: command.args, flags, out: flags.out ?? '' };
  return scheduleOf({ ...wanted, state: 'active' }, 'https://rivya.test');
}

it.each([
  ['of which everything is said', whole],
  ['of which little is said', plan('shots')],
])('the command that is shown of a schedule %s makes that very schedule', async (_, schedule) => {
  expect(await made(schedule)).toEqual({ ...schedule, makes: schedule.makes });
});

it('its flags make that very schedule, outputs of a recipe included', async () => {
  const output = { name: 'hero', model: null, prompt: '@home', params: [], variants: null };
  const { input } = whole;
  const outputs = [{ ...output, when: ['a = 1'], references: null, after: [], approve: true }];
  const schedule = { ...whole, recipe: '/srv/recipe.yaml', input: { ...input, outputs } };
  const flags = { ...flagsOf(schedule), notifyOn: [], notifyPrivate: false };
  const { name, files, out, state } = schedule;
  const wanted = { name, files, out, state, flags };
  expect(await scheduleOf(wanted, 'https://rivya.test')).toEqual(schedule);
});

it('tells what differs, with both, and nothing that may be a secret (S8)', () => {
  const later = { ...whole, cron: '0 3 * * *', keep: { runs: null, days: 14 }, makes: undefined };
  expect(changesBetween(whole, later)).toEqual([
    ['--cron', '*/5 3 * * 1-5 -> 0 3 * * *'],
    ['--only-changed', 'on -> not given'],
    ['--keep-runs', '30 -> not given'],
  ]);
  const [secret, other] = ['a', 'b'].map((key) => ({
    ...whole,
    files: [`https://example.com/in.csv?key=${key}`],
  }));
  expect(changesBetween(secret ?? whole, other ?? whole)).toEqual([
    [
      'input',
      'https://example.com/in.csv -> https://example.com/in.csv (changed in what is not shown)',
    ],
  ]);
  expect(changesBetween(whole, whole)).toEqual([]);
});
