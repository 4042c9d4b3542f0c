import { describe, expect, it, vi } from 'vitest';
import { Pacer } from '../../../src/worker/pacing/pacer.js';
import { endless } from '../../../src/worker/polling/policy.js';
import { openLedger } from '../../support/ledger.js';
import { ShiftedClock } from '../stages/stage-bench.js';

async function openPacer(rate: number | null = 1_000) {
  const opened = await openLedger();
  await opened.account.heartbeat('test', { rate, inFlight: null });
  const clock = new ShiftedClock();
  const stopping = new AbortController();
  const pacer = new Pacer(opened.account, stopping.signal, () => clock.now());
  const tat = () => opened.redis.hget(opened.account.keys.pace, 'tat');
  return { ...opened, clock, stopping, pacer, tat };
}

describe('a turn', () => {
  it('S2: is not waited for when it is more than two seconds away, nor kept', async () => {
    const { pacer, account, tat } = await openPacer();
    await account.noteRefused(60_000);
    const before = await tat();
    const turn = await pacer.turn();
    expect(turn).toMatchObject({ kind: 'too_far' });
    expect(turn.kind === 'too_far' && turn.waitMs).toBeGreaterThan(50_000);
    expect(await tat()).toBe(before);
  });

  it('S7: comes when it was promised, not before', async () => {
    const { pacer, nowMs } = await openPacer(20);
    const startedAt = await nowMs();
    for (const _ of [1, 2, 3, 4]) expect(await pacer.turn()).toEqual({ kind: 'now' });
    // Three spacings of 51 ms lie between the first and the fourth; timers may be a millisecond early.
    expect((await nowMs()) - startedAt).toBeGreaterThanOrEqual(148);
  });

  it('S7: is not taken early when the process is to stop', async () => {
    const { pacer, stopping } = await openPacer(1);
    expect(await pacer.turn()).toEqual({ kind: 'now' });
    const waiting = pacer.turn();
    stopping.abort();
    expect(await waiting).toMatchObject({ kind: 'too_far' });
    expect(await pacer.turn()).toMatchObject({ kind: 'too_far' });
  });
});

describe('a wait', () => {
  it('ends at once when the process is to stop, and does not begin after that', async () => {
    const { pacer, stopping } = await openPacer();
    const waiting = pacer.wait(3_600_000);
    stopping.abort();
    expect(await waiting).toBe('stopping');
    expect(await pacer.wait(3_600_000)).toBe('stopping');
    expect(await pacer.wait(0)).toBe('stopping');
  });

  it('is none where there is nothing to wait for', async () => {
    const { pacer } = await openPacer();
    expect(await pacer.wait(0)).toBe('waited');
    expect(await pacer.wait(-5)).toBe('waited');
    expect(await pacer.wait(2)).toBe('waited');
  });
});

it('tells the shared pace of success at most once a second', async () => {
  const { pacer, clock, redis, account } = await openPacer(null);
  const rate = () => redis.hget(account.keys.pace, 'rate');
  // Somebody waits for a turn: only then is there something to learn.
  await redis.hset(account.keys.pace, 'scarce', Date.now() + 60_000);
  await pacer.taken('read', null);
  expect(await rate()).toBe('2.5');
  await redis.hset(account.keys.pace, 'raised', 1);
  await pacer.taken('read', null);
  expect(await rate()).toBe('2.5');
  clock.aheadMs += 1_000;
  await pacer.taken('read', null);
  expect(Number(await rate())).toBeGreaterThan(3);
});

it('S7: tells the shared pace of every 429', async () => {
  const { pacer, account } = await openPacer();
  expect(await pacer.refused('read', 30_000)).toBe(30_000);
  expect(await pacer.refused('read', null)).toBeGreaterThan(20_000);
  expect((await account.view()).refusals).toBe(2);
});

it('S7: a 429 takes back the turns that wait in this process', async () => {
  const { pacer, account } = await openPacer(2);
  expect(await pacer.turn()).toEqual({ kind: 'now' });
  const waiting = pacer.turn();
  // Its turn has been given when the next one asks for a later one.
  while ((await account.takeTurn(0)).waitMs < 600) await new Promise(setImmediate);
  await pacer.refused('submit', 60_000);
  expect(await waiting).toMatchObject({ kind: 'too_far' });
  const again = await pacer.turn();
  expect(again.kind === 'too_far' && again.waitMs).toBeGreaterThan(50_000);
});

describe('how busy the account is', () => {
  async function leave({ begin, admit }: Awaited<ReturnType<typeof openPacer>>, id: string) {
    await admit(id);
    const permit = await begin(id, { cap: 8 });
    if (permit.kind !== 'go') throw new Error(permit.kind);
    return permit;
  }

  it('is not known before anybody has asked for leave or a turn', async () => {
    const { pacer } = await openPacer();
    expect(pacer.load(1)).toEqual({ pressure: 'none', ahead: endless });
    expect(pacer.load(Number.POSITIVE_INFINITY)).toEqual({ pressure: 'none', ahead: endless });
  });

  it('comes with leave to submit: what is left, and what there are places for, at the pace', async () => {
    const opened = await openPacer(10 / 0.98);
    const { pacer } = opened;
    pacer.noteLoad(await leave(opened, 'a'));
    expect(pacer.load(50)).toEqual({ pressure: 'none', ahead: { leftMs: 5_000, placedMs: 800 } });
    // It waits for its turn, and the first holds a place.
    pacer.noteLoad(await leave(opened, 'b'));
    expect(pacer.load(50)).toEqual({ pressure: 'rate', ahead: { leftMs: 5_000, placedMs: 900 } });
    // Whatever was read last: one is in hand.
    expect(pacer.load(0).ahead.leftMs).toBe(100);
    expect(pacer.load(Number.POSITIVE_INFINITY).ahead.leftMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('comes with each turn, but for the places', async () => {
    const opened = await openPacer(10 / 0.98);
    const { pacer, account } = opened;
    pacer.noteLoad(await leave(opened, 'a'));
    await account.heartbeat('slower', { rate: 5 / 0.98, inFlight: null });
    pacer.noteTurn(await account.takeTurn(60_000));
    expect(pacer.load(50).ahead).toEqual({ leftMs: 10_000, placedMs: 1_600 });
  });
});

it('S7: a process that stood still does not send its turns at once', async () => {
  const { pacer } = await openPacer();
  const startedAtMs = performance.now();
  const turns = [1, 2, 3].map(() => pacer.keepTurn({ waitMs: 0, spacingMs: 100 }));
  expect(await Promise.all(turns)).toEqual(['now', 'now', 'now']);
  // Nearly a spacing from one to the next; timers may be a millisecond early.
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(194);
});

it.each([-3_600_000, 3_600_000])(
  'S7: keeps turns whatever becomes of the time of day on its machine: %d ms',
  async (jumpMs) => {
    const { account, stopping } = await openPacer(20);
    const pacer = new Pacer(account, stopping.signal);
    expect(await pacer.turn()).toEqual({ kind: 'now' });
    const startedAtMs = performance.now();
    const jumped = Date.now() + jumpMs;
    vi.spyOn(Date, 'now').mockReturnValue(jumped);
    try {
      expect(await pacer.turn()).toEqual({ kind: 'now' });
      expect(await pacer.turn()).toEqual({ kind: 'now' });
    } finally {
      vi.restoreAllMocks();
    }
    // Two spacings of 51 ms, but for what went by before the first; timers may be a millisecond early.
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(50);
  },
);
