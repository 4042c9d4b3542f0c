// Whole pipeline against an API without latency: ours, and a bare script on raw BullMQ that makes the same
// hops, the same HTTP calls and the same fsyncs, without ledger, pace, caps or a manifest to rely on.
import { createHash } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue, Worker } from 'bullmq';
import { Agent, request } from 'undici';
import { compileInput } from '../dist/producer/compile-input.js';
import { bundledModels } from '../dist/rivya/catalogue.js';
import { queueStages } from '../dist/shared/queues.js';
import { runOurs } from './our-pipeline.mjs';
import { mapping, openStand, perSecond, round, startApi, writeProducts } from './stand.mjs';

const count = Number(process.argv[2] ?? 3_000);
const rounds = 3;
const concurrency = 32;
/** Both wait as long before the first status check: the API's documentation asks for it. */
const firstCheckMs = 2_500;
const headers = { authorization: 'Bearer rvya_sk_bench', 'content-type': 'application/json' };

async function bare({ stand, api, briefs, name }) {
  const connection = stand.connect();
  const agent = new Agent();
  const out = join(stand.folder, name);
  await mkdir(join(out, 'assets'), { recursive: true });
  const manifest = await open(join(out, 'manifest.jsonl'), 'a');
  const options = { connection, prefix: name };
  const queues = Object.fromEntries(queueStages.map((stage) => [stage, new Queue(stage, options)]));
  const jobOptions = { removeOnComplete: true, attempts: 5 };
  const jobs = [];
  for await (const brief of briefs()) {
    jobs.push({ name: 'submit', data: { id: brief.id, body: brief.body }, opts: jobOptions });
  }
  for (let from = 0; from < jobs.length; from += 1000) {
    await queues.submit.addBulk(jobs.slice(from, from + 1000));
  }
  let done = 0;
  let finish;
  const finished = new Promise((resolve) => {
    finish = resolve;
  });
  const call = async (path, init) => {
    const { body } = await request(`${api.origin}${path}`, { dispatcher: agent, headers, ...init });
    return body.json();
  };
  const steps = {
    async submit({ data }) {
      const init = {
        method: 'POST',
        body: data.body,
        headers: { ...headers, 'idempotency-key': data.id },
      };
      const task = await call('/api/v1/generations', init);
      await queues.status.add(
        'status',
        { id: data.id, task: task.id },
        { ...jobOptions, delay: firstCheckMs },
      );
    },
    async status({ data }) {
      const task = await call(`/api/v1/generations/${data.task}`, { method: 'GET' });
      await queues.collect.add('collect', { ...data, urls: task.result.urls }, jobOptions);
    },
    async collect({ data }) {
      const { body } = await request(data.urls[0], { dispatcher: agent });
      const bytes = Buffer.from(await body.arrayBuffer());
      const place = join(out, 'assets', `${data.id}.png`);
      const file = await open(`${place}.part`, 'w');
      await file.write(bytes);
      await file.sync();
      await file.close();
      await rename(`${place}.part`, place);
      const folder = await open(join(out, 'assets'), 'r');
      await folder.sync();
      await folder.close();
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      await manifest.write(`${JSON.stringify({ ...data, sha256 })}\n`);
      done += 1;
      if (done === count) finish();
    },
  };
  const commandsBefore = await stand.commandCount();
  const startedAt = performance.now();
  // Lines are synced as a group, as ours are.
  const syncing = setInterval(() => manifest.sync(), 500);
  const workers = queueStages.map(
    (stage) => new Worker(stage, steps[stage], { ...options, concurrency }),
  );
  await finished;
  const rate = perSecond(count, startedAt);
  const commands = ((await stand.commandCount()) - commandsBefore) / count;
  clearInterval(syncing);
  await Promise.all(workers.map((worker) => worker.close()));
  await Promise.all(Object.values(queues).map((queue) => queue.close()));
  await manifest.close();
  await agent.close();
  connection.disconnect();
  return { rate, commands };
}

const stand = await openStand();
const api = await startApi();
const results = [];
for (let n = 1; n <= rounds; n += 1) {
  const file = join(stand.folder, `products${n}.csv`);
  await writeProducts(file, count);
  const input = await compileInput({ ...mapping, files: [file], models: bundledModels() });
  const briefs = () => input.briefs();
  const bareResult = await bare({ stand, api, briefs, name: `bare${n}` });
  const ourResult = await runOurs({ stand, api, briefs, name: `ours${n}`, count, concurrency });
  await input.dispose();
  results.push({
    'bare, briefs/s': Math.round(bareResult.rate),
    'ours, briefs/s': Math.round(ourResult.rate),
    ratio: round(ourResult.rate / bareResult.rate),
    'bare, Redis commands/brief': round(bareResult.commands, 1),
    'ours, Redis commands/brief': round(ourResult.commands, 1),
  });
}
console.log(`Pipeline of ${count} briefs, API without latency`);
console.table(results);
api.close();
await stand.close();
