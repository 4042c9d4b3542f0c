// A bare script on raw BullMQ that makes the same hops, the same HTTP calls and the same fsyncs, without ledger, pace,
// caps or a manifest to rely on.
import { createHash } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Agent, request } from 'undici';
import { queueStages } from '../../dist/shared/queue-names.js';

/** Both wait as long before the first status check: the API's documentation asks for it. */
const firstCheckMs = 2_500;
const headers = { authorization: 'Bearer rvya_sk_bench', 'content-type': 'application/json' };
const jobOptions = { removeOnComplete: true, attempts: 5 };

function queuesOf(connection, name) {
  const options = { connection, prefix: name };
  return Object.fromEntries(queueStages.map((stage) => [stage, new Queue(stage, options)]));
}

async function closeAll(closable) {
  await Promise.all(Object.values(closable).map((each) => each.close()));
}

export function connect(redisUrl) {
  return new Redis({ path: redisUrl.replace('unix://', ''), maxRetriesPerRequest: null });
}

export async function queueBriefs(connection, { name }, briefs) {
  const queues = queuesOf(connection, name);
  const jobs = [];
  for await (const brief of briefs) {
    jobs.push({ name: 'submit', data: { id: brief.id, body: brief.body }, opts: jobOptions });
  }
  for (let from = 0; from < jobs.length; from += 1000) {
    await queues.submit.addBulk(jobs.slice(from, from + 1000));
  }
  await closeAll(queues);
}

export async function beginWork(connection, { name, origin, out, concurrency }) {
  const agent = new Agent();
  await mkdir(join(out, 'assets'), { recursive: true });
  const manifest = await open(join(out, 'manifest.jsonl'), 'a');
  const queues = queuesOf(connection, name);
  const call = async (path, init) => {
    const { body } = await request(`${origin}${path}`, { dispatcher: agent, headers, ...init });
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
    },
  };
  // Lines are synced as a group, as ours are.
  const syncing = setInterval(() => manifest.sync(), 500);
  const workers = queueStages.map(
    (stage) => new Worker(stage, steps[stage], { connection, prefix: name, concurrency }),
  );
  return async () => {
    clearInterval(syncing);
    await closeAll(workers);
    await closeAll(queues);
    await manifest.close();
    await agent.close();
  };
}

/** Each brief has its line. */
export async function isFinished({ count }, lines) {
  return (await lines.look()) >= count;
}
