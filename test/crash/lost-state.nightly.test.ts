import { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { type Desk, mapping, productsCsv, test } from '../support/cli.js';

const briefs = 12;
const run = ['run', 'in.csv', '--out', 'out', ...mapping, '--rate', '20', '--in-flight', '4'];
const auditOf = (desk: Desk) => auditRun(desk, { out: 'out', batch: 'out', briefs });

async function tell(desk: Desk, ...commands: string[][]): Promise<void> {
  const redis = new Redis({ path: desk.redisSocket });
  for (const [name = '', ...values] of commands) await redis.call(name, ...values);
  redis.disconnect();
}

describe.concurrent('Redis loses its state while a run works', () => {
  test('emptied: it ends with one sentence, and the same command goes on unpaid (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', productsCsv(briefs));
    const running = desk.start(run);
    await desk.tasksMade(5);
    await tell(desk, ['FLUSHALL']);
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 4 });
    expect(stderr.match(/Redis has lost what it knew of batch out: it was emptied/g)).toHaveLength(
      1,
    );
    expect(stderr).not.toMatch(/failed unexpectedly/);
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditOf(desk)).toEqual([]);
  });

  test('evicted key by key: it ends with the cause, and the same command goes on unpaid (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', productsCsv(briefs));
    const running = desk.start(run);
    await desk.tasksMade(5);
    const limit = (bytes: string) => ['CONFIG', 'SET', 'maxmemory', bytes];
    await tell(desk, ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'], limit('1'));
    await tell(desk, limit('0'));
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 4 });
    expect(stderr).toMatch(/maxmemory-policy is allkeys-lru, and it has deleted \d+ keys/);
    expect(stderr).not.toMatch(/failed unexpectedly/);
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditOf(desk)).toEqual([]);
  });
});
