import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';

/** Each test tells one interleaving that does harm; it moves to `interleavings.test.ts` when it passes. */
const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];

async function tasksMade(desk: Desk, count: number): Promise<void> {
  while (desk.simulator.bill().total.tasks < count) await sleep(20);
}

describe.concurrent('a cap', () => {
  test('counts what was sent before Redis was lost, and that is collected (S3, S6)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', durationMs: 60_000 });
    await desk.write('in.csv', productsCsv(10));
    const capped = [...run, '--max-credits', '5'];
    const running = desk.start(capped);
    await tasksMade(desk, 5);
    running.process.kill('SIGKILL');
    await running.finished;
    await desk.losePrivateRedis();
    // The file has been sorted anew meanwhile: those that were sent are not the first any more.
    const [head = '', ...rows] = productsCsv(10).trimEnd().split('\n');
    await desk.write('in.csv', `${[head, ...rows.reverse()].join('\n')}\n`);
    expect((await desk.run(capped)).code).toBe(4);
    expect(desk.simulator.bill().total.spent).toBe(5);
    expect(await desk.lines('out')).toHaveLength(5);
  });
});
