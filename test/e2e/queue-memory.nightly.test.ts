import { Redis } from 'ioredis';
import { describe, expect, onTestFinished } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { startServer } from '../support/redis-server.js';

const enqueue = ['enqueue', 'in.csv', ...mapping, '--json'];

/** A Redis of the test's own, which has done its share before: scripts are loaded. */
async function openMemory(desk: Desk) {
  const server = await startServer();
  onTestFinished(server.stop);
  const redis = new Redis({ path: server.socket });
  onTestFinished(() => redis.disconnect());
  const environment = { REDIS_URL: `unix://${server.socket}` };
  await desk.write('first.csv', productsCsv(2));
  const first = ['run', 'first.csv', '--out', 'first', ...mapping, ...fast];
  expect((await desk.run(first, { environment })).code).toBe(0);
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  return {
    ...{ redis, environment, used },
    /** From now on, so much more and nothing beyond. */
    leave: async (bytes: number) => redis.config('SET', 'maxmemory', (await used()) + bytes),
  };
}

/** Rows with so many bytes beside what they are made of. */
function longRows(count: number, bytes: number, ids = ''): string {
  const notes = 'n'.repeat(bytes);
  const [head, ...rows] = productsCsv(count).trimEnd().split('\n');
  return `${[`${head},notes`, ...rows.map((row) => `${ids}${row},${notes}`)].join('\n')}\n`;
}

describe('the memory of Redis', () => {
  test.for([
    [20, ''],
    [1_700, ''],
    [20, 'winter-collection/outdoor/women/'],
  ] as const)(
    'enqueue says what 2,500 briefs take, within a fifth: rows of %i bytes more, ids %s',
    async ([bytes, ids], { openDesk }) => {
      const desk = await openDesk();
      const { environment, used } = await openMemory(desk);
      await desk.write('in.csv', longRows(2_500, bytes, ids));
      const before = await used();
      const queued = await desk.run(enqueue, { environment });
      expect(queued.code, queued.stderr).toBe(0);
      const taken = (await used()) - before;
      expect(queued.stderr).toMatch(
        /^Queueing 2,500 briefs takes about \d+ MB of Redis' memory\.$/m,
      );
      const { needed, free } = JSON.parse(queued.stdout).memory;
      expect(free).toBeNull();
      expect(needed / taken).toBeGreaterThan(0.8);
      expect(needed / taken).toBeLessThan(1.2);
      // What is there already takes nothing more.
      const again = await desk.run(enqueue, { environment });
      expect(JSON.parse(again.stdout).memory.needed).toBe(0);
    },
  );

  test('enqueue refuses what does not fit below maxmemory, and run makes it (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const { environment, redis, leave } = await openMemory(desk);
    await desk.write('in.csv', longRows(200, 60_000));
    await leave(8e6);
    const keys = new Set(await redis.keys('*'));
    const refused = await desk.run(enqueue, { environment });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /Queueing 200 briefs takes about 13 MB of Redis' memory, and [78] MB are free below its maxmemory: .*"run".* raise maxmemory\. Nothing was queued\./,
    );
    expect((await redis.keys('*')).filter((key) => !keys.has(key))).toEqual([]);
    const some = await desk.run([...enqueue, '--batch', 'some', '--limit', '17'], { environment });
    expect(some.code, some.stderr).toBe(0);
    expect(JSON.parse(some.stdout).memory.free).toBeLessThan(8e6);
    // A line that waits to be written is in Redis beside its brief: on a busy machine, those of 200 tasks at once fill it.
    const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast, '--in-flight', '20'];
    const went = await desk.run(run, { environment });
    expect(went.code, went.stderr).toBe(0);
    expect(await desk.report('out')).toMatchObject({ counts: { briefs: 200, succeeded: 200 } });
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 202 }, billedTwice: [] });
    const forced = await desk.run([...run, '--force', '--yes'], { environment });
    expect(forced).toMatchObject({ code: 2 });
    expect(forced.stderr).toMatch(
      /Queueing 200 briefs takes .* \(--limit\)\. Nothing was queued\./,
    );
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(202);
  });

  test('a scheduled run of what does not fit is refused, and nothing is queued', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const { environment, leave } = await openMemory(desk);
    await desk.write('in.csv', longRows(200, 60_000));
    const add = ['schedule', 'add', 'shots', 'in.csv', '--out', 'nights', ...mapping];
    expect((await desk.run([...add, '--cron', '0 2 * * *'], { environment })).code).toBe(0);
    await leave(8e6);
    expect((await desk.run(['schedule', 'run-now', 'shots'], { environment })).code).toBe(0);
    desk.start(['worker', ...fast], environment);
    let history: { state: string; reason: string | null; exit_code: number | null }[] = [];
    while (history[0]?.state !== 'refused') {
      const shown = await desk.run(['schedule', 'list', 'shots', '--json'], { environment });
      history = JSON.parse(shown.stdout)[0].history;
      expect(['waiting', 'starting', 'refused', undefined]).toContain(history[0]?.state);
    }
    expect(history).toMatchObject([
      { exit_code: 2, reason: expect.stringMatching(/^Queueing 200 briefs takes/) },
    ]);
  });
});
