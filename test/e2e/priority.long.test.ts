import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';

const enqueue = ['enqueue', 'in.csv', '--out', 'spring', ...mapping];

async function priorityOf(desk: Desk, batch = 'spring'): Promise<number> {
  const { stdout } = await desk.run(['status', batch, '--json']);
  return (JSON.parse(stdout) as { priority: number }).priority;
}

describe.concurrent('--priority', () => {
  test('is kept with the batch until the same command has another one', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    expect((await desk.run(enqueue)).code).toBe(0);
    expect(await priorityOf(desk)).toBe(0);
    expect((await desk.run(['status', 'spring'])).stdout).not.toContain('priority');
    const raised = await desk.run([...enqueue, '--priority', '7']);
    expect(raised.code, raised.stderr).toBe(0);
    expect((await desk.run(['status', 'spring'])).stdout).toMatch(/priority +7\n/);
    expect((await desk.run(['status'])).stdout).toContain('priority');
    expect((await desk.run(enqueue)).code).toBe(0);
    expect(await priorityOf(desk)).toBe(7);
    await desk.run(enqueue, { environment: { RIVYA_BATCH_PRIORITY: '-3' } });
    expect(await priorityOf(desk)).toBe(-3);
    for (const wrong of ['101', '1.5', 'first']) {
      const refused = await desk.run([...enqueue, '--priority', wrong]);
      expect(refused).toMatchObject({ code: 2 });
      expect(refused.stderr).toContain('It must be a whole number from -100 to 100.');
    }
    expect(await priorityOf(desk)).toBe(-3);
  });

  test('is part of the command that continue gives again', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    const run = ['run', 'in.csv', '--out', 'spring', ...mapping, ...fast];
    expect((await desk.run([...run, '--priority', '-5', '--max-credits', '1'])).code).toBe(4);
    const went = await desk.run(['continue', 'spring', '--max-credits', 'none']);
    expect(went.code, went.stderr).toBe(0);
    expect(went.stderr).toContain('--priority=-5');
    expect(await priorityOf(desk)).toBe(-5);
  });

  test("of a schedule is that of its runs' batches", async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const add = ['schedule', 'add', 'shots', 'in.csv', '--out', 'nights', ...mapping];
    const added = await desk.run([...add, '--cron', '0 2 * * *', '--priority', '9']);
    expect(added.code, added.stderr).toBe(0);
    const { stdout } = await desk.run(['schedule', 'list', 'shots', '--json']);
    expect((JSON.parse(stdout) as [{ priority: number }])[0].priority).toBe(9);
    expect((await desk.run(['schedule', 'list', 'shots'])).stdout).toContain('priority: 9');
    expect((await desk.run(['schedule', 'run-now', 'shots'])).code).toBe(0);
    desk.start(['worker', ...fast]);
    await desk.tasksMade(2);
    const all = JSON.parse((await desk.run(['status', '--json'])).stdout) as { priority: number }[];
    expect(all.map(({ priority }) => priority)).toEqual([9]);
  });
});
