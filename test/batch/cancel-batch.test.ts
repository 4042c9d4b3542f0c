import { describe, expect, it } from 'vitest';
import { cancelBatch, surveyUnderWay } from '../../src/batch/end-batch.js';
import type { CancelMode } from '../../src/batch/finish-brief.js';
import { accepted, ready } from '../ledger/brief-states.js';
import { openBench } from '../worker/stages/stage-bench.js';

/** One brief in every state: a was never sent, b is in doubt, c and d are paid, e has its line. */
async function openBatch() {
  const bench = await openBench();
  const { redis, ledger, context, admit, place } = bench;
  await admit('a', 'b', 'c', 'd', 'e');
  const permit = await bench.begin('b', { guess: 3 });
  if (permit.kind !== 'go') throw new Error('it may go');
  await place('c', accepted('task_c', { seq: 3, reserved: 5 }));
  await place('d', ready('task_d', { seq: 4, final: 2 }));
  const e = await ledger.briefs.read('e');
  if (!e) throw new Error('e was not admitted');
  const figures = { charged: 0, checks: 0, downloads: 0, nowMs: 0 };
  await ledger.briefs.finish('e', { from: e, line: '{}', status: 'failed', ...figures });
  await redis.del(ledger.keys.outbox);
  const { clock } = context;
  let flushes = 0;
  const flush = async () => {
    flushes += 1;
  };
  return {
    ...bench,
    permit,
    flushed: () => flushes,
    cancel: (mode: CancelMode) => cancelBatch(ledger, mode, clock, flush),
    codes: async () =>
      Object.fromEntries((await bench.lines()).map((line) => [line.brief_id, line.error?.code])),
  };
}

describe('cancelBatch', () => {
  it('S3 S4: gives a line to what was not submitted, and leaves the rest to its end', async () => {
    const { cancel, codes, ledger, stateOf, flushed } = await openBatch();
    await ledger.cancel();
    expect(await cancel('collect')).toEqual({ cancelled: 1, abandoned: 0 });
    expect(await codes()).toEqual({ a: 'cancelled' });
    expect(await stateOf('b')).toMatchObject({ stage: 'submitting' });
    expect(await stateOf('c')).toMatchObject({ stage: 'accepted' });
    expect(await stateOf('d')).toMatchObject({ stage: 'ready' });
    expect(await ledger.meta()).toMatchObject({ pending: 3, lines: { cancelled: 1 }, spent: 0 });
    expect(flushed()).toBe(1);
    expect(await cancel('collect')).toEqual({ cancelled: 0, abandoned: 0 });
  });

  it('S4 S6: abandoned, everything has its line; what it cost is spent, what is in doubt reserved', async () => {
    const { cancel, codes, lines, ledger, inFlight } = await openBatch();
    await ledger.cancel();
    expect(await surveyUnderWay(ledger)).toEqual({ tasks: 2, inDoubt: 1, credits: 10 });
    expect(await cancel('abandon')).toEqual({ cancelled: 1, abandoned: 3 });
    expect(await codes()).toEqual({
      a: 'cancelled',
      b: 'abandoned',
      c: 'abandoned',
      d: 'abandoned',
    });
    const byId = Object.fromEntries((await lines()).map((line) => [line.brief_id, line.task_id]));
    expect(byId).toEqual({ a: null, b: null, c: 'task_c', d: 'task_d' });
    expect(await ledger.meta()).toMatchObject({ pending: 0, spent: 7, reserved: 3 });
    expect(await inFlight()).toEqual([]);
    expect(await cancel('abandon')).toEqual({ cancelled: 0, abandoned: 0 });
  });

  it('S4: two that cancel at once, and a worker that goes on, leave one line a brief', async () => {
    const { cancel, codes, ledger, permit } = await openBatch();
    await ledger.cancel();
    const to = accepted('task_b', { seq: 2, reserved: 3 });
    const [one, other] = await Promise.all([
      cancel('abandon'),
      cancel('abandon'),
      ledger.briefs.move('b', { from: permit.brief, to }),
    ]);
    expect(one.cancelled + other.cancelled).toBe(1);
    expect(one.abandoned + other.abandoned).toBe(3);
    expect(Object.keys(await codes()).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(await ledger.meta()).toMatchObject({ pending: 0, lines: { cancelled: 4, failed: 1 } });
  });

  it('S4: goes through a batch of any size', async () => {
    const { cancel, ledger, admit } = await openBatch();
    await admit(...Array.from({ length: 2_000 }, (_, index) => `sku-${index}`));
    await ledger.cancel();
    expect(await cancel('collect')).toEqual({ cancelled: 2_001, abandoned: 0 });
    expect(await ledger.meta()).toMatchObject({ pending: 3 });
  });
});
