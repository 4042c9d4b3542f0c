// The whole way of briefs through a worker process of ours, as fast as it goes: what is compared, and looked into.
import { join } from 'node:path';
import { pino } from 'pino';
import { admitBriefs } from '../dist/batch/admit.js';
import { AccountLedger } from '../dist/ledger/account-ledger.js';
import { BatchLedger } from '../dist/ledger/batch-ledger.js';
import { createRivyaClient } from '../dist/rivya/client.js';
import { createDownloader } from '../dist/rivya/download.js';
import { queueStages, StageQueues } from '../dist/shared/queues.js';
import { WorkerProcess } from '../dist/worker/worker-process.js';
import { perSecond } from './stand.mjs';

/** From the first job that is taken until the closing files stand. */
export async function runOurs({ stand, api, briefs, name, count, concurrency }) {
  const connection = stand.connect();
  const account = new AccountLedger(connection, name, 'bench');
  const ledger = new BatchLedger(connection, name, 'bench', account);
  const clock = { now: () => Date.now() };
  const client = createRivyaClient({ origin: api.origin, apiKey: 'rvya_sk_bench' });
  const downloader = createDownloader({
    apiOrigin: api.origin,
    maxBytes: 1e9,
    idleTimeoutMs: 30_000,
  });
  const out = join(stand.folder, name);
  const identity = { origin: api.origin, account: 'bench', out, nonce: '', createdAt: 0 };
  await ledger.open(identity);
  const queues = new StageQueues(connection, name, 'bench');
  const stopping = new AbortController().signal;
  await admitBriefs({ ledger, queues, clock, stopping, journal: null }, briefs());
  await ledger.markAdmission('complete', {});
  const worker = new WorkerProcess({
    connection,
    prefix: name,
    account,
    client,
    downloader,
    stages: queueStages,
    clock,
    log: pino({ level: 'silent' }),
    keyLifeMs: 86_400_000,
    categoryOf: () => 'image',
    priceOf: () => ({ guess: 3, least: 1 }),
    limits: { rate: 1e6, inFlight: 1e6, concurrency },
  });
  await worker.start();
  const commandsBefore = await stand.commandCount();
  const startedAt = performance.now();
  const header = { batch: 'bench', origin: api.origin, account: 'bench', nonce: '', createdAt: 0 };
  await worker.attach(header, out, () => undefined);
  while (!(await ledger.meta())?.finalized) await new Promise((done) => setTimeout(done, 20));
  const rate = perSecond(count, startedAt);
  const commands = ((await stand.commandCount()) - commandsBefore) / count;
  await worker.close(10_000);
  await queues.close();
  await client.close();
  await downloader.close();
  connection.disconnect();
  return { rate, commands };
}
