import { open, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManifestWriter } from '../../src/batch/manifest-writer.js';
import type { BatchLedger, OutboxLedger } from '../../src/ledger/batch-ledger.js';
import { StageQueues } from '../../src/shared/queues.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { type OpenLedger, openLedger } from '../support/ledger.js';
import { temporaryFolder } from '../worker/stages/stage-bench.js';

const line = (seq: number) =>
  JSON.stringify(manifestLine({ seq, brief_id: `b${seq}`, prompt: 'ü🦊'.repeat(seq % 7) }));
const numbers = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => from + index);
const text = (seqs: number[]) => seqs.map((seq) => `${line(seq)}\n`).join('');

function writerOf(
  { ledger, redis, prefix, batch }: Pick<OpenLedger, 'ledger' | 'redis' | 'prefix' | 'batch'>,
  out: string,
  outbox = ledger.outbox,
) {
  const queues = new StageQueues(redis, prefix, batch);
  onTestFinished(() => queues.close());
  const own = Object.create(ledger, { outbox: { value: outbox } }) as BatchLedger;
  return new ManifestWriter({ ledger: own, queues, out });
}

async function openWriter(count: number) {
  const opened = await openLedger();
  const out = await temporaryFolder();
  const push = (seqs: number[]) => opened.redis.rpush(opened.ledger.keys.outbox, ...seqs.map(line));
  if (count > 0) await push(numbers(count));
  const writer = writerOf(opened, out);
  const written = () => readFile(writer.path, 'utf8');
  const writerWith = (outbox: OutboxLedger) => writerOf(opened, out, outbox);
  return { ...opened, out, push, writer, writerWith, written };
}

/** The outbox as it is for one who is killed, or frozen, at the first call of a method. */
function stoppedAt(
  outbox: OutboxLedger,
  method: 'markWritten' | 'read' | 'generation',
  stop: () => Promise<unknown>,
) {
  let stopped = false;
  const value = (...values: never[]) => {
    if (stopped) return (outbox[method] as (...given: never[]) => unknown).apply(outbox, values);
    stopped = true;
    return stop();
  };
  return Object.create(outbox, { [method]: { value } }) as OutboxLedger;
}

const killed = () => Promise.reject(new Error('killed'));

describe('ManifestWriter', () => {
  it('S4: writes every line of the outbox once, in order, in a folder that it makes', async () => {
    const { writer, written, push, ledger } = await openWriter(3);
    await writer.flush();
    expect(await written()).toBe(text(numbers(3)));
    await push(numbers(2, 4));
    await writer.flush();
    await writer.flush();
    expect(await written()).toBe(text(numbers(5)));
    expect(await ledger.outbox.length()).toBe(0);
  });

  it('writes more lines than it reads at once', async () => {
    const { writer, written } = await openWriter(1_234);
    await writer.flush();
    expect(await written()).toBe(text(numbers(1_234)));
  });

  it('S4: a flush that comes while one is under way misses nothing', async () => {
    const { writer, written, push } = await openWriter(600);
    const first = writer.flush();
    await push([601]);
    await Promise.all([first, writer.flush()]);
    expect(await written()).toBe(text(numbers(601)));
  });

  it('S4: two writers at once leave each line once', async () => {
    const { writer, writerWith, written, out, ledger, prefix } = await openWriter(2_000);
    const other = await openLedger({ prefix });
    const writers = [writer, writerOf(other, out), writerWith(ledger.outbox)];
    await Promise.all(writers.map((it) => it.flush()));
    expect(await written()).toBe(text(numbers(2_000)));
    expect(await ledger.outbox.length()).toBe(0);
  });

  it('S5: killed between write and mark, the same bytes go to the same place', async () => {
    const { writer, written, writerWith, push, ledger } = await openWriter(3);
    const doomed = writerWith(stoppedAt(ledger.outbox, 'markWritten', killed));
    await expect(doomed.flush()).rejects.toThrow('killed');
    expect(await written()).toBe(text(numbers(3)));
    expect(await ledger.outbox.length()).toBe(3);
    await push(numbers(2, 4));
    await writer.flush();
    expect(await written()).toBe(text(numbers(5)));
  });

  it('S5: killed in the middle of a write, the line is made whole', async () => {
    const { writer, written, push } = await openWriter(2);
    await writer.flush();
    await push(numbers(3, 3));
    await writeFile(writer.path, (await written()) + line(3).slice(0, 20));
    await writer.flush();
    expect(await written()).toBe(text(numbers(5)));
  });

  it('S5: what is longer than the line that is written over it leaves nothing behind', async () => {
    const { writer, written, push } = await openWriter(2);
    await writer.flush();
    await push([3]);
    const longer = `${JSON.stringify(manifestLine({ prompt: 'long'.repeat(500) })).slice(0, -9)}`;
    await writeFile(writer.path, (await written()) + longer);
    await writer.flush();
    expect(await written()).toBe(text(numbers(3)));
  });

  it('S4: lines of its batch that the ledger does not know are taken over before it writes', async () => {
    const { writer, written, push } = await openWriter(2);
    await writer.flush();
    await push([9]);
    await writeFile(writer.path, text(numbers(4)));
    await writer.flush();
    expect(await written()).toBe(text([1, 2, 3, 4, 9]));
  });

  it('S4: frozen before the mark and woken after others went on, it takes no line away', async () => {
    const { writer, written, writerWith, push, ledger } = await openWriter(3);
    const frozen = stoppedAt(ledger.outbox, 'markWritten', async () => {
      await writer.flush();
      await push(numbers(4, 4));
      await writer.flush();
      await push(numbers(2, 8));
      return ledger.outbox.markWritten({ generation: '0', offset: 0, lines: ['', '', ''] }, 1);
    });
    await writerWith(frozen).flush();
    expect(await written()).toBe(text(numbers(9)));
    expect(await ledger.outbox.length()).toBe(0);
  });

  it('S4: woken before its write, it writes the same bytes over the same place', async () => {
    const { writer, written, writerWith, push, ledger } = await openWriter(3);
    const frozen = stoppedAt(ledger.outbox, 'read', async () => {
      const page = await ledger.outbox.read(2);
      await writer.flush();
      await push(numbers(4, 4));
      await writer.flush();
      return page;
    });
    await writerWith(frozen).flush();
    expect(await written()).toBe(text(numbers(7)));
  });

  it('S5: refuses a file that is shorter than what was written, and writes nothing', async () => {
    const { writer, written, push, ledger } = await openWriter(3);
    await writer.flush();
    await truncate(writer.path, 10);
    await push([4]);
    await expect(writer.flush()).rejects.toMatchObject({ code: 'output_unusable' });
    expect((await written()).length).toBe(10);
    expect(await ledger.outbox.length()).toBe(1);
    // Put back as it was, it goes on.
    await writeFile(writer.path, text(numbers(3)));
    await writer.flush();
    expect(await written()).toBe(text(numbers(4)));
  });

  it("S4: refuses to write over another batch's lines", async () => {
    const { writer, written, out, ledger } = await openWriter(2);
    const other = await openLedger({ batch: 'summer' });
    const theirs = JSON.stringify(manifestLine({ batch: 'summer' }));
    await other.redis.rpush(other.ledger.keys.outbox, theirs);
    await writerOf(other, out).flush();
    await expect(writer.flush()).rejects.toMatchObject({ code: 'batch_conflict' });
    expect(await written()).toBe(`${theirs}\n`);
    expect(await ledger.outbox.length()).toBe(2);
  });

  it('S4: writes nothing where the manifest is replaced while it opens it', async () => {
    const { writer, writerWith, written, out, push, ledger } = await openWriter(2);
    await writer.flush();
    await writeFile(join(out, 'old'), await written());
    await push([3]);
    const overtaken = stoppedAt(ledger.outbox, 'generation', async () => {
      const generation = await ledger.outbox.generation();
      // A retry keeps the second line only.
      await ledger.set({ generation: 1, offset: Buffer.byteLength(text([2])) });
      await rename(join(out, 'old'), join(out, 'history'));
      await writeFile(writer.path, text([2]));
      return generation;
    });
    await writerWith(overtaken).flush();
    expect(await written()).toBe(text([2, 3]));
  });

  it('fails where the folder cannot be made, and is usable again after it', async () => {
    const opened = await openLedger();
    await opened.redis.rpush(opened.ledger.keys.outbox, line(1));
    const out = await temporaryFolder();
    const inFile = join(out, 'manifest.jsonl');
    await (await open(inFile, 'w')).close();
    await expect(writerOf(opened, inFile).flush()).rejects.toThrow();
    const writer = writerOf(opened, out);
    await writer.flush();
    expect(await readFile(writer.path, 'utf8')).toBe(text([1]));
  });
});
