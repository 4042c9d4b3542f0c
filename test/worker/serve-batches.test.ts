import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { isFinalized } from '../../src/ledger/batch-meta.js';
import { Journal, type JournalHeader } from '../../src/results/journal.js';
import { StageQueues } from '../../src/shared/queues.js';
import type { SettingsPatch } from '../../src/simulator/settings.js';
import { type Serving, serveBatches } from '../../src/worker/serve-batches.js';
import { identity, openLedger } from '../support/ledger.js';
import { openProcess } from './open-process.js';
import { log } from './stages/stage-bench.js';

async function openServer(settings: SettingsPatch = {}) {
  const opened = await openProcess(settings);
  const { worker, prefix, account, redis, out } = opened;
  // The bench's own batch is nobody's work here.
  await opened.ledger.forget();
  await worker.start();
  const stopping = new AbortController();
  const serve = (patch: Partial<Serving> = {}) => {
    const served = serveBatches({
      ...{ worker, prefix, account, log },
      connection: redis,
      out,
      places: { home: out, s3Endpoint: null },
      collects: 'collects',
      notifyFor: () => () => undefined,
      now: Date.now,
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

const header = (batch: string): JournalHeader => {
  const { out: _out, ...life } = identity;
  return { batch, ...life };
};

const eventually = <Result>(check: () => Result | Promise<Result>) =>
  vi.waitFor(check, { timeout: 40_000, interval: 50 });

describe('serveBatches', () => {
  it('works on every open batch of its account, and lets go of those that are finished', async () => {
    const { serve, enqueue, worker, simulator } = await openServer();
    const one = await enqueue('one', ['a']);
    serve();
    await eventually(async () => expect(isFinalized(await one.ledger.meta())).toBe(true));
    const two = await enqueue('two', ['a', 'b']);
    await eventually(async () => expect(isFinalized(await two.ledger.meta())).toBe(true));
    await eventually(() => expect(worker.attached).toEqual([]));
    expect(simulator.bill().total.tasks).toBe(3);
  });

  it('S1: lets go of a batch whose state is lost, and does not begin with what is left of it', async () => {
    const { serve, enqueue, worker, redis, account, simulator } = await openServer();
    await account.halt('none', 'Nothing is sent yet.');
    const notices: string[] = [];
    const one = await enqueue('one', ['a', 'b']);
    serve({ notifyFor: () => (notice) => notices.push(notice.kind) });
    await eventually(() => expect(worker.attached).toEqual(['one']));
    await redis.del(one.ledger.keys.state);
    await account.unhalt();
    await eventually(() => expect(worker.attached).toEqual([]));
    await eventually(async () => expect(await one.ledger.notBegun()).toMatch(/Redis has lost/));
    expect(notices.filter((kind) => kind === 'state_lost')).toHaveLength(1);
    expect(simulator.bill().total.tasks).toBe(0);
  });

  it('leaves batches of other accounts alone', async () => {
    const { serve, enqueue, prefix, redis, worker } = await openServer();
    const foreign = await openLedger({ batch: 'foreign', prefix });
    await redis.hset(foreign.ledger.keys.meta, 'account', 'account-2');
    const own = await enqueue('own', ['a']);
    serve();
    await eventually(async () => expect(isFinalized(await own.ledger.meta())).toBe(true));
    expect(worker.has('foreign')).toBe(false);
  });

  it('S4: a batch that comes while another has not written a line gets a folder of its own', async () => {
    const { serve, enqueue, out } = await openServer({ speed: 1, durationMs: 4_000 });
    const first = await enqueue('first', ['a']);
    serve();
    await eventually(async () => expect((await first.ledger.meta())?.out).toBe(out));
    await eventually(async () => expect(await readdir(out)).toContain('journal.jsonl'));
    const second = await enqueue('second', ['a']);
    for (const { ledger } of [first, second]) {
      await eventually(async () => expect(isFinalized(await ledger.meta())).toBe(true));
    }
    expect((await second.ledger.meta())?.out).toBe(join(out, 'second'));
    for (const { ledger } of [first, second]) {
      const text = await readFile(join((await ledger.meta())?.out ?? '', 'manifest.jsonl'), 'utf8');
      expect(text.trim().split('\n')).toHaveLength(1);
      expect(text).toContain(`"batch":"${ledger.batch}"`);
    }
  });

  it('gives two that come together a folder each', async () => {
    const { serve, enqueue, out } = await openServer();
    const batches = await Promise.all(['one', 'two'].map((name) => enqueue(name, ['a'])));
    serve();
    for (const { ledger } of batches) {
      await eventually(async () => expect(isFinalized(await ledger.meta())).toBe(true));
      expect((await ledger.meta())?.out).toBe(join(out, ledger.batch));
    }
  });

  it('does not let one batch that cannot begin keep the others waiting', async () => {
    const { serve, enqueue, out } = await openServer();
    await writeFile(join(out, 'file'), '');
    const first = await enqueue('a-broken', ['a']);
    await first.ledger.set({ out: join(out, 'file', 'inside') });
    const second = await enqueue('b-sound', ['a']);
    serve();
    await eventually(async () => expect(isFinalized(await second.ledger.meta())).toBe(true));
    expect(isFinalized(await first.ledger.meta())).toBe(false);
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

  it('S1: does not begin with a batch whose earlier life is in the folder, and says so', async () => {
    const { serve, enqueue, out, simulator, worker } = await openServer();
    const earlier = { ...header('one'), createdAt: identity.createdAt - 1 };
    await (await Journal.open(out, earlier)).close();
    const one = await enqueue('one', ['a']);
    const other = await enqueue('two', ['a']);
    const warnings: string[] = [];
    let looks = 0;
    const now = () => {
      looks += 1;
      return Date.now();
    };
    serve({ now, log: pino({ level: 'warn' }, { write: (line) => warnings.push(line) }) });
    await eventually(async () => expect(isFinalized(await other.ledger.meta())).toBe(true));
    await eventually(async () =>
      expect(await one.ledger.notBegun()).toContain(`Queue it again with --out ${out}`),
    );
    await eventually(() => expect(looks).toBeGreaterThan(2));
    expect(warnings.filter((line) => line.includes('"batch":"one"'))).toHaveLength(1);
    expect(worker.has('one')).toBe(false);
    expect((await one.ledger.meta())?.out).toBe('');
    expect(simulator.bill().total.tasks).toBe(1);
  });

  it('S1: nor where that is in the folder it had beside another batch, or has no journal any more', async () => {
    const { serve, enqueue, out, simulator } = await openServer();
    await mkdir(join(out, 'one'));
    await writeFile(join(out, 'one', 'manifest.jsonl'), '{"batch":"one"}\n');
    const { ledger } = await enqueue('one', ['a']);
    serve();
    await eventually(async () =>
      expect(await ledger.notBegun()).toContain(`--out ${join(out, 'one')}`),
    );
    expect(simulator.bill().total.tasks).toBe(0);
  });

  it('S1: nor with a place that somebody named who did not look into it', async () => {
    const { serve, enqueue, out, simulator } = await openServer();
    const earlier = { ...header('one'), nonce: 'fresh' };
    await (await Journal.open(out, earlier)).close();
    const { ledger } = await enqueue('one', ['a']);
    await ledger.set({ out: out });
    serve();
    await eventually(async () => expect(await ledger.notBegun()).toContain(`--out ${out}`));
    expect(simulator.bill().total.tasks).toBe(0);
  });

  it('goes on where another worker has begun with this very life', async () => {
    const { serve, enqueue, out } = await openServer();
    const { ledger } = await enqueue('one', ['a']);
    await (await Journal.open(out, header('one'))).close();
    await ledger.noteNotBegun('an earlier trouble');
    serve();
    await eventually(async () => expect(isFinalized(await ledger.meta())).toBe(true));
    expect(await ledger.notBegun()).toBeNull();
  });

  it('S1: without a folder, it begins with a batch only when somebody has given it one', async () => {
    const { serve, enqueue, worker, out, simulator } = await openServer();
    const placeless = await enqueue('one', ['a']);
    const placed = await enqueue('two', ['a']);
    await placed.ledger.set({ out: join(out, 'two') });
    serve({ collects: 'leaves_files_to_others', out: null });
    await eventually(() => expect(worker.attached).toEqual(['two']));
    await eventually(() => expect(simulator.bill().total.tasks).toBe(1));
    await placeless.ledger.keepPlace(out);
    await eventually(() => expect(worker.attached).toEqual(['two', 'one']));
  });

  it('S1: lets go of a batch that Redis lost and somebody queued again', async () => {
    const { serve, enqueue, worker, out } = await openServer({ durationMs: 3_600_000 });
    const { ledger, redis } = await enqueue('one', ['a']);
    serve();
    await eventually(async () => expect((await ledger.meta())?.accepted).toBe(true));
    await redis.hset(ledger.keys.meta, { createdAt: 7, out: '' });
    await eventually(() => expect(worker.attached).toEqual([]));
    await eventually(async () => expect(await ledger.notBegun()).toContain(out));
  });

  it('ends when it is told to, at once', async () => {
    const { serve, stopping } = await openServer();
    const served = serve();
    stopping.abort();
    await served;
  });
});
