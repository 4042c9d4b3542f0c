import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { isFinalized } from '../../../src/ledger/batch-meta.js';
import type { QueueStage } from '../../../src/shared/queue-names.js';
import { jobId, StageQueues } from '../../../src/shared/queues.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { HintDesk } from '../../../src/worker/hints/hint-desk.js';
import { startHintServer } from '../../../src/worker/hints/hint-server.js';
import type { WorkerProcess } from '../../../src/worker/worker-process.js';
import { openProcess } from '../open-process.js';
import { log } from '../stages/stage-bench.js';

const path = 'only-rivya-knows-this';
const hourMs = 3_600_000;
/** Later than this test waits; a job that is put off for longer is brought forward by whoever begins. */
const lateMs = 85_000;
const eventually = (check: () => Promise<void> | void, timeout = 40_000) =>
  vi.waitFor(check, { timeout, interval: 20 });

/** A process that only submits and takes hints, and one that looks; both work on a batch. */
async function openTwo(settings: SettingsPatch = {}, ids = ['a']) {
  const opened = await openProcess(settings);
  const { account, simulator, enqueue, openWorker, out } = opened;
  const submitter = openWorker(['submit'], 'hints');
  const looker = openWorker(['status', 'collect']);
  const desk = new HintDesk({
    briefsOf: (ids) => account.briefsOf(ids),
    hasten: (brief, taskId) => submitter.hasten(brief, taskId),
    log,
    elapsedMs: () => performance.now(),
  });
  const server = await startHintServer({ desk, path, place: { host: '127.0.0.1', port: 0 } });
  onTestFinished(async () => {
    await server.close();
    desk.close();
  });
  const batch = await enqueue('one', ids);
  const queues = new StageQueues(batch.redis, opened.prefix, 'one');
  onTestFinished(() => queues.close());
  const begin = async (worker: WorkerProcess, stages: readonly QueueStage[]) => {
    await worker.start();
    const meta = await batch.ledger.meta();
    if (meta === null) throw new Error('there is no such batch');
    const { name, origin, account: owner, nonce, createdAt, requestIds } = meta;
    const header = { batch: name, origin, account: owner, nonce, createdAt, requestIds };
    const folder = join(out, 'one');
    const place = stages.includes('collect') ? ({ folder, lines: 'here' } as const) : null;
    await worker.attach(header, place, () => undefined);
  };
  return {
    ...{ ...opened, ...batch, desk, queues, simulator },
    submits: () => begin(submitter, ['submit']),
    looks: () => begin(looker, ['status', 'collect']),
    give: (event: object) =>
      fetch(`${server.origin}/${path}`, { method: 'POST', body: JSON.stringify(event) }),
    webhook: async () => {
      const made = await opened.client.webhooks.create({
        name: 'test',
        url: `${server.origin}/${path}`,
      });
      expect(made.kind).toBe('answered');
    },
    /** Its status check, once there is one. */
    check: async () => {
      let job = await queues.queue('status').getJob(jobId('one', 'a', 1));
      await eventually(async () => {
        job = await queues.queue('status').getJob(jobId('one', 'a', 1));
        expect(job).toBeDefined();
      });
      if (!job) throw new Error('it was there');
      return job;
    },
    taskId: async () => {
      const state = await batch.stateOf('a');
      if (state?.stage !== 'accepted') throw new Error(`it is ${state?.stage}`);
      return state.taskId;
    },
    finished: (withinMs?: number) =>
      eventually(async () => expect(isFinalized(await batch.ledger.meta())).toBe(true), withinMs),
  };
}

const reads = ({ simulator }: Awaited<ReturnType<typeof openTwo>>) =>
  simulator.bill().requests.byEndpoint.read ?? {};

it('that comes to one machine lets the other look, whose check was not due', async () => {
  const two = await openTwo();
  await two.submits();
  const job = await two.check();
  await job.changeDelay(lateMs);
  await two.looks();
  const taskId = await two.taskId();
  const event = { type: 'generation.succeeded', generation: { id: taskId } };
  // Forged ones for others, and the true one, each several times.
  for (let copy = 0; copy < 3; copy += 1) {
    await two.give({ ...event, id: `evt_f${copy}`, generation: { id: `task_forged${copy}` } });
    expect((await two.give({ ...event, id: 'evt_1' })).status).toBe(204);
  }
  await two.finished();
  expect(reads(two)).toEqual({ 200: 1 });
  expect(two.simulator.bill()).toMatchObject({ total: { tasks: 1 }, billedTwice: [] });
});

it('that comes before the answer to the submission is kept until that is saved', async () => {
  const two = await openTwo({
    faults: ['late-answer=1500'],
    webhooks: { delayMs: 0 },
  });
  await two.webhook();
  await two.submits();
  await eventually(() => expect(two.simulator.bill().events.delivered).toBe(1));
  expect(await two.stateOf('a')).toMatchObject({ stage: 'submitting' });
  await eventually(async () => expect((await two.check()).data).toMatchObject({ hinted: true }));
  await two.looks();
  await two.finished();
  expect(reads(two)).toEqual({ 200: 1 });
});

it('S7: that is forged for a running task leads to one look, and any number of them to one more', async () => {
  const two = await openTwo({ durationMs: hourMs, speed: 1 });
  await two.submits();
  await (await two.check()).changeDelay(lateMs);
  await two.looks();
  const data = { id: await two.taskId() };
  /** Put off again, and not hinted at any more. */
  const looked = (times: number) =>
    eventually(async () => {
      expect(await two.stateOf('a')).toMatchObject({ stage: 'accepted', checks: times });
      const job = await two.check();
      expect([await job.isDelayed(), job.data.hinted]).toEqual([true, undefined]);
    });
  await two.give({ id: 'evt_1', type: 'generation.succeeded', data });
  await looked(1);
  for (let forged = 2; forged < 40; forged += 1) {
    await two.give({ id: `evt_${forged}`, type: 'generation.failed', data });
  }
  await looked(2);
  expect(reads(two)).toEqual({ 200: 2 });
});

it('S1, S3, S4: lost, repeated and forged ones, in any number, leave every task paid once and found', async () => {
  const ids = Array.from({ length: 60 }, (_, index) => `sku-${index}`);
  const webhooks = { share: 0.7, delayMs: 50, copies: 3 };
  const faults = ['lose-answer-after-accept:0.05', 'task-fails:0.05', 'error-read:0.05'];
  const two = await openTwo({ speed: 4, faults, webhooks }, ids);
  await two.webhook();
  await two.submits();
  await two.looks();
  // How long sixty pictures take is not what this is about.
  const done = two.finished(240_000);
  let isDone = false;
  void done.finally(() => {
    isDone = true;
  });
  let forged = 0;
  while (!isDone) {
    // For tasks that there are, were, and never will be.
    const states = await Promise.all(ids.slice(0, 20).map((id) => two.stateOf(id)));
    const running = states.flatMap((state) => (state?.stage === 'accepted' ? [state.taskId] : []));
    const events = [...running, `task_${forged}`].map((id) => {
      forged += 1;
      return two.give({ id: `evt_f${forged}`, type: 'generation.succeeded', data: { id } });
    });
    await Promise.all([...events, two.give({ id: 'evt_x', type: 'generation.failed' })]);
  }
  await done;
  const bill = two.simulator.bill();
  expect(bill).toMatchObject({ total: { tasks: 60 }, tasks: { running: 0 }, billedTwice: [] });
  const meta = await two.ledger.meta();
  expect(meta).toMatchObject({ admitted: 60, pending: 0 });
  expect(forged).toBeGreaterThan(100);
  // A look for its end, one that finds it running, and one for each 5 s in which it is forged.
  const looks = Object.values(reads(two)).reduce((sum, count) => sum + count, 0);
  expect(looks).toBeLessThan(5 * 60);
});
