import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { finalizeBatch, writeReport } from '../../src/batch/end-batch.js';
import { ManifestWriter } from '../../src/batch/manifest-writer.js';
import type { BatchLedger } from '../../src/ledger/batch-ledger.js';
import { isFinalized } from '../../src/ledger/batch-meta.js';
import { runReportSchema } from '../../src/results/run-report.js';
import { StageQueues } from '../../src/shared/queues.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { openLedger } from '../support/ledger.js';
import { ShiftedClock, temporaryFolder } from '../worker/stages/stage-bench.js';

async function openBatch() {
  const opened = await openLedger();
  const { ledger, redis, prefix, batch } = opened;
  const out = await temporaryFolder();
  const queues = new StageQueues(redis, prefix, batch);
  onTestFinished(() => queues.close());
  const clock = new ShiftedClock();
  const end = async (id: string, status: 'succeeded' | 'failed' = 'succeeded') => {
    const from = await ledger.briefs.read(id);
    if (!from) throw new Error(`${id} was not admitted`);
    const line = JSON.stringify(manifestLine({ brief_id: id, seq: from.state.seq, status }));
    const figures = { charged: 1, checks: 2, downloads: 1, nowMs: 0 };
    await ledger.briefs.finish(id, { from, line, status, ...figures });
  };
  return {
    ...opened,
    out,
    clock,
    end,
    finalize: () => finalizeBatch(ledger, out, clock),
    write: () => new ManifestWriter({ ledger, queues, out }).flush(),
    files: async () => (await readdir(out)).sort(),
    report: async () =>
      runReportSchema.parse(JSON.parse(await readFile(join(out, 'run.json'), 'utf8'))),
    csv: async () =>
      parse(await readFile(join(out, 'manifest.csv'), 'utf8'), { columns: true }) as {
        brief_id: string;
      }[],
  };
}

describe('finalizeBatch', () => {
  it('S4: waits for the end of admission, for every line, and for every line to be written', async () => {
    const batch = await openBatch();
    await batch.admit('a', 'b');
    await batch.end('a');
    expect(await batch.finalize()).toBe('not_yet');
    await batch.ledger.markAdmission('complete');
    expect(await batch.finalize()).toBe('not_yet');
    await batch.end('b');
    expect(await batch.finalize()).toBe('not_yet');
    expect(await batch.files()).toEqual([]);
    await batch.write();
    expect(await batch.finalize()).toBe('finalized');
    expect(await batch.files()).toEqual(['manifest.csv', 'manifest.jsonl', 'run.json']);
  });

  it('S5: takes away what downloads that were cut off have left, and nothing else', async () => {
    const batch = await openBatch();
    await batch.admit('a');
    await batch.end('a');
    await batch.write();
    const assets = join(batch.out, 'assets');
    await mkdir(assets);
    const names = ['.0b5d3c1e-7a52-4c5e-9d52-0a4f3e2b1c0d.part', 'a.png', '.mine.part'];
    for (const name of names) await writeFile(join(assets, name), 'abc');
    await batch.finalize();
    expect((await readdir(assets)).sort()).toEqual(names.toSorted());
    await batch.ledger.markAdmission('complete');
    await batch.finalize();
    expect((await readdir(assets)).sort()).toEqual(['.mine.part', 'a.png']);
  });

  it('S4: writes the table in input order, and counts that add up', async () => {
    const batch = await openBatch();
    await batch.admit('a', 'b', 'c');
    await batch.end('c');
    await batch.end('b', 'failed');
    await batch.end('a');
    const counts = { rows: 5, rejected: 1, duplicates: 1, sources: '["a.csv"]' };
    await batch.ledger.markAdmission('complete', counts);
    await batch.write();
    await batch.finalize();
    expect((await batch.csv()).map(({ brief_id: id }) => id)).toEqual(['a', 'b', 'c']);
    expect(await batch.report()).toMatchObject({
      state: 'finished',
      sources: ['a.csv'],
      counts: { briefs: 5, rejected: 1, duplicate: 1, admitted: 3, succeeded: 2, failed: 1 },
      credits: { spent: 3 },
    });
  });

  it('does its work once, and again after a crash before the mark', async () => {
    const batch = await openBatch();
    await batch.admit('a');
    await batch.end('a');
    await batch.ledger.markAdmission('complete');
    await batch.write();
    const { ledger, out, clock } = batch;
    const killed = Object.create(ledger, {
      markFinalized: { value: () => Promise.reject(new Error('killed')) },
    }) as BatchLedger;
    await expect(finalizeBatch(killed, out, clock)).rejects.toThrow('killed');
    expect(isFinalized(await ledger.meta())).toBe(false);
    expect(await batch.finalize()).toBe('finalized');
    await writeFile(join(out, 'manifest.csv'), 'not written again');
    expect(await batch.finalize()).toBe('finalized');
    expect(await readFile(join(out, 'manifest.csv'), 'utf8')).toBe('not written again');
  });

  it('several at once leave whole files', async () => {
    const batch = await openBatch();
    await batch.admit('a');
    await batch.end('a');
    await batch.ledger.markAdmission('complete');
    await batch.write();
    const results = await Promise.all([batch.finalize(), batch.finalize(), batch.finalize()]);
    expect(results).toEqual(['finalized', 'finalized', 'finalized']);
    expect(await batch.csv()).toHaveLength(1);
    expect(await batch.files()).toEqual(['manifest.csv', 'manifest.jsonl', 'run.json']);
  });

  it('S4: a batch that got more briefs while its files were written is not finished', async () => {
    const batch = await openBatch();
    await batch.admit('a');
    await batch.end('a');
    await batch.ledger.markAdmission('complete');
    await batch.write();
    const { ledger, out, clock } = batch;
    // The table of a million lines takes its time, or the process was frozen in it.
    const slow = Object.create(ledger, {
      markFinalized: {
        value: async (...given: Parameters<BatchLedger['markFinalized']>) => {
          await ledger.openAdmission([], 'new', 'only_changed');
          await batch.admit('b');
          await ledger.markAdmission('complete');
          return ledger.markFinalized(...given);
        },
      },
    }) as BatchLedger;
    await finalizeBatch(slow, out, clock);
    expect(isFinalized(await ledger.meta())).toBe(false);
    expect(await batch.finalize()).toBe('not_yet');
    await batch.end('b');
    await batch.write();
    expect(await batch.finalize()).toBe('finalized');
    expect(await batch.csv()).toHaveLength(2);
    expect(await batch.report()).toMatchObject({ counts: { admitted: 2, succeeded: 2 } });
  });

  it('a batch without briefs has its files too', async () => {
    const batch = await openBatch();
    await batch.ledger.markAdmission('complete');
    expect(await batch.finalize()).toBe('finalized');
    expect(await batch.csv()).toEqual([]);
  });
});

describe('writeReport', () => {
  it('S4: says what is left when a run stops with work left', async () => {
    const batch = await openBatch();
    await batch.admit('a', 'b');
    await batch.end('a');
    const { ledger, out, clock } = batch;
    await writeReport(ledger, out, clock);
    expect(await batch.report()).toMatchObject({
      state: 'unfinished',
      counts: { admitted: 2, succeeded: 1, pending: 1 },
    });
  });

  it('writes nothing of a batch that was forgotten', async () => {
    const batch = await openBatch();
    const { ledger, out, clock } = batch;
    await ledger.forget();
    await writeReport(ledger, out, clock);
    expect(await batch.files()).toEqual([]);
  });
});
