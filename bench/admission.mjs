// Rows per second from a CSV into the queue, and what they take there, against raw BullMQ addBulk of the same payloads.
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { admitBriefs, atOnce } from '../dist/batch/admit.js';
import { AccountLedger } from '../dist/ledger/account-ledger.js';
import { BatchLedger } from '../dist/ledger/batch-ledger.js';
import { compileInput } from '../dist/producer/compile-input.js';
import { bundledModels } from '../dist/rivya/catalogue.js';
import { StageQueues } from '../dist/shared/queues.js';
import { mapping, openStand, perSecond, round, writeProducts } from './stand.mjs';

const count = Number(process.argv[2] ?? 50_000);
const rounds = 3;

async function ours(stand, file, round) {
  const startedAt = performance.now();
  const input = await compileInput({ ...mapping, files: [file], models: bundledModels() });
  const checkedAt = performance.now();
  const connection = stand.connect();
  const account = new AccountLedger(connection, `b${round}`, 'bench');
  const ledger = new BatchLedger(connection, `b${round}`, 'bench', account);
  const queues = new StageQueues(connection, `b${round}`, 'bench');
  const clock = { now: () => Date.now() };
  const identity = {
    origin: 'http://bench',
    account: 'bench',
    out: '',
    nonce: '',
    createdAt: 1,
    requestIds: 'given',
  };
  await ledger.open(identity);
  const bytesBefore = await stand.memoryUsed();
  await admitBriefs(
    { ledger, queues, clock, journal: null, ...atOnce(new AbortController().signal) },
    input.briefs(),
  );
  const whole = perSecond(count, startedAt);
  const admission = perSecond(count, checkedAt);
  const bytes = ((await stand.memoryUsed()) - bytesBefore) / count;
  await input.dispose();
  await queues.close();
  connection.disconnect();
  return { whole, admission, bytes };
}

async function raw(stand, file, round) {
  const input = await compileInput({ ...mapping, files: [file], models: bundledModels() });
  const payloads = [];
  for await (const brief of input.briefs()) {
    payloads.push({
      name: 'submit',
      data: { id: brief.id, origin: brief.origin, body: brief.body },
      opts: { jobId: `b-${brief.id}`, removeOnComplete: true, attempts: 40 },
    });
  }
  await input.dispose();
  const connection = stand.connect();
  const queue = new Queue(`raw${round}`, { connection, prefix: `r${round}` });
  const bytesBefore = await stand.memoryUsed();
  const startedAt = performance.now();
  for (let from = 0; from < count; from += 1000) {
    await queue.addBulk(payloads.slice(from, from + 1000));
  }
  const rate = perSecond(count, startedAt);
  const bytes = ((await stand.memoryUsed()) - bytesBefore) / count;
  await queue.close();
  connection.disconnect();
  return { rate, bytes };
}

const stand = await openStand();
const file = join(stand.folder, 'products.csv');
await writeProducts(file, count);
const results = [];
for (let n = 1; n <= rounds; n += 1) {
  const rawQueue = await raw(stand, file, n);
  await stand.redis.flushall();
  const { whole, admission, bytes } = await ours(stand, file, n);
  await stand.redis.flushall();
  results.push({
    'raw addBulk, rows/s': Math.round(rawQueue.rate),
    'ours from the file, rows/s': Math.round(whole),
    'ours from the spool, rows/s': Math.round(admission),
    'ratio, from the file': round(whole / rawQueue.rate),
    'ratio, from the spool': round(admission / rawQueue.rate),
    'raw, bytes a brief': Math.round(rawQueue.bytes),
    'ours, bytes a brief': Math.round(bytes),
  });
}
console.log(`Admission of ${count} rows`);
console.table(results);
await stand.close();
