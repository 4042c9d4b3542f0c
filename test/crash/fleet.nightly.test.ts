import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { type Desk, mapping, productsCsv, test } from '../support/cli.js';
import { openCuttingProxy } from '../support/cutting-proxy.js';
import type { Running } from '../support/running.js';

const briefs = 2_000;
const perSecond = 80;
const inFlight = 300;

/** A Redis as an operator runs one, with an append-only file, that can be restarted. */
async function startRedis(desk: Desk) {
  const socket = join(desk.folder, 'fleet.sock');
  const settings = ['--port', '0', '--unixsocket', socket, '--dir', desk.folder];
  const begin = async () => {
    const server = spawn('redis-server', [...settings, '--appendonly', 'yes'], { stdio: 'ignore' });
    while (!existsSync(socket)) await sleep(20);
    return server;
  };
  let server = await begin();
  return {
    socket,
    async restart(): Promise<void> {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      await ended;
      await sleep(2_000);
      server = await begin();
    },
    stop: () => server.kill('SIGKILL'),
  };
}

/** One machine: its worker, and its own way to Redis. */
async function openMachine(desk: Desk, socket: string) {
  const way = await openCuttingProxy(socket);
  const limits = ['--rate', String(perSecond), '--in-flight', String(inFlight)];
  const begin = () =>
    desk.start(['worker', ...limits, '--log-level', 'debug'], { REDIS_URL: way.url });
  const lives: Running[] = [begin()];
  return {
    way,
    /** Replaces the worker as a roll-out does, and says how long the old one took to go. */
    async replace(): Promise<number> {
      const old = lives.at(-1);
      const askedAtMs = Date.now();
      old?.kill('SIGTERM');
      expect(await old?.finished).toMatchObject({ code: 0 });
      const tookMs = Date.now() - askedAtMs;
      lives.push(begin());
      return tookMs;
    },
    async stop(): Promise<void> {
      lives.at(-1)?.kill('SIGTERM');
      expect(await lives.at(-1)?.finished).toMatchObject({ code: 0 });
      way.close();
    },
    accepted: () => count(lives, '"msg":"accepted"'),
    lost: () => count(lives, 'Redis does not answer'),
  };
}

function count(lives: Running[], text: string): number {
  return lives.reduce((sum, life) => sum + life.output().split(text).length - 1, 0);
}

test('three machines, one cut off and back, Redis restarted, a rolling restart: 2,000 briefs (S1, S3, S4, S7)', async ({
  openDesk,
}) => {
  const rate = { limit: perSecond, windowMs: 1_000, retryAfter: 'seconds' as const };
  const desk = await openDesk({ redis: 'private', durationMs: 1_000, rate });
  await desk.write('in.csv', productsCsv(briefs));
  const redis = await startRedis(desk);
  const machines = await Promise.all([1, 2, 3].map(() => openMachine(desk, redis.socket)));
  const [first] = machines;
  const environment = { REDIS_URL: first?.way.url ?? '' };
  const enqueued = await desk.run(['enqueue', 'in.csv', '--out', 'out', ...mapping], {
    environment,
  });
  expect(enqueued).toMatchObject({ code: 0 });

  await desk.tasksMade(300);
  first?.way.set('down');
  // Longer than the locks of its jobs last: the others take them over meanwhile.
  await sleep(20_000);
  first?.way.set('up');
  await desk.tasksMade(900);
  await redis.restart();
  await desk.tasksMade(1_300);
  const tookMs: number[] = [];
  for (const machine of machines) {
    tookMs.push(await machine.replace());
    await sleep(1_000);
  }
  while ((await desk.report('out').catch(() => null))?.state !== 'finished') await sleep(100);
  await Promise.all(machines.map((machine) => machine.stop()));
  redis.stop();

  expect(await auditRun(desk, { out: 'out', batch: 'out', briefs })).toEqual([]);
  const { tasks: seen, requests, refusals } = desk.simulator.bill();
  expect(seen.maxRunning).toBeLessThanOrEqual(inFlight);
  const shares = machines.map((machine) => machine.accepted());
  expect(Math.min(...shares)).toBeGreaterThan(briefs / 10);
  // Lost for all at the restart and once more for the first: said once each time, not a thousand times.
  const lost = machines.map((machine) => machine.lost());
  expect(lost.map((times) => times <= 2)).toEqual([true, true, true]);
  console.log({ shares, tookMs, lost, refusals, requests: requests.byEndpoint });
});
