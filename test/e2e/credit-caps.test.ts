import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { fast, mapping, productsCsv, test } from '../support/cli.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];

describe.concurrent('caps on credits (S6)', () => {
  test('--max-credits is used up and never exceeded; a higher one goes on (S6)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ prices: { 'z-image': 3 } });
    await desk.write('in.csv', productsCsv(12));
    const capped = await desk.run([...run, '--max-credits', '10']);
    expect(capped.code).toBe(4);
    expect(capped.stdout).toContain('9 briefs are left');
    expect(desk.simulator.bill().total.spent).toBe(9);
    expect(await desk.lines('out')).toHaveLength(3);
    const more = await desk.run([...run, '--max-credits', '36']);
    expect(more.code).toBe(0);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 12, spent: 36 });
  });

  test('two processes at the edge of one cap (S6)', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(60));
    const results = await Promise.all([
      desk.run([...run, '--max-credits', '25']),
      desk.run([...run, '--max-credits', '25']),
    ]);
    expect(results.map((result) => result.code)).toEqual([4, 4]);
    expect(desk.simulator.bill().total.spent).toBe(25);
  });

  test('the cap of a day counts all batches of the key (S6)', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(4));
    await desk.write('next.csv', productsCsv(4));
    expect((await desk.run([...run, '--max-credits-per-day', '5'])).code).toBe(0);
    const next = await desk.run([
      'run',
      'next.csv',
      '--out',
      'next',
      ...mapping,
      ...fast,
      '--max-credits-per-day',
      '5',
    ]);
    expect(next.code).toBe(4);
    expect(desk.simulator.bill().total.spent).toBe(5);
  });

  test('a price that was not expected is met once, by the first of its kind (S6)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ prices: { 'z-image': 50 } });
    await desk.write('in.csv', productsCsv(20));
    const { code } = await desk.run([...run, '--max-credits', '20']);
    expect(code).toBe(4);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 1, spent: 50 });
  });

  test('a price that rises in the middle: its surprise times what was in flight, and no more (S6)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ durationMs: 10_000 });
    await desk.write('in.csv', productsCsv(80));
    const limits = ['--rate', '100', '--in-flight', '6', '--max-credits', '40'];
    const running = desk.start(['run', 'in.csv', '--out', 'out', ...mapping, ...limits]);
    while (desk.simulator.bill().total.tasks < 15) await sleep(20);
    desk.simulator.control({ priceFactor: 4 });
    expect((await running.finished).code).toBe(4);
    const { spent, tasks } = desk.simulator.bill().total;
    expect(spent).toBeGreaterThan(tasks);
    expect(spent).toBeLessThanOrEqual(40 + 3 * 6);
    expect(spent).toBeGreaterThan(40 - 4);
    expect((await desk.report('out')).credits.spent).toBe(spent);
  });

  test('refunds and kept charges are counted as the API states them', async ({ openDesk }) => {
    const desk = await openDesk({
      faults: ['task-fails=nsfw/refunded:2x', 'task-fails=nsfw/kept:1x'],
    });
    await desk.write('in.csv', productsCsv(6));
    expect((await desk.run([...run, '--max-credits', '100'])).code).toBe(3);
    expect((await desk.report('out')).credits.spent).toBe(desk.simulator.bill().total.spent);
  });

  test('the audit says whether the balance moved as counted', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    const clean = await desk.run(run);
    expect(clean.stdout).toMatch(/balance moved by 3 credits, as counted/);
    const twice = await openDesk({
      idempotency: 'bills-twice',
      faults: ['lose-answer-after-accept:1x'],
    });
    await twice.write('in.csv', productsCsv(3));
    const look = await twice.run(run);
    expect(look.stdout).toMatch(/moved by 4 credits; counted here: 3 credits/);
  });
});
