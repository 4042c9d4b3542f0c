import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { StageQueues } from '../../src/shared/queues.js';
import type { SettingsPatch } from '../../src/simulator/settings.js';
import { type Serving, serveBatches } from '../../src/worker/serve-batches.js';
import { identity, openLedger } from '../support/ledger.js';
import { openProcess } from './open-process.js';
import { log } from './stage-bench.js';

async function openServer(settings: SettingsPatch = {}) {
  const opened = await openProcess(settings);
  const { worker, prefix, account, redis, context } = opened;
  // The bench's own batch is nobody's work here.
  await opened.ledger.forget();
  await worker.start();
  const stopping = new AbortController();
  const serve = (patch: Partial<Serving> = {}) => {
    const served = serveBatches({
      ...{ worker, prefix, account, log },
      connection: redis,
      out: context.out,
      collects: 'collects',
      notifyFor: () => () => undefined,
      stopping: stopping.signal,
      ...patch,
    });
    onTestFinished(async () => {
      stopping.abort();
      await served;
    });
    return served;
  };
  return { ...opened, stopping, serve };
}

const eventually = <Result>(check: () => Result | Promise<Result>) =>
  vi.waitFor(check, { timeout: 40_000, interval: 50 });

describe('serveBatches', () => {
  it('works on every open batch of its account, and lets go of those that are finished', async () => {
    const { serve, enqueue, worker, simulator } = await openServer();
    const one = await enqueue('one', ['a']);
    serve();
    await eventually(async () => expect((await one.ledger.meta())?.finalized).toBe(true));
    const two = await enqueue('two', ['a', 'b']);
    await eventually(async () => expect((await two.ledger.meta())?.finalized).toBe(true));
    await eventually(() => expect(worker.attached).toEqual([]));
    expect(simulator.bill().total.tasks).toBe(3);
  });

  it('leaves batches of other accounts alone', async () => {
    const { serve, enqueue, prefix, redis, worker } = await openServer();
    const foreign = await openLedger({ batch: 'foreign', prefix });
    await redis.hset(foreign.ledger.keys.meta, 'account', 'account-2');
    const own = await enqueue('own', ['a']);
    serve();
    await eventually(async () => expect((await own.ledger.meta())?.finalized).toBe(true));
    expect(worker.has('foreign')).toBe(false);
  });

  it('S4: a batch that comes while another has not written a line gets a folder of its own', async () => {
    const { serve, enqueue, context } = await openServer({ speed: 1, durationMs: 4_000 });
    const first = await enqueue('first', ['a']);
    serve();
    await eventually(async () => expect((await first.ledger.meta())?.out).toBe(context.out));
    await eventually(async () => expect(await readdir(context.out)).toContain('journal.jsonl'));
    const second = await enqueue('second', ['a']);
    for (const { ledger } of [first, second]) {
      await eventually(async () => expect((await ledger.meta())?.finalized).toBe(true));
    }
    expect((await second.ledger.meta())?.out).toBe(join(context.out, 'second'));
    for (const { ledger } of [first, second]) {
      const text = await readFile(join((await ledger.meta())?.out ?? '', 'manifest.jsonl'), 'utf8');
      expect(text.trim().split('\n')).toHaveLength(1);
      expect(text).toContain(`"batch":"${ledger.batch}"`);
    }
  });

  it('gives two that come together a folder each', async () => {
    const { serve, enqueue, context } = await openServer();
    const batches = await Promise.all(['one', 'two'].map((name) => enqueue(name, ['a'])));
    serve();
    for (const { ledger } of batches) {
      await eventually(async () => expect((await ledger.meta())?.finalized).toBe(true));
      expect((await ledger.meta())?.out).toBe(join(context.out, ledger.batch));
    }
  });

  it('does not let one batch that cannot begin keep the others waiting', async () => {
    const { serve, enqueue, context } = await openServer();
    await writeFile(join(context.out, 'file'), '');
    const first = await enqueue('a-broken', ['a']);
    await first.ledger.set({ out: join(context.out, 'file', 'inside') });
    const second = await enqueue('b-sound', ['a']);
    serve();
    await eventually(async () => expect((await second.ledger.meta())?.finalized).toBe(true));
    expect((await first.ledger.meta())?.finalized).toBe(false);
  });

  it('waits with a batch without a place where it has none to give', async () => {
    const { serve, enqueue, worker, stopping } = await openServer();
    const { ledger, prefix, redis } = await enqueue('one', ['a']);
    const served = serve({ out: null });
    const queues = new StageQueues(redis, prefix, 'one');
    onTestFinished(() => queues.close());
    await eventually(async () => expect(await ledger.meta()).toMatchObject({ pending: 1 }));
    stopping.abort();
    await served;
    expect(worker.attached).toEqual([]);
    expect(await queues.queue('submit').getWaitingCount()).toBe(1);
    expect((await ledger.meta())?.account).toBe(identity.account);
  });

  it('ends when it is told to, at once', async () => {
    const { serve, stopping } = await openServer();
    const served = serve();
    stopping.abort();
    await served;
  });
});
