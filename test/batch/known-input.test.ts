import { readFile, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { withQueues } from '../../src/batch/batch-context.js';
import { admitBatch, beginBatch } from '../../src/batch/continue-batch.js';
import { never, openBatchDesk } from './batch-desk.js';

const rows = ['a,one', 'b,two', 'c,three'];

describe('an input that a finished batch knows', () => {
  it('is not read once more to be compared', async () => {
    const desk = await openBatchDesk();
    await desk.run(rows);
    const { news, comparison } = await desk.open(rows);
    expect({ news, ...comparison }).toMatchObject({ news: 'none', same: 3, fresh: 0, gone: 0 });
    expect(desk.passes()).toBe(0);
  });

  it('is known by ids, contents and order, and not by what else its rows say', async () => {
    const desk = await openBatchDesk();
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

  it('is read to make everything again', async () => {
    const desk = await openBatchDesk();
    await desk.run(rows);
    const { comparison } = await desk.open(rows, { force: 'all' });
    expect(comparison).toMatchObject({ same: 0, forced: 3 });
  });

  it('is compared once more after a retry, and known again from then on', async () => {
    const desk = await openBatchDesk();
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
    const desk = await openBatchDesk();
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
    const desk = await openBatchDesk();
    await desk.run(rows);
    await beginBatch(await desk.open(['a,other', 'b,two', 'c,three']));
    expect((await desk.open(rows)).comparison).toMatchObject({ same: 2, changed: 1 });
  });
});

it.runIf(process.platform === 'linux')(
  'S4: a known input is read once, and no copy of it',
  async () => {
    const desk = await openBatchDesk();
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
