import { expect, it, onTestFinished } from 'vitest';
import { scheduleOwners } from '../../../src/schedule/ledger.js';
import { ScheduleWorker } from '../../../src/schedule/runs/schedule-worker.js';
import { stepRun } from '../../../src/schedule/runs/step-run.js';
import { identity } from '../../support/ledger.js';
import { webhookTo } from '../../support/schedules.js';
import { until } from '../../support/until.js';
import { openScheduleBench, tickMs } from './schedule-bench.js';

async function openWorker() {
  const bench = await openScheduleBench();
  const clock = { now: () => Date.now() };
  const worker = new ScheduleWorker({ ...bench.context, clock });
  onTestFinished(() => worker.close(5_000));
  return { ...bench, worker };
}

it('starts the ticks of a schedule that a crash left without, and not of a paused one', async () => {
  const { worker, ledger, queue, schedule } = await openWorker();
  await ledger.add({ ...schedule, name: 'rest', state: 'paused' }, 'none');
  await worker.start();
  expect(await queue.nextTick('shots')).toBeGreaterThan(Date.now());
  expect(await queue.nextTick('rest')).toBeNull();
});

it('sets ticks right that a crash left by an earlier pattern, after a schedule was changed', async () => {
  const { worker, ledger, queue, schedule } = await openWorker();
  await queue.start(schedule);
  const before = await queue.nextTick('shots');
  await ledger.change('shots', (found) => ({ ...found, cron: '30 5 * * *' }));
  await worker.start();
  expect(await queue.nextTick('shots')).not.toBe(before);
});

it('refuses a run whose input is bad, once, and has that told (S8)', async () => {
  const { context, ledger, queue, schedule, told, write, run, jobs } = await openWorker();
  await ledger.remove('shots');
  await ledger.add(schedule, webhookTo('https://hooks.test/secret'));
  await write('sku,title\n1,\n');
  const job = { v: 1, kind: 'run', schedule: 'shots', id: String(tickMs) } as const;
  await queue.addRun({ ...job, scheduledMs: tickMs, trigger: 'hand' });
  await until(async () => (await told()).length > 0);
  expect(await run()).toMatchObject({ stage: 'refused' });
  // As it is after a crash between telling and the end of its job.
  await stepRun(context, { ...job, scheduledMs: tickMs, trigger: 'hand' });
  expect(await told()).toMatchObject([
    {
      type: 'batch.failed',
      text: expect.stringMatching(
        /^shots: shots@2026-11-21T0200 was not started, nothing was spent/,
      ),
      batch: 'shots@2026-11-21T0200',
      counts: null,
      reason: 'refused',
    },
  ]);
  const seen = await jobs.getJobs();
  expect(JSON.stringify(seen)).not.toContain('hooks.test');
});

it('lists its account for whoever has no key, when it has schedules', async () => {
  const { worker, ledger, connection, prefix } = await openWorker();
  await connection.del(ledger.keys.owners);
  expect(await scheduleOwners(connection, prefix)).toEqual([]);
  await worker.start();
  const { account, origin } = identity;
  expect(await scheduleOwners(connection, prefix)).toEqual([{ account, origin }]);
});
