import { onTestFinished } from 'vitest';
import { queueStages, StageQueues } from '../../src/shared/queues.js';
import type { SettingsPatch } from '../../src/simulator/settings.js';
import { WorkerProcess } from '../../src/worker/worker-process.js';
import { connect, openLedger } from '../support/ledger.js';
import { log, openBench } from './stages/stage-bench.js';

const fast: ConstructorParameters<typeof WorkerProcess>[0]['limits'] = {
  rate: 1_000,
  inFlight: 50,
  concurrency: 4,
};

/** One process that works on batches, and a way to give it some. */
export async function openProcess(settings: SettingsPatch = {}, limits = fast) {
  const bench = await openBench(settings);
  await bench.account.leave('bench');
  const { account, client, downloader, clock, prefix, context } = bench;
  const worker = new WorkerProcess({
    ...{ account, client, downloader, clock, prefix, log, limits },
    connection: connect(),
    stages: queueStages,
    categoryOf: () => 'image',
    priceOf: () => ({ guess: 1, least: 1 }),
    keyLifeMs: context.keyLifeMs,
  });
  onTestFinished(() => worker.close(0));
  const enqueue = async (batch: string, ids: string[]) => {
    const opened = await openLedger({ batch, prefix });
    await opened.admit(...ids);
    const queues = new StageQueues(opened.redis, prefix, batch);
    onTestFinished(() => queues.close());
    const jobs = ids.map((brief) => ({ brief, attempt: 1, delayMs: 0 }));
    await queues.add('submit', jobs);
    await opened.ledger.markAdmission('complete');
    return opened;
  };
  return { ...bench, worker, enqueue };
}
