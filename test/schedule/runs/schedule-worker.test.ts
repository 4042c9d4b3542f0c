import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { scheduleOwners } from '../../../src/schedule/ledger.js';
import { ScheduleWorker } from '../../../src/schedule/runs/schedule-worker.js';
import type { PostOutcome } from '../../../src/schedule/runs/tell-run.js';
import type { RunMessage } from '../../../src/schedule/words.js';
import { identity } from '../../support/ledger.js';
import { openScheduleBench, tickMs } from './schedule-bench.js';

async function openWorker(answer: PostOutcome = { kind: 'taken' }) {
  const bench = await openScheduleBench();
  const told: { url: string; notice: RunMessage }[] = [];
  const post = async (url: string, notice: RunMessage) => {
    told.push({ url, notice });
    return answer;
  };
  const clock = { now: () => Date.now() };
  const worker = new ScheduleWorker({ context: { ...bench.context, clock }, post });
  onTestFinished(() => worker.close(5_000));
  return { ...bench, worker, told };
}

it('starts the ticks of a schedule that a crash left without, and not of a paused one', async () => {
  const { worker, ledger, queue, schedule } = await openWorker();
  await ledger.add({ ...schedule, name: 'rest', state: 'paused' }, '');
  await worker.start();
  expect(await queue.nextTick('shots')).toBeGreaterThan(Date.now());
  expect(await queue.nextTick('rest')).toBeNull();
});

it('refuses a run whose input is bad, once, and tells the webhook that the ledger has (S8)', async () => {
  const { ledger, queue, schedule, told, write, run, jobs } = await openWorker();
  await ledger.remove('shots');
  await ledger.add(schedule, 'https://hooks.test/secret');
  await write('sku,title\n1,\n');
  const job = { v: 1, kind: 'run', schedule: 'shots', id: String(tickMs) } as const;
  await queue.addRun({ ...job, scheduledMs: tickMs, trigger: 'hand' });
  while (told.length === 0) await sleep(20);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({
    url: 'https://hooks.test/secret',
    notice: { event: 'refused', batch: 'shots@2026-11-21T0200', exit_code: 2, counts: null },
  });
  expect(await run()).toMatchObject({ stage: 'refused' });
  const seen = await jobs.getJobs();
  expect(JSON.stringify(seen)).not.toContain('hooks.test');
  await expect.poll(run).toMatchObject({ told: { kind: 'taken', event: 'refused' } });
});

it('keeps with the run that its webhook could not be told, and that it is tried again', async () => {
  const answer = { kind: 'refused', reason: 'it answered HTTP 500' } as const;
  const { ledger, queue, schedule, write, run } = await openWorker(answer);
  await ledger.remove('shots');
  await ledger.add(schedule, 'https://hooks.test/secret');
  await write('sku,title\n1,\n');
  const job = { v: 1, kind: 'run', schedule: 'shots', id: String(tickMs) } as const;
  await queue.addRun({ ...job, scheduledMs: tickMs, trigger: 'hand' });
  const told = { ...answer, event: 'refused', triesLeft: 5 };
  await expect.poll(run, { timeout: 5_000 }).toMatchObject({ stage: 'refused', told });
  // A second later at the earliest.
  await expect.poll(run, { timeout: 9_000 }).toMatchObject({ told: { triesLeft: 4 } });
});

it('lists its account for whoever has no key, when it has schedules', async () => {
  const { worker, ledger, connection, prefix } = await openWorker();
  await connection.del(ledger.keys.owners);
  expect(await scheduleOwners(connection, prefix)).toEqual([]);
  await worker.start();
  const { account, origin } = identity;
  expect(await scheduleOwners(connection, prefix)).toEqual([{ account, origin }]);
});
