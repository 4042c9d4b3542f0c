import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { fast, mapping, productsCsv, test } from '../support/cli.js';

const words = ['run', 'in.csv', '--out', 'spring', ...mapping, ...fast];
const withoutKey = { environment: { RIVYA_API_KEY: '', RIVYA_BASE_URL: '' } };

test('S1: --simulate needs no key, says so on each screen, and is never mixed with a real batch', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', productsCsv(3));
  const keyless = await desk.run(words, withoutKey);
  expect(keyless).toMatchObject({ code: 2 });
  expect(keyless.stderr).toContain('--simulate');
  const simulated = await desk.run([...words, '--simulate'], withoutKey);
  expect(simulated.code, simulated.stderr).toBe(0);
  expect(simulated.stderr).toContain('SIMULATED: nothing is sent to Rivya');
  expect(simulated.stdout).toContain('SIMULATED: nothing is sent to Rivya');
  expect((await desk.run(['status', 'spring'])).stdout).toContain('finished, SIMULATED');
  expect(await desk.assets('spring')).toHaveLength(3);
  expect((await desk.run(['sheet', 'spring'])).code).toBe(0);
  expect(await desk.read('spring/contact-sheet.html')).toContain(
    '<title>spring (SIMULATED): contact sheet</title>',
  );
  expect((await desk.run(['verify', 'spring'])).code).toBe(0);
  const real = await desk.run(words);
  expect(real.code).toBe(2);
  expect(real.stderr).toContain('as it was run with --simulate');
  expect(desk.simulator.bill().total.tasks).toBe(0);
});

test('S1: a simulated run that is killed goes on with the tasks that it had', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', productsCsv(6));
  const state = join(desk.folder, '.rivya-batch', 'simulated');
  const killed = desk.start([...words, '--simulate']);
  const kept = async () => {
    const [name = ''] = await readdir(state).catch(() => []);
    return name === ''
      ? []
      : (await desk.read(join('.rivya-batch', 'simulated', name))).split('\n').filter(Boolean);
  };
  while ((await kept()).length < 4 && !killed.hasEnded()) await sleep(20);
  killed.kill('SIGKILL');
  await killed.finished;
  const made = (await kept()).map((line) => (JSON.parse(line) as { task: { id: string } }).task.id);
  const went = await desk.run(['continue', 'spring']);
  expect(went.code, went.stderr).toBe(0);
  const tasks = (await desk.lines('spring')).map(({ task_id: id }) => id);
  expect(tasks).toHaveLength(6);
  expect(tasks).toEqual(expect.arrayContaining(made));
  // Nothing of a finished batch is kept.
  expect(await readdir(state)).toEqual([]);
});
