import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { isFinalized } from '../../src/ledger/batch-meta.js';
import { judgeLine, ownLine } from '../../src/results/manifest.js';
import { NewsReader } from '../../src/shared/news.js';
import { type QueueStage, queueStages } from '../../src/shared/queue-names.js';
import { jobId, StageQueues } from '../../src/shared/queues.js';
import type { SettingsPatch } from '../../src/simulator/settings.js';
import { BatchWorker } from '../../src/worker/batch-worker.js';
import { StageLoop } from '../../src/worker/stage-loop.js';
import { DownloadSlots } from '../../src/worker/stages/download-slots.js';
import { shelfAt } from '../../src/worker/stages/result-shelf.js';
import { connect, identity } from '../support/ledger.js';
import { type Bench, log, openBench } from './stages/stage-bench.js';

async function openBatch(ids: string[], settings: SettingsPatch = {}) {
  const bench = await openBench(settings);
  const queues = new StageQueues(bench.redis, bench.prefix, bench.batch);
  onTestFinished(() => queues.close());
  await bench.admit(...ids);
  await queues.add(
    'submit',
    ids.map((brief) => ({ brief, attempt: 1, delayMs: 0 })),
  );
  await bench.ledger.markAdmission('complete', { rows: ids.length });
  await tell(bench, 100);
  return { ...bench, queues };
}

/** Told limits last ten seconds: longer tests are told them again. */
async function tell({ account }: Bench, inFlight: number) {
  const heartbeat = () => account.heartbeat(`told ${inFlight}`, { rate: 1_000, inFlight });
  await heartbeat();
  const beat = setInterval(() => {
    heartbeat().catch(() => 'closing');
  }, 2_000);
  onTestFinished(() => clearInterval(beat));
}

/** A batch's worker, with the loops that its process would have. */
async function startWorker(
  bench: Bench,
  {
    concurrency = 4,
    stages = queueStages as readonly QueueStage[],
    connection = connect(),
  }: { concurrency?: number; stages?: readonly QueueStage[]; connection?: Redis } = {},
) {
  const { account, clock, prefix } = bench;
  await connection.ping();
  const leave = () => account.heldForMs(2_000, bench.context.defaultInFlight);
  const loops = new Map<QueueStage, StageLoop>();
  for (const stage of stages) {
    const asks = stage === 'submit' ? { leave } : {};
    loops.set(stage, new StageLoop({ seats: concurrency, ...asks, clock, log }));
  }
  const worker = new BatchWorker({
    context: { ...bench.context, downloads: new DownloadSlots(concurrency) },
    header: { batch: bench.batch, ...identity },
    connection,
    prefix,
    stages,
    out: stages.includes('collect') ? bench.out : null,
    shelf: stages.includes('collect') ? await shelfAt(bench.out) : null,
    isFull: (stage) => loops.get(stage)?.isFull ?? true,
    onActivity: () => undefined,
  });
  const news = new NewsReader(connection, prefix);
  news.listen(({ about }) => (about === 'account' ? loops.get('submit')?.news() : worker.news()));
  onTestFinished(() => {
    news.close();
    for (const loop of loops.values()) void loop.stop();
    return worker.abandon();
  });
  await worker.start();
  for (const feed of worker.feeds) loops.get(feed.stage)?.add(feed);
  for (const loop of loops.values()) loop.start();
  return worker;
}

const finalized = (bench: Bench) =>
  vi.waitFor(async () => expect(isFinalized(await bench.ledger.meta())).toBe(true), {
    timeout: 45_000,
    interval: 50,
  });

const written = async ({ out }: Bench) => {
  const text = await readFile(join(out, 'manifest.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => ownLine(judgeLine(line), ''));
};

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `b${index}`);

describe('BatchWorker', () => {
  it('ends where its manifest cannot be written, and the next one writes what waits (S4)', async () => {
    const bench = await openBatch(['b0', 'b1']);
    const path = join(bench.out, 'manifest.jsonl');
    await mkdir(path, { recursive: true });
    const worker = await startWorker(bench);
    await vi.waitFor(async () => expect(await bench.ledger.outbox.length()).toBe(2), {
      timeout: 45_000,
    });
    await worker.close();
    await rmdir(path);
    const next = await startWorker(bench);
    await finalized(bench);
    expect(await written(bench)).toHaveLength(2);
    await next.close();
  });

  it('S1 S4: takes every brief from admission to its one line, paid once', async () => {
    const ids = numbered(25);
    const bench = await openBatch(ids);
    const worker = await startWorker(bench);
    await finalized(bench);
    const lines = await written(bench);
    expect(lines.map(({ brief_id: id }) => id).sort()).toEqual(ids.toSorted());
    expect(new Set(lines.map(({ status }) => status))).toEqual(new Set(['succeeded']));
    expect(bench.simulator.bill()).toMatchObject({ total: { tasks: 25 }, billedTwice: [] });
    expect(await bench.inFlight()).toEqual([]);
    await worker.close();
  });

  it('S1 S4: two workers share a batch, and each brief is paid and written once', async () => {
    const bench = await openBatch(numbered(40));
    const workers = await Promise.all([startWorker(bench), startWorker(bench)]);
    await finalized(bench);
    const lines = await written(bench);
    expect(new Set(lines.map(({ brief_id: id }) => id)).size).toBe(40);
    expect(lines).toHaveLength(40);
    expect(bench.simulator.bill()).toMatchObject({ total: { tasks: 40 }, billedTwice: [] });
    await Promise.all(workers.map((worker) => worker.close()));
  });

  it('S7: submissions in doubt that hold every place do not wait behind those that want one', async () => {
    const bench = await openBatch(numbered(30), { faults: ['error-before-accept:2x'] });
    await tell(bench, 2);
    const worker = await startWorker(bench);
    // The two in doubt, and one that had to wait for the place of one of them.
    await vi.waitFor(() => expect(bench.simulator.bill().total.tasks).toBeGreaterThan(2), {
      timeout: 45_000,
      interval: 100,
    });
    expect(bench.simulator.bill().billedTwice).toEqual([]);
    await worker.close();
  });

  it('S1: a brief whose worker was killed after it had leave to send is sent, and paid once', async () => {
    const bench = await openBatch(['a']);
    const go = await bench.begin('a');
    if (go.kind !== 'go') throw new Error('the only brief may go');
    const worker = await startWorker(bench);
    await finalized(bench);
    expect(await written(bench)).toMatchObject([{ brief_id: 'a', status: 'succeeded' }]);
    expect(bench.simulator.bill().total.tasks).toBe(1);
    await worker.close();
  });

  it('S7: frees at its start what a crash left taken, and gives what failed before its line', async () => {
    const bench = await openBatch(['a']);
    await bench.redis.zadd(bench.account.keys.inFlight, Date.now(), 'spring\ngone');
    const worker = await startWorker(bench);
    expect(await bench.inFlight()).not.toContain('spring\ngone');
    await worker.close();
  });

  it('writes no file on a machine without the collect stage, and leaves the lines to others', async () => {
    const bench = await openBatch(numbered(3));
    const worker = await startWorker(bench, { stages: ['submit', 'status'] });
    await vi.waitFor(
      async () => expect(await bench.queues.queue('collect').getWaitingCount()).toBe(3),
      { timeout: 30_000, interval: 50 },
    );
    expect(await worker.tend()).toBe('not_yet');
    await worker.close();
    const other = await startWorker(bench, { stages: ['collect'] });
    await finalized(bench);
    expect(await written(bench)).toHaveLength(3);
    await other.close();
  });

  it('tells of trouble with the folder, and goes on when it is mended', async () => {
    const bench = await openBatch(['a']);
    const { ledger } = bench;
    const outbox = Object.create(ledger.outbox, {
      read: { value: () => Promise.reject(new Error('the disk is full')), writable: true },
    }) as typeof ledger.outbox;
    const failing = Object.create(ledger, { outbox: { value: outbox } }) as typeof ledger;
    const worker = await startWorker({ ...bench, context: { ...bench.context, ledger: failing } });
    await vi.waitFor(
      () =>
        expect(bench.notices).toContainEqual({
          kind: 'output_trouble',
          reason: 'the disk is full',
        }),
      { timeout: 30_000 },
    );
    outbox.read = ledger.outbox.read.bind(ledger.outbox);
    await finalized(bench);
    expect(await written(bench)).toHaveLength(1);
    await worker.close();
  });

  it('S1, S4: believes its folder when Redis comes back and knows less', async () => {
    const bench = await openBatch(['a', 'b']);
    const { ledger, redis } = bench;
    const connection = connect();
    const worker = await startWorker(bench, { connection });
    await finalized(bench);
    const text = await readFile(join(bench.out, 'manifest.jsonl'), 'utf8');
    const begin = text.indexOf('\n') + 1;
    const { brief_id: id } = ownLine(judgeLine(text.slice(begin).trimEnd()), bench.out);
    const before = await ledger.briefs.read(id);
    // As after a failover that came late.
    await redis.hdel(ledger.keys.state, id);
    for (const count of ['lines:succeeded', 'admitted']) {
      await redis.hincrby(ledger.keys.meta, count, -1);
    }
    await ledger.set({ offset: Buffer.byteLength(text.slice(0, begin)) });
    await redis.client('KILL', 'ID', String(await connection.client('ID')));
    worker.redisCameBack();
    await expect
      .poll(() => ledger.briefs.read(id))
      .toMatchObject({
        state: { stage: 'lined', attempt: before?.state.attempt, status: 'succeeded' },
      });
  });

  it('S4: what is left of a job in its queue goes, and its brief gets another one', async () => {
    const bench = await openBatch(['a', 'b', 'c']);
    const jobOf = (brief: string) =>
      bench.queues.queue('submit').toKey(jobId(bench.batch, brief, 1));
    await bench.redis.unlink(jobOf('a'), jobOf('c'));
    const worker = await startWorker(bench);
    await finalized(bench);
    expect((await written(bench)).map(({ brief_id }) => brief_id).sort()).toEqual(['a', 'b', 'c']);
    // One that was added beside the work on its brief does nothing.
    await expect.poll(() => bench.queues.count()).toBe(0);
    expect(worker.loss).toBeNull();
  });

  it('S4: writes what was finished before it closes', async () => {
    const bench = await openBatch(['a', 'b']);
    const worker = await startWorker(bench);
    await finalized(bench);
    await bench.redis.rpush(bench.ledger.keys.outbox, JSON.stringify((await written(bench))[0]));
    await worker.close();
    expect(await bench.ledger.outbox.length()).toBe(0);
  });
});
