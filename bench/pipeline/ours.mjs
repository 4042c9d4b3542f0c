// Ours: a worker process as the program opens it, without its command line.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { admitBriefs, atOnce } from '../../dist/batch/admit.js';
import { AccountLedger } from '../../dist/ledger/account-ledger.js';
import { BatchLedger } from '../../dist/ledger/batch-ledger.js';
import { createRivyaClient } from '../../dist/rivya/client.js';
import { createDownloader } from '../../dist/rivya/download.js';
import { queueStages } from '../../dist/shared/queue-names.js';
import { StageQueues } from '../../dist/shared/queues.js';
import { StoreConnections } from '../../dist/store/connections.js';
import { parseRedisAddress } from '../../dist/store/redis-address.js';
import { WorkerProcess } from '../../dist/worker/worker-process.js';

const batch = 'bench';
const clock = { now: () => Date.now() };

function ledgersOf(connection, name) {
  const account = new AccountLedger(connection, name, 'bench');
  return { account, ledger: new BatchLedger(connection, name, batch, account) };
}

/** As the program connects. */
export function connect(redisUrl) {
  return new StoreConnections(parseRedisAddress(redisUrl)).open('bench');
}

export async function queueBriefs(connection, { name, origin, out }, briefs) {
  const { ledger } = ledgersOf(connection, name);
  await ledger.open({
    origin,
    account: 'bench',
    out,
    nonce: '',
    createdAt: 0,
    requestIds: 'given',
  });
  const queues = new StageQueues(connection, name, batch);
  const stopping = new AbortController().signal;
  await admitBriefs({ ledger, queues, clock, journal: null, ...atOnce(stopping) }, briefs);
  await ledger.markAdmission('complete', {});
  await queues.close();
}

export async function beginWork(connection, { name, origin, out, concurrency }) {
  const { account } = ledgersOf(connection, name);
  const client = createRivyaClient({ origin, apiKey: 'rvya_sk_bench' });
  const downloader = createDownloader({
    apiOrigin: origin,
    maxBytes: 1e9,
    idleTimeoutMs: 30_000,
  });
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
  const header = { batch, origin, account: 'bench', nonce: '', createdAt: 0, requestIds: 'given' };
  await worker.attach(header, out, () => undefined);
  return async () => {
    await worker.close(10_000);
    await client.close();
    await downloader.close();
  };
}

/** The closing files stand; Redis is not asked, because its commands are counted. */
export async function isFinished({ out }) {
  return existsSync(join(out, 'run.json'));
}
