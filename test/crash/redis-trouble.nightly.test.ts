import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, inject } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { type Desk, mapping, productsCsv, test } from '../support/cli.js';
import { openCuttingProxy } from '../support/cutting-proxy.js';

const briefs = 24;
const run = ['run', 'in.csv', '--out', 'out', ...mapping, '--rate', '20', '--in-flight', '8'];
const auditOf = (desk: Desk) => auditRun(desk, { out: 'out', batch: 'out', briefs });

/** The process of the desk's private Redis; never 0, which would stand for the test's own process group. */
async function redisProcess(desk: Desk): Promise<number> {
  const pidFile = join(desk.folder, '.rivya-batch/redis/redis.pid');
  for (;;) {
    const found = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
    if (found > 1) return found;
    await sleep(20);
  }
}

/** Ends the desk's private Redis without a word, and waits until another one runs in its place. */
async function killPrivateRedis(desk: Desk): Promise<void> {
  const killed = await redisProcess(desk);
  process.kill(killed, 'SIGKILL');
  while ((await redisProcess(desk)) === killed) await sleep(20);
}

describe.concurrent('Redis in trouble during a run', () => {
  test('kill -9 of the private Redis, three times: it is started again, nothing is lost (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', faults: ['lose-answer-after-accept:3x'] });
    await desk.write('in.csv', productsCsv(briefs));
    const running = desk.start(run);
    for (const tasks of [1, 8, 16]) {
      await desk.tasksMade(tasks);
      // Anywhere in the work on the briefs that are under way.
      await sleep(Math.random() * 500);
      await killPrivateRedis(desk);
    }
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await auditOf(desk)).toEqual([]);
  });

  test('kill -9 of run and Redis together: the same command goes on (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', faults: ['lose-answer-after-accept:2x'] });
    await desk.write('in.csv', productsCsv(briefs));
    for (const tasks of [2, 10]) {
      const running = desk.start(run);
      await desk.tasksMade(tasks);
      await sleep(Math.random() * 500);
      const pid = await redisProcess(desk);
      running.kill('SIGKILL');
      process.kill(pid, 'SIGKILL');
      await running.finished;
    }
    expect((await desk.run(run)).code).toBe(0);
    expect(await auditOf(desk)).toEqual([]);
  });

  test('all connections killed over and over (S1, S4)', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private', faults: ['lose-answer-after-accept:2x'] });
    await desk.write('in.csv', productsCsv(briefs));
    const running = desk.start(run);
    await desk.tasksMade(1);
    const redis = new Redis({ path: desk.redisSocket, retryStrategy: () => null });
    redis.on('error', () => undefined);
    while (!running.hasEnded()) {
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => 'Redis has ended');
      await sleep(300 + Math.random() * 400);
    }
    redis.disconnect();
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await auditOf(desk)).toEqual([]);
  });

  test('a line that is cut in the middle of what it carries (S1, S4)', async ({ openDesk }) => {
    const desk = await openDesk({ faults: ['lose-answer-after-accept:2x'] });
    await desk.write('in.csv', productsCsv(briefs));
    const proxy = await openCuttingProxy(inject('redisSocket'));
    const running = desk.start(run, { REDIS_URL: proxy.url });
    await desk.tasksMade(1);
    while (!running.hasEnded()) {
      proxy.cut();
      await sleep(200 + Math.random() * 600);
    }
    proxy.close();
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await auditOf(desk)).toEqual([]);
  });
});
