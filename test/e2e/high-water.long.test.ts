import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, inject } from 'vitest';
import { batchKeys } from '../../src/ledger/keys.js';
import { auditRun } from '../support/audit-run.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { until } from '../support/until.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
const belowMark = (mark: number) => ({ environment: { RIVYA_BATCH_HIGH_WATER: String(mark) } });

interface Status {
  state: string;
  counts: Record<string, number>;
}

async function status(desk: Desk): Promise<Status> {
  return JSON.parse((await desk.run(['status', 'out', '--json'])).stdout) as Status;
}

/** S4's two sums, whatever is still to come. */
function expectSums({ counts }: Pick<Status, 'counts'>, briefs: number): void {
  const of = (...names: string[]) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
  expect(counts.briefs).toBe(briefs);
  expect(of('rejected', 'duplicate', 'admitted')).toBe(briefs);
  expect(of('succeeded', 'failed', 'unknown', 'cancelled', 'pending')).toBe(counts.admitted);
}

/** Watches how many briefs Redis holds the content of: those that wait, and those that are being made. */
function watchContent(desk: Desk) {
  const redis = new Redis({ path: inject('redisSocket') });
  const { content, state } = batchKeys(desk.environment.RIVYA_BATCH_PREFIX ?? '', 'out');
  let most = 0;
  let ended = false;
  const watched = (async () => {
    while (!ended) {
      most = Math.max(most, await redis.hlen(content));
      await sleep(5);
    }
    redis.disconnect();
  })();
  return {
    known: () => redis.hlen(state),
    end: async () => {
      ended = true;
      await watched;
      return most;
    },
  };
}

describe.concurrent('a run of more than Redis is to hold at once', () => {
  test('killed twice: every brief once, and never more than the mark in Redis (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(200));
    const watch = watchContent(desk);
    let toCome = 0;
    for (const tasks of [30, 110]) {
      const killed = desk.start(run, belowMark(40).environment);
      await desk.tasksMade(tasks);
      killed.kill('SIGKILL');
      expect((await killed.finished).signal).toBe('SIGKILL');
      const part = await status(desk);
      expectSums(part, 200);
      expect(part).toMatchObject({ state: 'unfinished', counts: { rows: 200, admitted: 200 } });
      toCome = part.counts.to_come ?? 0;
      expect(toCome).toBe(200 - (await watch.known()));
      expect((await desk.run(['status', 'out'])).stdout).toMatch(/admitted +\d+ of 200;/);
    }
    const went = await desk.run([...run, '--json'], belowMark(40));
    expect(went.code, went.stderr).toBe(0);
    const { plan, counts } = JSON.parse(went.stdout);
    // What was sent and not answered is sent once more.
    expect(plan.requests.submits).toBeGreaterThanOrEqual(toCome);
    expect(plan.requests.submits).toBeLessThanOrEqual(toCome + 40);
    expect(counts).toMatchObject({ briefs: 200, succeeded: 200, pending: 0, to_come: 0 });
    expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 200 })).toEqual([]);
    const seqs = (await desk.lines('out')).map(({ brief_id: id, seq }) => [Number(id), seq]);
    expect(seqs.every(([id, seq]) => id === seq)).toBe(true);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    const most = await watch.end();
    expect(most).toBeLessThanOrEqual(40);
    expect(most).toBeGreaterThan(20);
  });

  test('a cap or an empty account ends it with 4, and the same command goes on (S4, S6)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ credits: 30 });
    await desk.write('in.csv', productsCsv(45));
    const capped = await desk.run([...run, '--max-credits', '13'], belowMark(10));
    expect(capped.code, capped.stderr).toBe(4);
    expect(capped.stdout).toContain('32 briefs are left');
    const report = await desk.report('out');
    expectSums(report, 45);
    expect(report.counts).toMatchObject({ succeeded: 13, pending: 32 });
    expect(report.counts.to_come).toBeGreaterThanOrEqual(22);
    const broke = await desk.run([...run, '--max-credits', 'none', '--no-wait'], belowMark(10));
    expect(broke.code, broke.stderr).toBe(4);
    expect(desk.simulator.bill().total.tasks).toBe(30);
    await fetch(`${desk.simulator.origin}/simulator/credits`, {
      method: 'POST',
      body: JSON.stringify({ add: 100 }),
    });
    const went = await desk.run(run, belowMark(10));
    expect(went.code, went.stderr).toBe(0);
    expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 45 })).toEqual([]);
  });

  test('Ctrl+C while it waits for room; a worker elsewhere makes what is there, and no end of it (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(30));
    expect(
      (await desk.run(['enqueue', 'in.csv', '--out', 'out', ...mapping, '--limit', '1'])).code,
    ).toBe(0);
    expect((await desk.run(['pause', 'out'])).code).toBe(0);
    const stopped = desk.start(run, belowMark(8).environment);
    const watch = watchContent(desk);
    await until(async () => (await watch.known()) >= 8);
    stopped.kill('SIGINT');
    expect((await stopped.finished).code).toBe(130);
    expectSums(await desk.report('out'), 30);
    expect((await desk.run(['resume', 'out'])).code).toBe(0);
    const worker = desk.start(['worker', ...fast]);
    await until(async () => (await status(desk)).counts.succeeded === 8);
    expect(await status(desk)).toMatchObject({
      state: 'unfinished',
      counts: { admitted: 30, pending: 22, to_come: 22 },
    });
    // The worker makes what the same command admits, and so does that itself.
    const went = await desk.run(run, belowMark(8));
    expect(went.code, went.stderr).toBe(0);
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    expect(await watch.end()).toBeLessThanOrEqual(8);
    expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 30 })).toEqual([]);
  });

  test('a batch that is cancelled has a line for all that was admitted, and ends (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(40));
    const cancelled = desk.start([...run, '--max-credits', '40'], belowMark(10).environment);
    await desk.tasksMade(5);
    expect((await desk.run(['cancel', 'out', '--yes'])).code).toBe(0);
    const ended = await cancelled.finished;
    expect(ended.code, ended.stderr).toBe(3);
    const report = await desk.report('out');
    expect(report).toMatchObject({ state: 'finished', counts: { pending: 0, to_come: 0 } });
    expectSums(report, report.counts.admitted);
    expect(await desk.lines('out')).toHaveLength(report.counts.admitted);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    // What was cancelled is opened again, and the rest of the input comes with it.
    expect((await desk.run(['retry', 'out', '--status', 'cancelled', '--yes'])).code).toBe(0);
    const went = await desk.run([...run, '--max-credits', '40'], belowMark(10));
    expect(went.code, went.stderr).toBe(0);
    expect((await desk.lines('out')).map(({ status }) => status)).toEqual(
      Array.from({ length: 40 }, () => 'succeeded'),
    );
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 40 }, billedTwice: [] });
  });

  test('a Redis that is lost while a part is admitted: the folder knows that part (S1, S3, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', productsCsv(40));
    const killed = desk.start(run, belowMark(10).environment);
    await desk.tasksMade(14);
    killed.kill('SIGKILL');
    await killed.finished;
    await desk.losePrivateRedis();
    const went = await desk.run(run, belowMark(10));
    expect(went.code, went.stderr).toBe(0);
    expect(await auditRun(desk, { out: 'out', batch: 'out', briefs: 40 })).toEqual([]);
  });
});
