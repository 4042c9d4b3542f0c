import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { journalHeader } from '../../src/batch/open-batch.js';
import { type BatchMeta, isFinalized } from '../../src/ledger/batch-meta.js';
import type { Notify } from '../../src/worker/notices.js';
import type { WorkerProcess } from '../../src/worker/worker-process.js';
import { openProcess } from './open-process.js';

function attach(
  worker: WorkerProcess,
  meta: BatchMeta | null,
  out: string | null,
  notify: Notify = () => undefined,
) {
  if (!meta) throw new Error('there is no such batch');
  return worker.attach(
    journalHeader(meta),
    out === null ? null : { folder: out, lines: 'here' },
    notify,
  );
}

describe('WorkerProcess', () => {
  it('S7: makes its limits known before its first request, and takes them back at the end', async () => {
    const { worker, redis, account } = await openProcess();
    await worker.start();
    expect(Object.values(await redis.hgetall(account.keys.workers))).toEqual([
      expect.stringMatching(/^\d+ 1000 50 - - -$/),
    ]);
    await worker.close(1_000);
    expect(await redis.exists(account.keys.workers)).toBe(0);
  });

  it('lifts a halt when it starts: a person has acted', async () => {
    const { worker, account } = await openProcess();
    await account.halt('api_key_revoked', 'no');
    await worker.start();
    expect((await account.view()).gate).toEqual({ kind: 'open' });
  });

  it('works on several batches, and lets go of one', async () => {
    const { worker, enqueue, out, simulator } = await openProcess();
    await worker.start();
    const batches = await Promise.all(['one', 'two'].map((name) => enqueue(name, ['a', 'b'])));
    for (const { ledger } of batches) {
      await attach(worker, await ledger.meta(), join(out, ledger.batch));
    }
    expect(worker.attached.sort()).toEqual(['one', 'two']);
    for (const { ledger } of batches) {
      await vi.waitFor(async () => expect(isFinalized(await ledger.meta())).toBe(true), {
        timeout: 30_000,
        interval: 50,
      });
    }
    expect(simulator.bill()).toMatchObject({ total: { tasks: 4 }, billedTwice: [] });
    await worker.detach('one');
    expect(worker.has('one')).toBe(false);
    expect(worker.has('two')).toBe(true);
    await access(join(out, 'one', 'run.json'));
  });

  it('tells what was answered, the last answers when it is closed', async () => {
    const { worker, enqueue, out, account } = await openProcess();
    await worker.start();
    const { ledger } = await enqueue('one', ['a', 'b']);
    await attach(worker, await ledger.meta(), out);
    await vi.waitFor(async () => expect(isFinalized(await ledger.meta())).toBe(true), {
      timeout: 30_000,
      interval: 50,
    });
    await worker.close(1_000);
    const answers = await account.records.answers();
    for (const endpoint of ['submit', 'status', 'download']) {
      expect(answers).toContainEqual({ endpoint, outcome: 'ok', count: 2 });
    }
  });

  it('S2: sixteen servers that say nothing, or drip, hold no place that other downloads need', async () => {
    const { worker, enqueue, out } = await openProcess(
      { faults: ['download-silent:8x', 'download-silent=body:4x', 'download-slow=1:4x'] },
      { rate: 1_000, inFlight: 50, concurrency: 8 },
    );
    await worker.start();
    const ids = Array.from({ length: 40 }, (_, index) => `b${index}`);
    const { ledger } = await enqueue('one', ids);
    await attach(worker, await ledger.meta(), out);
    await vi.waitFor(
      async () => expect((await ledger.meta())?.lines.succeeded).toBeGreaterThanOrEqual(24),
      { timeout: 45_000, interval: 50 },
    );
  });

  it('looks at the wallet by itself while it has work', async () => {
    const { worker, enqueue, out, account, simulator } = await openProcess({
      durationMs: 3_600_000,
      speed: 1,
    });
    await worker.start();
    const { ledger } = await enqueue('one', ['a']);
    await attach(worker, await ledger.meta(), out);
    const balance = async () => (await account.records.wallet())?.credits;
    await expect.poll(balance, { timeout: 30_000 }).toBeGreaterThan(9_000);
    expect(simulator.bill().requests.byEndpoint.credits).toEqual({ 200: 1 });
  });

  it('is not attached to a batch that it could not begin with', async () => {
    const { worker, enqueue, redis, out, account } = await openProcess();
    await worker.start();
    const { ledger } = await enqueue('one', ['a']);
    const meta = await ledger.meta();
    const { inFlight } = account.keys;
    await redis.set(inFlight, 'not a sorted set');
    await expect(attach(worker, meta, out)).rejects.toThrow(/WRONGTYPE/);
    expect(worker.has('one')).toBe(false);
    await redis.del(inFlight);
    await attach(worker, meta, out);
    await vi.waitFor(async () => expect(isFinalized(await ledger.meta())).toBe(true), {
      timeout: 30_000,
      interval: 50,
    });
  });

  it('does not wait past its time for a request that hangs, and leaves its brief to others', async () => {
    const { worker, enqueue, out, account, simulator, redis } = await openProcess({
      faults: ['late-answer=3600000'],
    });
    await worker.start();
    const { ledger } = await enqueue('one', ['a']);
    const tended: string[] = [];
    await attach(worker, await ledger.meta(), out, ({ kind }) => tended.push(kind));
    await vi.waitFor(() => expect(simulator.bill().total.tasks).toBe(1), { timeout: 20_000 });
    await worker.close(50);
    expect(await redis.exists(account.keys.workers)).toBe(0);
    expect(await ledger.briefs.read('a')).toMatchObject({ state: { stage: 'submitting' } });
  });
});

describe('what the API refuses', () => {
  it('is counted in run.json, of submissions and of status checks', async () => {
    const { worker, enqueue, out, simulator } = await openProcess({
      faults: ['rate-limited=1:2x:endpoint=submit', 'rate-limited=1:1x:endpoint=read'],
    });
    await worker.start();
    const { ledger } = await enqueue('one', ['a', 'b']);
    await attach(worker, await ledger.meta(), out);
    await vi.waitFor(async () => expect(isFinalized(await ledger.meta())).toBe(true), {
      timeout: 30_000,
      interval: 50,
    });
    const report = JSON.parse(await readFile(join(out, 'run.json'), 'utf8'));
    expect(simulator.bill().refusals).toBe(3);
    expect(report.requests.refused).toBe(3);
  });
});
