import { inject, onTestFinished } from 'vitest';
import { type QueueStage, queueStages } from '../../src/shared/queue-names.js';
import { StageQueues } from '../../src/shared/queues.js';
import type { SettingsPatch } from '../../src/simulator/settings.js';
import { WorkerProcess } from '../../src/worker/worker-process.js';
import { connect, openLedger } from '../support/ledger.js';
import { log, openBench } from './stages/stage-bench.js';

const fast: ConstructorParameters<typeof WorkerProcess>[0]['limits'] = {
  rate: 1_000,
  inFlight: 50,
  concurrency: 4,
};

/** One process that works on batches, another one where that is wanted, and a way to give them some. */
export async function openProcess(
  settings: SettingsPatch = {},
  limits = fast,
  socket = inject('redisSocket'),
) {
  const bench = await openBench(settings, socket);
  await bench.account.leave('bench');
  const { account, client, downloader, clock, prefix, context } = bench;
  const openWorker = (stages: readonly QueueStage[], hints: 'hints' | 'none' = 'none') => {
    const worker = new WorkerProcess({
      ...{ account, client, downloader, clock, prefix, log, limits, stages, hints },
      connection: connect(socket),
      categoryOf: () => 'image',
      priceOf: () => ({ guess: 1, least: 1 }),
      keyLifeMs: context.keyLifeMs,
      fillDraft: context.fillDraft,
      fetchStored: context.fetchStored,
    });
    onTestFinished(() => worker.close(0));
    return worker;
  };
  const worker = openWorker(queueStages);
  const enqueue = async (batch: string, ids: string[]) => {
    const opened = await openLedger({ batch, prefix, socket });
    await opened.admit(...ids);
    const queues = new StageQueues(opened.redis, prefix, batch);
    onTestFinished(() => queues.close());
    const jobs = ids.map((brief) => ({ brief, attempt: 1, delayMs: 0 }));
    await queues.add('submit', jobs);
    await opened.ledger.markAdmission('complete');
    return opened;
  };
  return { ...bench, worker, openWorker, enqueue };
}
