import { describe, expect, it } from 'vitest';
import { isFinalized } from '../../src/ledger/batch-meta.js';
import { type BriefState, encodeState } from '../../src/ledger/brief-state.js';
import { draftKey } from '../../src/ledger/keys.js';
import type { RewriteEntry } from '../../src/ledger/rewrite-ledger.js';
import { RewriteLedger } from '../../src/ledger/rewrite-ledger.js';
import type { LineStatus } from '../../src/shared/manifest-line.js';
import { openLedger } from '../support/ledger.js';
import { accepted } from './brief-states.js';

const lined = (status: LineStatus, attempt = 1): BriefState => ({
  stage: 'lined',
  attempt,
  fingerprint: 'ab',
  seq: 1,
  status,
});

const admittedAgain = (attempt: number): BriefState => ({
  stage: 'admitted',
  attempt,
  fingerprint: 'ab',
  seq: 1,
  admittedAt: 1,
  sends: 0,
  refusalId: null,
});

const newAttempt = (status: LineStatus = 'failed', attempt = 2): RewriteEntry => ({
  from: encodeState(lined(status, attempt - 1)),
  to: encodeState(admittedAgain(attempt)),
  status,
  stage: 'submit',
  attempt,
  checks: 0,
});

const reread = (patch: Partial<RewriteEntry> = {}): RewriteEntry => ({
  from: encodeState(lined('unknown')),
  to: encodeState(accepted('task_1')),
  status: 'unknown',
  stage: 'status',
  attempt: 1,
  checks: 3,
  ...patch,
});

const planFor = {
  generation: '0',
  historyBytes: 7,
  cancellation: 'keep',
  unwritten: 'allowed',
  run: null,
} as const;

/** A batch whose briefs have their lines, and what rewrites it. */
async function openRewrite(states: Record<string, LineStatus> = { a: 'failed', b: 'failed' }) {
  const opened = await openLedger();
  const { redis, ledger, account } = opened;
  const rewrite = new RewriteLedger(redis, ledger, account);
  await opened.admit(...Object.keys(states));
  for (const [id, status] of Object.entries(states)) {
    const from = await ledger.briefs.read(id);
    if (!from) throw new Error(`${id} was not admitted`);
    const figures = { charged: 0, checks: 3, downloads: 0, nowMs: 0 };
    await ledger.briefs.finish(id, { from, line: `{"${id}":1}`, status, ...figures });
    await opened.place(id, lined(status));
  }
  const plan = async (entries: Record<string, RewriteEntry>) => {
    await rewrite.addToDraft('draft', new Map(Object.entries(entries)));
    return rewrite.begin('draft', planFor);
  };
  const apply = async (entries: Record<string, RewriteEntry>) => {
    expect(await plan(entries)).toBe('begun');
    await rewrite.hold('me', 'take');
    const swapped = await rewrite.swap('me', 5);
    if (swapped.kind === 'overtaken') throw new Error('nobody else is there');
    const ids = Object.keys(entries);
    return { generation: swapped.generation, ids };
  };
  /** As if the holder had not been heard of for long. */
  const expireHold = () => redis.hset(ledger.keys.meta, 'rewriter_at', 0);
  return { ...opened, rewrite, plan, apply, expireHold };
}

describe('begin', () => {
  it('S4: makes a draft the plan in one step; closing files stand for an earlier admission', async () => {
    const { ledger, rewrite, plan, redis } = await openRewrite();
    await ledger.markAdmission('complete');
    const before = await ledger.meta();
    if (before) await ledger.markFinalized(before);
    expect(isFinalized(await ledger.meta())).toBe(true);
    expect(await plan({ a: newAttempt() })).toBe('begun');
    expect(await ledger.meta()).toMatchObject({
      rewriting: true,
      stage: 'finished',
      finalized: false,
      pending: 0,
    });
    expect(await rewrite.planned(['a', 'b'])).toEqual([1, null]);
    expect(await redis.ttl(ledger.keys.plan)).toBe(-1);
    // Somebody was still writing closing files of the earlier admission.
    if (before) await ledger.markFinalized(before);
    expect(isFinalized(await ledger.meta())).toBe(false);
  });

  it('S4: is refused beside another, for a manifest that was replaced since, and without a draft', async () => {
    const { ledger, rewrite, plan } = await openRewrite();
    expect(await rewrite.begin('nobody', planFor)).toBe('expired');
    await ledger.set({ generation: 1 });
    expect(await plan({ a: newAttempt() })).toBe('stale');
    await ledger.set({ generation: 0 });
    expect(await plan({ a: newAttempt() })).toBe('begun');
    expect(await plan({ b: newAttempt() })).toBe('busy');
    expect(await rewrite.planned(['a', 'b'])).toEqual([1, null]);
  });

  it('does not bring back a batch that was forgotten', async () => {
    const { ledger, plan, redis } = await openRewrite();
    await ledger.forget();
    expect(await plan({ a: newAttempt() })).toBe('stale');
    expect(await redis.exists(ledger.keys.meta)).toBe(0);
  });

  it('lifts a cancellation only where it is asked to', async () => {
    const { ledger, rewrite } = await openRewrite();
    await ledger.set({ cancelled: 1 });
    for (const cancellation of ['keep', 'lift'] as const) {
      await rewrite.addToDraft('draft', new Map([['a', newAttempt()]]));
      expect(await rewrite.begin('draft', { ...planFor, cancellation })).toBe('begun');
      expect((await ledger.meta())?.stage === 'cancelled').toBe(cancellation === 'keep');
      await rewrite.hold('me', 'take');
      await rewrite.swap('me', 0);
      await ledger.set({ generation: 0 });
      await rewrite.clear('0', ['a']);
    }
  });

  it('leaves a draft that nobody wanted behind for a day at most', async () => {
    const { ledger, rewrite, redis } = await openRewrite();
    await rewrite.addToDraft('draft', new Map([['a', newAttempt()]]));
    const seconds = await redis.ttl(draftKey(ledger.keys, 'draft'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(24 * 3_600);
    await rewrite.dropDraft('draft');
    expect(await redis.exists(draftKey(ledger.keys, 'draft'))).toBe(0);
  });
});

describe('while the file is about to be replaced', () => {
  it('S4: no line is handed out, and none is marked as written', async () => {
    const { ledger, rewrite, plan } = await openRewrite();
    const page = await ledger.outbox.read(10);
    expect(page.lines).toHaveLength(2);
    await plan({ a: newAttempt() });
    expect(await ledger.outbox.read(10)).toEqual({ generation: '0', offset: 0, lines: [] });
    expect(await ledger.outbox.markWritten(page, 99)).toBe('was_marked');
    expect(await ledger.outbox.length()).toBe(2);
    await rewrite.hold('me', 'take');
    await rewrite.swap('me', 42);
    expect(await ledger.outbox.markWritten(page, 99)).toBe('was_marked');
    expect(await ledger.outbox.read(10)).toMatchObject({ generation: '1', offset: 42 });
    expect((await ledger.outbox.read(10)).lines).toEqual(page.lines);
  });
});

describe('hold', () => {
  it('is given to one at a time, and to the next when that one is not heard of', async () => {
    const { rewrite, plan, expireHold } = await openRewrite();
    expect(await rewrite.hold('me', 'take')).toEqual({ kind: 'none' });
    await plan({ a: newAttempt() });
    expect(await rewrite.hold('me', 'take')).toEqual({
      kind: 'planned',
      generation: '0',
      offset: 0,
      historyBytes: 7,
    });
    expect(await rewrite.hold('other', 'take')).toMatchObject({ kind: 'busy' });
    expect(await rewrite.hold('me', 'keep')).toMatchObject({ kind: 'planned' });
    await expireHold();
    expect(await rewrite.hold('other', 'take')).toMatchObject({ kind: 'planned' });
    expect(await rewrite.hold('me', 'keep')).toMatchObject({ kind: 'busy' });
    expect(await rewrite.swap('me', 5)).toEqual({ kind: 'overtaken' });
    expect(await rewrite.swap('other', 5)).toEqual({ kind: 'swapped', generation: '1' });
    expect(await rewrite.swap('other', 6)).toEqual({ kind: 'overtaken' });
    expect(await rewrite.hold('me', 'take')).toEqual({ kind: 'applying', generation: '1' });
  });

  it('cannot be kept by one who was overtaken, however long ago its successor was heard of', async () => {
    const { rewrite, plan, expireHold } = await openRewrite();
    await plan({ a: newAttempt() });
    await rewrite.hold('me', 'take');
    await expireHold();
    await rewrite.hold('other', 'take');
    await expireHold();
    expect(await rewrite.hold('me', 'keep')).toMatchObject({ kind: 'busy' });
    expect(await rewrite.swap('other', 5)).toMatchObject({ kind: 'swapped' });
  });
});

describe('apply', () => {
  it('S4: opens each brief once, however often and by however many it is called', async () => {
    const { apply, rewrite, ledger, stateOf } = await openRewrite();
    const { generation, ids } = await apply({ a: newAttempt(), b: newAttempt() });
    const opened = await Promise.all([1, 2, 3].map(() => rewrite.apply(generation, ids)));
    expect(opened.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(await stateOf('a')).toEqual(admittedAgain(2));
    expect(await ledger.meta()).toMatchObject({ pending: 2, lines: { failed: 0 } });
  });

  it('S4: a task that ends in the same line again is not opened twice by one rewrite', async () => {
    const { apply, rewrite, ledger, place } = await openRewrite({ a: 'unknown' });
    const { generation, ids } = await apply({ a: reread() });
    expect(await rewrite.apply(generation, ids)).toBe(1);
    const from = await place('a', accepted('task_1'));
    const figures = { charged: 0, checks: 4, downloads: 0, nowMs: 0 };
    await ledger.briefs.finish('a', { from, line: '{"a":2}', status: 'unknown', ...figures });
    await place('a', lined('unknown'));
    expect(await rewrite.apply(generation, ids)).toBe(0);
    expect(await ledger.meta()).toMatchObject({ pending: 0, lines: { unknown: 1 } });
  });

  it('leaves a brief alone that is not in the state that was planned for', async () => {
    const { apply, rewrite, stateOf, place, ledger } = await openRewrite();
    const { generation, ids } = await apply({ a: newAttempt() });
    await place('a', lined('failed', 2));
    expect(await rewrite.apply(generation, ids)).toBe(0);
    expect(await stateOf('a')).toEqual(lined('failed', 2));
    expect((await ledger.meta())?.lines.failed).toBe(2);
  });

  it('does nothing for one who wakes up in a later rewrite, or before the file is replaced', async () => {
    const { apply, rewrite, plan, stateOf, ledger } = await openRewrite();
    const { generation, ids } = await apply({ a: newAttempt() });
    await rewrite.apply(generation, ids);
    await rewrite.clear(generation, ids);
    await ledger.set({ generation: 0 });
    expect(await plan({ b: newAttempt() })).toBe('begun');
    expect(await rewrite.apply('0', ['b'])).toBe(0);
    await rewrite.hold('me', 'take');
    await rewrite.swap('me', 1);
    expect(await rewrite.apply('0', ['b'])).toBe(0);
    await rewrite.clear('0', ['b']);
    expect(await rewrite.planned(['b'])).toEqual([1]);
    expect(await stateOf('b')).toEqual(lined('failed'));
  });

  it('S3 S7: a task that is looked at again has its place in flight, and its checks count once', async () => {
    const { apply, rewrite, inFlight, ledger, stateOf } = await openRewrite({ a: 'unknown' });
    const { generation, ids } = await apply({ a: reread() });
    await rewrite.apply(generation, ids);
    expect(await inFlight()).toEqual(['spring\na']);
    expect(await stateOf('a')).toMatchObject({ stage: 'accepted', taskId: 'task_1' });
    expect((await ledger.meta())?.requests.statusChecks).toBe(0);
  });

  it('S6: what an attempt in doubt may have cost stays reserved beside the new one', async () => {
    const { apply, rewrite, ledger, redis } = await openRewrite({ a: 'unknown' });
    await redis.hset(ledger.keys.reservations, 'a', '4 2026-06-01 z-image');
    await redis.hincrbyfloat(ledger.keys.meta, 'reserved', 4);
    const { generation, ids } = await apply({ a: newAttempt('unknown') });
    await rewrite.apply(generation, ids);
    expect(await redis.hgetall(ledger.keys.reservations)).toEqual({
      'a\n1': '4 2026-06-01 z-image',
    });
    expect((await ledger.meta())?.reserved).toBe(4);
  });

  it('S6: what an abandoned task cost is reserved again instead of spent, once', async () => {
    const { apply, rewrite, ledger, account, redis } = await openRewrite({ a: 'cancelled' });
    const day = `${account.keys.day}2026-06-01`;
    await redis.hincrbyfloat(ledger.keys.meta, 'spent', 4.5);
    await redis.hincrbyfloat(day, 'spent', 4.5);
    const left = { credits: '4.5', day: '2026-06-01', kind: 'z-image 10s' };
    const from = encodeState(lined('cancelled'));
    const { generation, ids } = await apply({ a: reread({ from, status: 'cancelled', left }) });
    await rewrite.apply(generation, ids);
    await rewrite.apply(generation, ids);
    expect(await ledger.meta()).toMatchObject({ spent: 0, reserved: 4.5 });
    expect(await redis.hgetall(day)).toEqual({ spent: '0', reserved: '4.5' });
    expect(await redis.hget(ledger.keys.reservations, 'a')).toBe('4.5 2026-06-01 z-image 10s');
  });
});

describe('clear', () => {
  it('ends the rewrite with the last brief', async () => {
    const { apply, rewrite, ledger, redis } = await openRewrite();
    const { generation, ids } = await apply({ a: newAttempt(), b: newAttempt() });
    await rewrite.apply(generation, ids);
    const seen: string[] = [];
    for await (const entries of rewrite.entries()) seen.push(...entries.keys());
    expect(seen.sort()).toEqual(['a', 'b']);
    await rewrite.clear(generation, ['a']);
    expect(await rewrite.underWay()).toBe(true);
    await rewrite.clear(generation, ['b']);
    expect(await rewrite.underWay()).toBe(false);
    expect(await redis.exists(ledger.keys.plan)).toBe(0);
    expect((await ledger.meta())?.rewriting).toBe(false);
  });

  it('takes plans of any size', async () => {
    const ids = Array.from({ length: 2_500 }, (_, index) => `sku-${index}`);
    const { apply, rewrite, ledger } = await openRewrite(
      Object.fromEntries(ids.map((id) => [id, 'failed' as const])),
    );
    const { generation } = await apply(Object.fromEntries(ids.map((id) => [id, newAttempt()])));
    for await (const entries of rewrite.entries()) {
      await rewrite.apply(generation, [...entries.keys()]);
      await rewrite.clear(generation, [...entries.keys()]);
    }
    expect(await ledger.meta()).toMatchObject({ rewriting: false, pending: 2_500 });
  });
});

describe('a cancelled batch', () => {
  it('S4: takes no new briefs, knows those that it has, and can end', async () => {
    const { admit, ledger } = await openLedger();
    await admit('a');
    await ledger.set({ capped: 'cap' });
    expect(await ledger.cancel()).toBe('cancelled');
    expect(await ledger.cancel()).toBe('cancelled');
    expect(await ledger.meta()).toMatchObject({
      stage: 'cancelled',
      finalized: false,
    });
    expect(await admit('a', 'b')).toEqual(['admitted', 'cancelled']);
    expect(await ledger.meta()).toMatchObject({ admitted: 1, pending: 1 });
    await ledger.liftCancel();
    expect(await admit('b')).toEqual(['admitted']);
  });

  it('is not one that is finished', async () => {
    const { ledger } = await openRewrite();
    await ledger.markAdmission('complete');
    expect(await ledger.cancel()).toBe('was_finished');
    expect((await ledger.meta())?.stage).toBe('finished');
  });

  it('S6: a line whose cost nobody knows leaves its reservation as it is', async () => {
    const opened = await openLedger();
    await opened.account.heartbeat('test', { rate: 1_000, inFlight: null });
    await opened.admit('a');
    const permit = await opened.begin('a', { guess: 3, priceKind: 'z-image' });
    if (permit.kind !== 'go') throw new Error('it may go');
    const figures = { charged: null, checks: 0, downloads: 0, nowMs: 0 };
    await opened.ledger.briefs.finish('a', {
      from: permit.brief,
      line: '{}',
      status: 'cancelled',
      ...figures,
    });
    expect(await opened.ledger.meta()).toMatchObject({ reserved: 3, spent: 0, pending: 0 });
    expect(await opened.account.prices()).toEqual(new Map());
    expect(await opened.inFlight()).toEqual([]);
  });
});
