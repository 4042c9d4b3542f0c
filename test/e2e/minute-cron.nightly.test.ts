import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';

interface ShownRun {
  state: string;
  batch: string;
  scheduled: string;
  exit_code: number | null;
}

async function runsOf(desk: Desk): Promise<ShownRun[]> {
  const { stdout } = await desk.run(['schedule', 'list', 'shots', '--json']);
  return (JSON.parse(stdout) as [{ history: ShownRun[] }])[0].history;
}

test('every minute, with two workers of which one is replaced: once per tick (S1, S4)', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', productsCsv(3));
  const schedule = ['schedule', 'add', 'shots', 'in.csv', '--out', 'nights', ...mapping];
  expect(await desk.run([...schedule, '--cron', '* * * * *'])).toMatchObject({ code: 0 });
  const [kept, replaced] = [desk.start(['worker', ...fast]), desk.start(['worker', ...fast])];
  const ended = async () => (await runsOf(desk)).filter(({ state }) => state === 'ended');
  while ((await ended()).length < 1) await sleep(500);
  replaced.kill('SIGKILL');
  const third = desk.start(['worker', ...fast]);
  while ((await ended()).length < 3) await sleep(500);
  for (const worker of [kept, third]) worker.kill('SIGTERM');
  for (const worker of [kept, third]) expect((await worker.finished).code).toBe(0);

  const runs = await runsOf(desk);
  const minutes = runs.map(({ scheduled }) => Date.parse(scheduled) / 60_000).sort();
  expect(minutes).toEqual(minutes.map((_, index) => (minutes[0] ?? 0) + index));
  expect(runs.map(({ exit_code }) => exit_code)).toEqual(runs.map(() => 0));
  for (const { batch } of runs) expect(await desk.lines(`nights/${batch}`)).toHaveLength(3);
  const bill = desk.simulator.bill();
  expect(bill.total.tasks).toBe(3 * runs.length);
  expect(bill.billedTwice).toEqual([]);
});
