import pLimit from 'p-limit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { StageQueues } from '../../src/shared/queues.js';
import { BatchWorker } from '../../src/worker/batch-worker.js';
import { openBench } from './stage-bench.js';

it('livelock?', async () => {
  const bench = await openBench({ faults: ['error-before-accept:4x'] });
  const ids = Array.from({ length: 40 }, (_, i) => `b${i}`);
  await bench.admit(...ids);
  const queues = new StageQueues(bench.redis, bench.prefix, bench.batch);
  await queues.add(
    'submit',
    ids.map((brief) => ({ brief, attempt: 1, delayMs: 0 })),
  );
  const slot = () => pLimit(4);
  await bench.account.heartbeat('w2', { rate: 1000, inFlight: 4 });
  const beat = setInterval(
    () => void bench.account.heartbeat('w2', { rate: 1000, inFlight: 4 }),
    1000,
  );
  const worker = new BatchWorker({
    context: bench.context,
    connection: bench.redis,
    prefix: bench.prefix,
    stages: ['submit', 'status', 'collect'],
    out: bench.context.out,
    slots: { submit: slot(), status: slot(), collect: slot() },
  });
  await worker.start();
  const t0 = Date.now();
  const watch = setInterval(async () => {
    const q = queues.queue('submit');
    console.log(
      Math.round((Date.now() - t0) / 1000),
      await q.getJobCounts(),
      (await bench.inFlight()).length,
      (await bench.ledger.meta())?.pending,
    );
  }, 3000);
  onTestFinished(async () => {
    clearInterval(watch);
    clearInterval(beat);
    await worker.close();
    await queues.close();
  });
  await vi.waitFor(async () => expect((await bench.ledger.meta())?.pending).toBe(0), {
    timeout: 50000,
    interval: 500,
  });
}, 70000);
