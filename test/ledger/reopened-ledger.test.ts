import { describe, expect, it } from 'vitest';
import { announcementOfEnd } from '../../src/batch/announce.js';
import { isFinalized } from '../../src/ledger/batch-meta.js';
import { encodeState, type StateOf } from '../../src/ledger/brief-state.js';
import type { Opening } from '../../src/ledger/reopened-ledger.js';
import type { LineStatus } from '../../src/shared/manifest-line.js';
import { openLedger } from '../support/ledger.js';
import { accepted } from './brief-states.js';

const lined = (status: LineStatus, attempt = 1): StateOf<'lined'> => ({
  stage: 'lined',
  attempt,
  fingerprint: 'ab',
  seq: 1,
  status,
});

const admittedAgain = (attempt: number): StateOf<'admitted'> => ({
  stage: 'admitted',
  attempt,
  fingerprint: 'ab',
  seq: 1,
  admittedAt: 1,
  sends: 0,
  refusalId: null,
});

const newAttempt = (status: LineStatus = 'failed', attempt = 2): Opening => {
  const state = lined(status, attempt - 1);
  const from = { text: encodeState(state), state };
  return { from, to: admittedAgain(attempt), content: null, left: null };
};

const reread = (status: LineStatus = 'unknown', left: Opening['left'] = null): Opening => {
  const state = lined(status);
  const to = { ...accepted('task_1'), checks: 3 };
  return { from: { text: encodeState(state), state }, to, content: null, left };
};

const opening = { historyBytes: 7, run: null, cancellation: 'keep' } as const;

/** A batch whose briefs have their lines in the manifest, which is held by `me`. */
async function openHeld(states: Record<string, LineStatus> = { a: 'failed', b: 'failed' }) {
  const opened = await openLedger();
  const { redis, ledger } = opened;
  const { reopened } = ledger;
  await opened.admit(...Object.keys(states));
  for (const [id, status] of Object.entries(states)) {
    const from = await ledger.briefs.read(id);
    if (!from) throw new Error(`${id} was not admitted`);
    const figures = { charged: 0, checks: 3, downloads: 0, nowMs: 0 };
    await ledger.briefs.finish(id, { from, line: lineOf(id), status, ...figures });
    await opened.place(id, lined(status));
  }
  const write = async () => {
    const { length } = await ledger.outbox.all();
    const lines = Array.from({ length }, () => '');
    const { generation, offset } = await ledger.adoption.marks();
    await ledger.outbox.markWritten({ generation, offset, lines }, offset + length);
  };
  await write();
  expect(await reopened.hold('me', 'open')).toMatchObject({ kind: 'held' });
  const open = (entries: Record<string, Opening>, token = 'me') =>
    reopened.open(token, opening, new Map(Object.entries(entries)));
  /** As if the holder had not been heard of for long. */
  const expireHold = () => redis.hset(ledger.keys.meta, 'rewriter_at', 0);
  return { ...opened, reopened, open, write, expireHold };
}

const lineOf = (id: string) => JSON.stringify({ brief_id: id });

describe('open', () => {
  it('S4: opens each brief once, however often and by however many it is called', async () => {
    const { open, ledger, stateOf, reopened } = await openHeld();
    const entries = { a: newAttempt(), b: newAttempt() };
    const answers = await Promise.all([1, 2, 3].map(() => open(entries)));
    expect(answers.flat().filter((answer) => answer === 'opened')).toHaveLength(2);
    expect(answers.flat().filter((answer) => answer === 'passed')).toHaveLength(4);
    expect(await stateOf('a')).toEqual(admittedAgain(2));
    expect(await ledger.meta()).toMatchObject({ pending: 2, lines: { failed: 0 } });
    expect(await reopened.lineAttempts(['a', 'b', 'c'])).toEqual([1, 1, null]);
  });

  it('S4: closing files stand for an earlier admission, also those that are being written', async () => {
    const { ledger, open } = await openHeld();
    await ledger.markAdmission('complete');
    const before = await ledger.meta();
    if (before) await ledger.markFinalized(before, announcementOfEnd(before, 0));
    expect(isFinalized(await ledger.meta())).toBe(true);
    await open({ a: newAttempt() });
    if (before) await ledger.markFinalized(before, announcementOfEnd(before, 0));
    expect(await ledger.meta()).toMatchObject({ stage: 'running', pending: 1 });
  });

  it('S4: leaves a brief alone whose line is on its way, or that is not as it was expected', async () => {
    const { open, stateOf, place, ledger, reopened, redis } = await openHeld();
    await place('a', lined('failed', 2));
    await redis.rpush(ledger.keys.outbox, lineOf('b'));
    expect(await open({ a: newAttempt(), b: newAttempt() })).toEqual(['passed', 'unwritten']);
    expect(await stateOf('a')).toEqual(lined('failed', 2));
    expect(await reopened.any()).toBe(false);
  });

  it('S4: is for the one who holds the manifest alone, of a batch that is there', async () => {
    const { open, expireHold, reopened, ledger, redis } = await openHeld();
    expect(await open({ a: newAttempt() }, 'other')).toBe('overtaken');
    await expireHold();
    await reopened.hold('other', 'open');
    expect(await open({ a: newAttempt() })).toBe('overtaken');
    await ledger.forget();
    expect(await open({ a: newAttempt() }, 'other')).toBe('overtaken');
    expect(await reopened.hold('other', 'open')).toEqual({ kind: 'not_now' });
    expect(await redis.exists(ledger.keys.meta)).toBe(0);
  });

  it('begins a run, and lifts a cancellation, only where it is asked to', async () => {
    const { ledger, reopened } = await openHeld();
    await ledger.set({ cancelled: 1 });
    await reopened.open('me', opening, new Map([['a', newAttempt()]]));
    expect(await ledger.meta()).toMatchObject({ stage: 'cancelled', runs: [] });
    const lift = { ...opening, run: 1, cancellation: 'lift' } as const;
    await reopened.open('me', lift, new Map([['b', newAttempt()]]));
    expect(await ledger.meta()).toMatchObject({ stage: 'admitting', runs: [{ run: 1 }] });
  });

  it('S1: what it is made from is taken with the state that says so', async () => {
    const { open, ledger } = await openHeld();
    await open({
      a: { ...newAttempt('unknown'), content: 'other' },
      b: { ...newAttempt(), content: 'new' },
    });
    expect(await ledger.briefs.readContent('a')).not.toBe('other');
    expect(await ledger.briefs.readContent('b')).toBe('new');
  });

  it('S3 S7: a task that is looked at again has its place in flight, and its checks count once', async () => {
    const { open, inFlight, ledger, stateOf } = await openHeld({ a: 'unknown' });
    await open({ a: reread() });
    expect(await inFlight()).toEqual(['spring\na']);
    expect(await stateOf('a')).toMatchObject({ stage: 'accepted', taskId: 'task_1' });
    expect((await ledger.meta())?.requests.statusChecks).toBe(0);
  });

  it('S4: checks that a lost Redis had counted are not taken off once more', async () => {
    for (const counted of [0, 1]) {
      const { open, ledger } = await openHeld({ a: 'unknown' });
      await ledger.set({ status_checks: counted });
      await open({ a: reread() });
      expect((await ledger.meta())?.requests.statusChecks).toBe(0);
    }
  });

  it('S6: what an attempt in doubt may have cost stays reserved beside the new one', async () => {
    const { open, ledger, redis } = await openHeld({ a: 'unknown' });
    await redis.hset(ledger.keys.reservations, 'a', '4 2026-06-01 z-image');
    await redis.hincrbyfloat(ledger.keys.meta, 'reserved', 4);
    await open({ a: newAttempt('unknown') });
    expect(await redis.hgetall(ledger.keys.reservations)).toEqual({
      'a\n1': '4 2026-06-01 z-image',
    });
    expect((await ledger.meta())?.reserved).toBe(4);
  });

  it('S6: what an abandoned task cost is reserved again instead of spent, once', async () => {
    const { open, ledger, account, redis } = await openHeld({ a: 'cancelled' });
    const day = `${account.keys.day}2026-06-01`;
    await redis.hincrbyfloat(ledger.keys.meta, 'spent', 4.5);
    await redis.hincrbyfloat(day, 'spent', 4.5);
    const left = { credits: 4.5, day: '2026-06-01', kind: 'z-image 10s' };
    for (const _time of [1, 2]) await open({ a: reread('cancelled', left) });
    expect(await ledger.meta()).toMatchObject({ spent: 0, reserved: 4.5 });
    expect(await redis.hgetall(day)).toEqual({ spent: '0', reserved: '4.5' });
    expect(await redis.hget(ledger.keys.reservations, 'a')).toBe('4.5 2026-06-01 z-image 10s');
  });
});

describe('while lines are to leave the manifest', () => {
  it('S4: none is handed out, and none is marked as written', async () => {
    const { ledger, open, reopened, admit } = await openHeld();
    await admit('late');
    const from = await ledger.briefs.read('late');
    if (from === null) throw new Error('it was admitted');
    const figures = { charged: 0, checks: 0, downloads: 0, nowMs: 0 };
    await ledger.briefs.finish('late', {
      from,
      line: lineOf('late'),
      status: 'failed',
      ...figures,
    });
    const page = await ledger.outbox.read(10);
    expect(page).toMatchObject({ kind: 'lines', lines: [lineOf('late')] });
    await open({ a: newAttempt() });
    expect(await ledger.outbox.read(10)).toEqual({
      kind: 'reopened',
      generation: '0',
      offset: 2,
      lines: [],
    });
    expect(await ledger.outbox.markWritten(page, 99)).toBe('was_marked');
    expect(await reopened.settle('me', 1)).toBe('settled');
    expect(await ledger.outbox.markWritten(page, 99)).toBe('was_marked');
    expect(await ledger.outbox.read(10)).toMatchObject({
      kind: 'lines',
      generation: '1',
      offset: 1,
      lines: page.lines,
    });
  });
});

describe('hold', () => {
  it('is given to one at a time, and to the next when that one is not heard of', async () => {
    const { reopened, open, expireHold } = await openHeld();
    expect(await reopened.hold('other', 'open')).toMatchObject({ kind: 'busy' });
    expect(await reopened.hold('other', 'settle')).toEqual({ kind: 'not_now' });
    await open({ a: newAttempt() });
    expect(await reopened.hold('other', 'settle')).toMatchObject({ kind: 'busy' });
    expect(await reopened.hold('me', 'keep')).toMatchObject({ kind: 'held' });
    await expireHold();
    expect(await reopened.hold('other', 'open')).toEqual({ kind: 'not_now' });
    const place = { generation: '0', offset: 2, historyBytes: 7 };
    expect(await reopened.hold('other', 'settle')).toEqual({ kind: 'held', ...place });
    expect(await reopened.hold('me', 'keep')).toMatchObject({ kind: 'busy' });
    expect(await reopened.settle('me', 5)).toBe('overtaken');
    expect(await reopened.settle('other', 1)).toBe('settled');
    expect(await reopened.settle('other', 6)).toBe('overtaken');
    expect(await reopened.hold('me', 'settle')).toEqual({ kind: 'not_now' });
    expect(await reopened.hold('me', 'open')).toMatchObject({ generation: '1', offset: 1 });
  });

  it('cannot be kept by one who was overtaken, however long ago its successor was heard of', async () => {
    const { reopened, open, expireHold } = await openHeld();
    await open({ a: newAttempt() });
    await expireHold();
    await reopened.hold('other', 'settle');
    await expireHold();
    expect(await reopened.hold('me', 'keep')).toMatchObject({ kind: 'busy' });
    expect(await reopened.settle('other', 5)).toBe('settled');
  });

  it('is given back with nothing changed where nothing was opened', async () => {
    const { reopened, ledger } = await openHeld();
    expect(await reopened.settle('me', 99)).toBe('settled');
    expect(await ledger.adoption.marks()).toMatchObject({ generation: '0', offset: 2 });
    expect(await reopened.hold('other', 'open')).toMatchObject({ kind: 'held' });
  });
});

it('any number of briefs is open again until all are settled, in one step', async () => {
  const ids = Array.from({ length: 2_500 }, (_, index) => `sku-${index}`);
  const { open, reopened, ledger } = await openHeld(
    Object.fromEntries(ids.map((id) => [id, 'failed' as const])),
  );
  for (let at = 0; at < ids.length; at += 500) {
    const chunk = ids.slice(at, at + 500);
    await open(Object.fromEntries(chunk.map((id) => [id, newAttempt()])));
  }
  const seen = new Set<string>();
  for await (const briefs of reopened.all()) for (const id of briefs.keys()) seen.add(id);
  expect(seen.size).toBe(2_500);
  expect(await reopened.settle('me', 0)).toBe('settled');
  expect(await reopened.any()).toBe(false);
  expect(await ledger.meta()).toMatchObject({ pending: 2_500 });
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
    const { ledger } = await openHeld();
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
