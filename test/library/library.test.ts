import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { Redis } from 'ioredis';
import { describe, inject, vi } from 'vitest';
import {
  BatchError,
  boardQueues,
  enqueueBatch,
  openBatch,
  readManifest,
  startWorker,
  type WorkerOptions,
} from '../../src/library/rivya-batch.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { type Desk, test } from '../support/cli.js';

const products = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: `sku-${index + 1}`,
    model: 'z-image',
    prompt: `A lamp, number ${index + 1}`,
    shelf: 'B',
  }));

function connectionOf({ environment, folder }: Desk) {
  return {
    redisUrl: environment.REDIS_URL ?? '',
    apiKey: environment.RIVYA_API_KEY ?? '',
    baseUrl: environment.RIVYA_BASE_URL ?? '',
    prefix: environment.RIVYA_BATCH_PREFIX ?? '',
    home: join(folder, 'home'),
  };
}

function workerOn(desk: Desk, more: WorkerOptions = {}) {
  return startWorker({ ...connectionOf(desk), rate: 50, ...more });
}

async function finished(desk: Desk, name: string) {
  await using batch = await openBatch(name, connectionOf(desk));
  for (;;) {
    const status = await batch.status();
    if (status.stage === 'finished' && status.unwritten === 0) return status;
    await sleep(50);
  }
}

async function linesIn(out: string): Promise<ManifestLine[]> {
  const lines: ManifestLine[] = [];
  for await (const line of readManifest(out)) lines.push(line);
  return lines;
}

describe.concurrent('the library', () => {
  test('refuses what a later version has written, in Redis and in a folder, by a code', async ({
    openDesk,
    expect,
  }) => {
    const desk = await openDesk();
    const connection = connectionOf(desk);
    const redis = new Redis({ path: inject('redisSocket') });
    await redis.set(`${connection.prefix}:format`, '2');
    const refused = expect.objectContaining({ code: 'later_version' });
    await expect(enqueueBatch('spring', products(1), connection)).rejects.toEqual(refused);
    await expect(openBatch('spring', connection)).rejects.toEqual(refused);
    await expect(startWorker(connection)).rejects.toEqual(refused);
    expect(await redis.keys(`${connection.prefix}*`)).toEqual([`${connection.prefix}:format`]);
    redis.disconnect();
    await desk.write('out/.format', '2\n');
    await expect(linesIn(join(desk.folder, 'out'))).rejects.toEqual(refused);
    await desk.write('home/.format', '2\n');
    await expect(openBatch('spring', { ...connection, redisUrl: '' })).rejects.toEqual(refused);
  });

  test('makes what a program enqueues, and tells it of each line behind its files (S5)', async ({
    openDesk,
    expect,
  }) => {
    const desk = await openDesk();
    const out = join(desk.folder, 'out');
    const told: string[] = [];
    const worker = await workerOn(desk, {
      async onLine({ brief_id: id, assets, input }, place) {
        expect(input).toEqual({ shelf: 'B' });
        const [asset] = assets;
        expect((await readFile(join(place.out, asset?.path ?? ''))).length).toBe(asset?.bytes);
        told.push(id);
      },
    });
    async function* rows() {
      for (const product of products(5)) yield await Promise.resolve(product);
    }
    const queued = await enqueueBatch('shop', rows(), { ...connectionOf(desk), out });
    expect(queued).toMatchObject({ kind: 'queued', briefs: 5, compared: { fresh: 5 } });
    expect(await finished(desk, 'shop')).toMatchObject({ counts: { succeeded: 5 }, out });
    await worker.stop();
    expect(told.toSorted()).toEqual(products(5).map(({ id }) => id));
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 5 }, billedTwice: [] });
    expect(await linesIn(out)).toHaveLength(5);
  });

  test('adds to a batch without paying again for what it has, also by two calls at once (S1)', async ({
    openDesk,
    expect,
  }) => {
    const desk = await openDesk();
    const options = { ...connectionOf(desk), out: join(desk.folder, 'out') };
    await Promise.all([
      enqueueBatch('shop', products(3), options),
      enqueueBatch('shop', products(7).slice(3), options),
    ]);
    const worker = await workerOn(desk);
    expect((await finished(desk, 'shop')).counts).toMatchObject({ admitted: 7, succeeded: 7 });
    const again = await enqueueBatch('shop', products(7), options);
    expect(again).toMatchObject({ kind: 'queued', compared: { same: 7, fresh: 0, changed: 0 } });
    await worker.stop();
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 7 }, billedTwice: [] });
  });

  test('queues nothing while a row cannot be used, and leaves it out where that is said', async ({
    openDesk,
    expect,
  }) => {
    const desk = await openDesk();
    const rows = [...products(2), { id: 'sku-9', model: 'z-image' }];
    const options = { ...connectionOf(desk), out: join(desk.folder, 'out') };
    const refused = await enqueueBatch('shop', rows, options);
    expect(refused).toMatchObject({
      kind: 'refused',
      rejected: 1,
      rejections: [{ row: 3, kind: 'no_prompt' }],
    });
    await expect(openBatch('shop', options)).rejects.toMatchObject({ code: 'batch_not_found' });
    const skipped = await enqueueBatch('shop', rows, { ...options, invalid: 'skip' });
    expect(skipped).toMatchObject({ kind: 'queued', briefs: 2, rejected: 1 });
  });

  test('tries a line again for which onLine threw, and holds no other up for it', async ({
    openDesk,
    expect,
  }) => {
    const desk = await openDesk();
    const told: string[] = [];
    const worker = await workerOn(desk, {
      onLine({ brief_id: id }) {
        told.push(id);
        if (id === 'sku-1' && told.filter((one) => one === id).length < 3) throw new Error('busy');
      },
    });
    const options = { ...connectionOf(desk), out: join(desk.folder, 'out') };
    await enqueueBatch('shop', products(4), options);
    await expect.poll(() => told.length).toBe(6);
    expect(new Set(told)).toEqual(new Set(products(4).map(({ id }) => id)));
    await worker.stop();
  });

  test('tells in its next life what one before it could not', async ({ openDesk, expect }) => {
    const desk = await openDesk();
    const options = { ...connectionOf(desk), out: join(desk.folder, 'out') };
    const tries: string[] = [];
    const first = await workerOn(desk, {
      onLine({ brief_id: id }) {
        tries.push(id);
        if (id !== 'sku-2') throw new Error('down');
      },
    });
    await enqueueBatch('shop', products(3), options);
    await finished(desk, 'shop');
    await expect.poll(() => new Set(tries).size).toBe(3);
    await first.stop();
    const told = new Set<string>();
    const second = await workerOn(desk, { onLine: ({ brief_id: id }) => void told.add(id) });
    await expect.poll(() => ['sku-1', 'sku-3'].every((id) => told.has(id))).toBe(true);
    await second.stop();
  });

  test('steers a batch, and reads on where it was', async ({ openDesk, expect }) => {
    const desk = await openDesk();
    const options = { ...connectionOf(desk), out: join(desk.folder, 'out') };
    await enqueueBatch('shop', products(3), options);
    await using batch = await openBatch('shop', options);
    await batch.pause();
    expect(await batch.status()).toMatchObject({ stage: 'paused', paused: true });
    const worker = await workerOn(desk);
    await batch.resume();
    await finished(desk, 'shop');
    const cursors: string[] = [];
    for await (const { cursor } of batch.lines()) cursors.push(cursor);
    expect(cursors).toHaveLength(3);
    const rest: string[] = [];
    for await (const { line } of batch.lines({ since: cursors[1] ?? '' })) rest.push(line.brief_id);
    expect(rest).toHaveLength(1);
    await enqueueBatch('shop', products(5), { ...options, maxCredits: 1 });
    expect(await batch.cancel()).toMatchObject({ abandoned: 0 });
    await worker.stop();
    await expect(enqueueBatch('shop', products(6), options)).rejects.toBeInstanceOf(BatchError);
  });

  test('retries what failed once its price is agreed to, and makes it once more (S1)', async ({
    openDesk,
    expect,
  }) => {
    const desk = await openDesk({ faults: ['task-fails:2x'] });
    const options = { ...connectionOf(desk), out: join(desk.folder, 'out') };
    const worker = await workerOn(desk);
    await enqueueBatch('shop', products(4), options);
    expect((await finished(desk, 'shop')).counts).toMatchObject({ succeeded: 2, failed: 2 });
    await using batch = await openBatch('shop', options);
    const price = { rereads: 0, newAttempts: 2, perhapsAgain: 0, credits: 2 };
    expect(await batch.retry({ agree: ({ credits }) => credits < 2 })).toEqual({
      kind: 'not_agreed',
      ...price,
    });
    expect(await batch.retry()).toEqual({ kind: 'opened', opened: 2, ...price });
    expect((await finished(desk, 'shop')).counts).toMatchObject({ succeeded: 4, failed: 0 });
    expect(await batch.retry()).toEqual({ kind: 'nothing' });
    await worker.stop();
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 6 }, billedTwice: [] });
  });

  test('runs two workers in one process, ended by a signal, and leaves nothing open', async ({
    openDesk,
    expect,
  }) => {
    const desk = await openDesk();
    const ending = new AbortController();
    const workers = await Promise.all([
      workerOn(desk, { signal: ending.signal }),
      workerOn(desk, { signal: ending.signal }),
    ]);
    await enqueueBatch('shop', products(6), {
      ...connectionOf(desk),
      out: join(desk.folder, 'out'),
    });
    await finished(desk, 'shop');
    ending.abort();
    await Promise.all(workers.map(({ ended }) => ended));
    expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 6 }, billedTwice: [] });
  });

  test('keeps a foreign Bull Board up to date as batches come and go', async ({
    openDesk,
    expect,
  }) => {
    const desk = await openDesk();
    const options = { ...connectionOf(desk), out: join(desk.folder, 'out') };
    const board = { replaceQueues: vi.fn<(queues: readonly BullMQAdapter[]) => void>() };
    const shown = () => (board.replaceQueues.mock.lastCall?.[0] ?? []).map((one) => one.getName());
    const watch = await boardQueues({
      ...connectionOf(desk),
      board,
      adapt: (queue) => new BullMQAdapter(queue),
    });
    expect(shown()).toEqual([]);
    await enqueueBatch('shop', products(2), options);
    await expect.poll(shown).toEqual(['shop.submit', 'shop.status', 'shop.collect']);
    const worker = await workerOn(desk);
    await expect.poll(shown).toEqual([]);
    await worker.stop();
    await watch.close();
  });
});
