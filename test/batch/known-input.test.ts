import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { atOnce } from '../../src/batch/admit.js';
import { withQueues } from '../../src/batch/batch-context.js';
import {
  admitBatch,
  type BatchRequest,
  beginBatch,
  type OpenedBatch,
  openBatch,
} from '../../src/batch/continue-batch.js';
import { finalizeBatch } from '../../src/batch/end-batch.js';
import { ManifestWriter } from '../../src/batch/manifest-writer.js';
import { type Reopener, reopenSurveyed, surveyReopening } from '../../src/batch/reopen.js';
import { compileInput } from '../../src/producer/compile-input.js';
import type { LineStatus } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { identity, openLedger } from '../support/ledger.js';
import { ShiftedClock, temporaryFolder } from '../worker/stages/stage-bench.js';

const never = atOnce(new AbortController().signal);

/** A batch in a folder, and what a command does with it whose input is this table. */
async function openDesk() {
  const opened = await openLedger({ batch: 'unused' });
  const { redis, prefix, account } = opened;
  const folder = await temporaryFolder();
  const out = join(folder, 'out');
  const clock = new ShiftedClock();
  const facts = {
    categoryOf: () => 'image' as const,
    priceOf: () => ({ guess: 3, least: 1 }),
  };
  const { origin } = identity;
  const context = { redis, prefix, origin, account, clock, ...facts };
  let passes = 0;
  const file = join(folder, 'in.csv');
  const open = async (rows: readonly string[], patch: Partial<BatchRequest> = {}) => {
    await writeFile(file, `id,prompt\n${rows.join('\n')}\n`);
    const plain = { format: null, delimiter: null, prompt: null, id: null, params: [] };
    const input = await compileInput({
      ...{ ...plain, files: [file], model: 'z-image', variants: 1, limit: null },
      models: [],
    });
    onTestFinished(() => input.dispose());
    passes = 0;
    return openBatch(context, {
      ...{ batch: 'spring', out, sources: ['in.csv'], command: null, mode: 'go_on' },
      ...{
        force: 'none',
        priority: undefined,
        changes: 'made',
        caps: { batch: undefined, day: undefined },
      },
      input: {
        ...input,
        briefs: () => {
          passes += 1;
          return input.briefs();
        },
      },
      ...patch,
    });
  };
  const admit = async (batch: OpenedBatch) => {
    await beginBatch(batch);
    await withQueues(context, 'spring', (queues) => admitBatch(batch, queues, never));
  };
  /** As workers do it; briefs called `bad` fail. */
  const finish = async ({ ledger }: OpenedBatch) => {
    for await (const briefs of ledger.scan()) {
      for (const { id, read: from } of briefs) {
        if (from.state.stage === 'lined') continue;
        const { seq, attempt } = from.state;
        const status: LineStatus = id === 'bad' && attempt === 1 ? 'failed' : 'succeeded';
        const own = { brief_id: id, batch: 'spring', seq, attempt, status };
        const line = JSON.stringify(manifestLine({ ...own, assets: [] }));
        const ended = { from, line, status, charged: 1, checks: 1, downloads: 0, nowMs: 0 };
        await ledger.briefs.finish(id, ended);
      }
    }
    await withQueues(context, 'spring', (queues) =>
      new ManifestWriter({ ledger, queues, out }).flush(),
    );
    expect(await finalizeBatch(ledger, out, clock)).toBe('finalized');
  };
  const run = async (rows: readonly string[]) => {
    const batch = await open(rows);
    await admit(batch);
    await finish(batch);
    return batch;
  };
  /** Opens what has failed once more. */
  const retry = (batch: OpenedBatch) =>
    withQueues(context, 'spring', async (queues) => {
      const reopener: Reopener = { ledger: batch.ledger, queues, out, account, clock, ...facts };
      return reopenSurveyed(
        reopener,
        await surveyReopening(reopener, ({ status }) => status === 'failed'),
      );
    });
  return { file, open, finish, run, retry, context, passes: () => passes };
}

const rows = ['a,one', 'b,two', 'c,three'];

describe('an input that a finished batch knows', () => {
  it('is not read once more to be compared', async () => {
    const desk = await openDesk();
    await desk.run(rows);
    const { news, comparison } = await desk.open(rows);
    expect({ news, ...comparison }).toMatchObject({ news: 'none', same: 3, fresh: 0, gone: 0 });
    expect(desk.passes()).toBe(0);
  });

  it('is known by ids, contents and order, and not by what else its rows say', async () => {
    const desk = await openDesk();
    await desk.run(rows);
    const changed = await desk.open(['a,one', 'b,other', 'c,three']);
    expect(changed.comparison).toMatchObject({ same: 2, changed: 1, gone: 0 });
    const fewer = await desk.open(rows.slice(0, 2));
    expect(fewer.comparison).toMatchObject({ same: 2, gone: 1 });
    expect(desk.passes()).toBe(1);
    // What is known is the input that was compared last: all of it is as the batch has it.
    expect((await desk.open(rows.slice(0, 2))).comparison).toMatchObject({ same: 2, gone: 1 });
    expect(desk.passes()).toBe(0);
  });

  it('is read to make everything anew', async () => {
    const desk = await openDesk();
    await desk.run(rows);
    const { comparison } = await desk.open(rows, { force: 'all' });
    expect(comparison).toMatchObject({ same: 0, forced: 3 });
  });

  it('is compared once more after a retry, and known again from then on', async () => {
    const desk = await openDesk();
    const withBad = [...rows, 'bad,four'];
    const batch = await desk.run(withBad);
    expect(await desk.retry(batch)).toBe(1);
    await desk.finish(batch);
    expect((await desk.open(withBad)).comparison).toMatchObject({ same: 4 });
    expect(desk.passes()).toBe(1);
    expect((await desk.open(withBad)).comparison).toMatchObject({ same: 4 });
    expect(desk.passes()).toBe(0);
  });

  it('S1: is not taken for known where another command admitted a brief of it with other content', async () => {
    const desk = await openDesk();
    const first = await desk.open(rows);
    const second = await desk.open(['b,other']);
    await beginBatch(second);
    await beginBatch(first);
    await withQueues(desk.context, 'spring', async (queues) => {
      await admitBatch(second, queues, never);
      await admitBatch(first, queues, never);
    });
    await desk.finish(first);
    expect((await desk.open(rows)).comparison).toMatchObject({ same: 2, changed: 1 });
  });

  it('S1: is not taken for known where another command has changed a brief of it since', async () => {
    const desk = await openDesk();
    await desk.run(rows);
    await beginBatch(await desk.open(['a,other', 'b,two', 'c,three']));
    expect((await desk.open(rows)).comparison).toMatchObject({ same: 2, changed: 1 });
  });
});

it.runIf(process.platform === 'linux')(
  'S4: a known input is read once, and no copy of it',
  async () => {
    const desk = await openDesk();
    const many = Array.from(
      { length: 5_000 },
      (_, row) => `${row},Photo ${row} ${'of it '.repeat(9)}`,
    );
    const first = await desk.open(many);
    await beginBatch(first);
    await withQueues(desk.context, 'spring', (queues) => admitBatch(first, queues, never));
    const before = await bytesRead();
    const { comparison } = await desk.open(many);
    const read = (await bytesRead()) - before;
    expect(comparison).toMatchObject({ same: 5_000 });
    expect(read).toBeLessThan(1.5 * (await stat(desk.file)).size);
  },
);

/** Of this process, from files and sockets. */
async function bytesRead(): Promise<number> {
  return Number(/^rchar: (\d+)/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
}
