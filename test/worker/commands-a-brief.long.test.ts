import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { journalHeader } from '../../src/batch/open-batch.js';
import type { BatchMeta } from '../../src/ledger/batch-meta.js';
import { type QueueStage, queueStages } from '../../src/shared/queue-names.js';
import type { WorkerProcess } from '../../src/worker/worker-process.js';
import { startServer } from '../support/redis-server.js';
import { openProcess } from './open-process.js';

/** Commands of Redis for a brief, those within scripts and those of starting, waiting and ending a process included. */
const budget: Record<QueueStage | 'all', number> = {
  submit: 66,
  status: 70,
  collect: 43,
  all: 128,
};

/**
 * 118 where the machine is free. Where it is not, seats are free instead: a job that ends takes no other one with it, in
 * either of its two stages, and lines are written in smaller groups. What the code needs is the least of several looks.
 */
async function leastOf(budgeted: number, count: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 1; look <= 8 && least > budgeted; look += 1) {
    least = Math.min(least, await count());
  }
  return least;
}

/** So many that what a process sends beside its briefs hardly counts. */
const briefs = 300;
/** No pace and no place is waited for, so that each brief takes two requests. */
const unhindered = { rate: 1_000_000, inFlight: 1_000_000, concurrency: 16 };

/** A Redis that nobody else sends anything to, and a batch in it. */
async function openCounted() {
  const server = await startServer();
  onTestFinished(() => server.stop());
  const bench = await openProcess({}, unhindered, server.socket);
  const ids = Array.from({ length: briefs }, (_, index) => `brief-${index}`);
  const { redis, ledger } = await bench.enqueue('one', ids);
  const meta = await ledger.meta();
  if (meta === null) throw new Error('there is no such batch');
  return { ...bench, redis, meta };
}

/** Commands for a brief while a process works on the batch, until `isDone`, of which Redis is not asked. */
async function countWhile(
  worker: WorkerProcess,
  { redis, meta }: { redis: Redis; meta: BatchMeta },
  { out, isDone }: { out: string | null; isDone: () => boolean },
): Promise<number> {
  const before = await commandsOf(redis);
  await worker.start();
  await worker.attach(
    journalHeader(meta),
    out === null ? null : { folder: out, lines: 'here' },
    () => undefined,
  );
  await vi.waitFor(() => expect(isDone()).toBe(true), { timeout: 120_000, interval: 10 });
  await worker.close(60_000);
  return ((await commandsOf(redis)) - before) / briefs;
}

async function commandsOf(redis: Redis): Promise<number> {
  const count = /^total_commands_processed:(\d+)/m.exec(await redis.info('stats'))?.[1];
  return Number(count);
}

it('the whole way of a brief, at two requests, keeps to the budget of commands', async () => {
  const all = await leastOf(budget.all, async () => {
    const counted = await openCounted();
    const { worker, out, simulator } = counted;
    const isDone = () => existsSync(join(out, 'run.json'));
    const commands = await countWhile(worker, counted, { out, isDone });
    const { byEndpoint } = simulator.bill().requests;
    expect(byEndpoint).toMatchObject({ submit: { 200: briefs }, read: { 200: briefs } });
    return commands;
  });
  expect(all).toBeLessThanOrEqual(budget.all);
});

it('while hints are taken, a brief is found by its task for two commands more', async () => {
  const all = await leastOf(budget.all + 2, async () => {
    const counted = await openCounted();
    const { openWorker, out } = counted;
    const isDone = () => existsSync(join(out, 'run.json'));
    return countWhile(openWorker(queueStages, 'hints'), counted, { out, isDone });
  });
  expect(all).toBeLessThanOrEqual(budget.all + 2);
});

it('each step, in a process that does nothing else, keeps to the budget of commands', async () => {
  const counted = await openCounted();
  const { openWorker, out, simulator } = counted;
  const answered = (endpoint: string) => simulator.bill().requests.byEndpoint[endpoint]?.[200] ?? 0;
  const isDone: Record<QueueStage, () => boolean> = {
    submit: () => answered('submit') === briefs,
    status: () => answered('read') === briefs,
    collect: () => existsSync(join(out, 'run.json')),
  };
  for (const stage of queueStages) {
    const commands = await countWhile(openWorker([stage]), counted, {
      out: stage === 'collect' ? out : null,
      isDone: isDone[stage],
    });
    expect.soft(commands, stage).toBeLessThanOrEqual(budget[stage]);
  }
});
