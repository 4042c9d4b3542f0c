import { describe, expect, it } from 'vitest';
import { AccountLedger } from '../../src/ledger/account-ledger.js';
import { moves } from '../../src/ledger/moves.js';
import { connect, type OpenLedger, openLedger } from '../support/ledger.js';

const manyTurnsMs = 3_600_000;

/** A second machine with the same account. */
function elsewhere(prefix: string, account: string): AccountLedger {
  return new AccountLedger(connect(), prefix, account);
}

/** Submissions wait for the pace. */
const waitedFor = (account: AccountLedger, redis: OpenLedger['redis']) =>
  redis.hset(account.keys.pace, 'scarce', Date.now() + 60_000);

async function paced(rate: number | null) {
  const opened = await openLedger();
  await opened.account.heartbeat('w1', { rate, inFlight: null });
  const hash = (key: string) => opened.redis.hgetall(key);
  return { ...opened, pace: () => hash(opened.account.keys.pace), hash };
}

describe('the pace', () => {
  it('S7: gives takers on all machines turns that lie one spacing apart', async () => {
    const { account, prefix, nowMs } = await paced(10);
    const other = elsewhere(prefix, account.account);
    const before = await nowMs();
    const turns = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const turn = await (index % 2 ? account : other).takeTurn(manyTurnsMs);
        expect(turn.kind).toBe('taken');
        return turn.waitMs;
      }),
    );
    const after = await nowMs();
    const waits = turns.toSorted((a, b) => a - b);
    // Each wait is counted from the taker's own moment, which lies between the first and the last.
    waits.forEach((waitMs, index) => {
      // 2 % below what was told, so that a late timer does not fill a window of the API with one too many.
      expect(waitMs).toBeGreaterThanOrEqual(index * (100 / 0.98) - (after - before) - 1);
      expect(waitMs).toBeLessThanOrEqual(index * (100 / 0.98) + 1);
    });
  });

  it('S7: keeps no turn for one who would have to wait too long for it', async () => {
    const { account, pace } = await paced(1);
    await account.takeTurn(0);
    const before = await pace();
    const turn = await account.takeTurn(100);
    expect(turn).toMatchObject({ kind: 'too_far' });
    expect(turn.waitMs).toBeGreaterThan(100);
    expect(turn.waitMs).toBeLessThanOrEqual(1_021);
    expect(await pace()).toEqual(before);
  });

  it('does not save up turns while nobody takes any', async () => {
    const { account, redis } = await paced(10);
    await redis.hset(account.keys.pace, 'tat', 1);
    expect(await account.takeTurn(manyTurnsMs)).toMatchObject({ kind: 'taken', waitMs: 0 });
    const second = await account.takeTurn(manyTurnsMs);
    expect(second.waitMs).toBeGreaterThan(50);
  });

  it('starts at two a second where nobody was told a rate', async () => {
    const { account, pace, nowMs } = await paced(null);
    const before = await nowMs();
    await account.takeTurn(manyTurnsMs);
    const { tat } = await pace();
    expect(Number(tat) - before).toBeGreaterThanOrEqual(500);
    expect(Number(tat) - (await nowMs())).toBeLessThanOrEqual(500);
  });
});

describe('turns where they are scarce', () => {
  it('S7: a read that came due first comes first, on whatever machine it asks', async () => {
    const { account, prefix } = await paced(1);
    const other = elsewhere(prefix, account.account);
    // Two seconds' worth of turns are given.
    for (const _ of [1, 2]) await account.takeTurn(2_000);
    const early = await account.takeTurn(0, 'early');
    const late = await other.takeTurn(0, 'late');
    expect([early.kind, late.kind]).toEqual(['too_far', 'too_far']);
    expect(late.waitMs).toBeGreaterThan(early.waitMs);
    // A turn is to be had, and the one that came due earlier has not come back for it yet.
    expect(await other.takeTurn(4_000, 'late')).toMatchObject({ kind: 'taken' });
    const narrow = await other.takeTurn(early.waitMs + 1_500, 'later still');
    expect(narrow.kind).toBe('too_far');
    expect((await account.takeTurn(early.waitMs + 1_500, 'early')).kind).toBe('taken');
  });

  it('S7: one that does not come back for its turn is forgotten', async () => {
    const { account, redis, nowMs } = await paced(1_000);
    await redis.hset(account.keys.pace, 'blocked', (await nowMs()) + 60_000);
    expect((await account.takeTurn(0, 'dead')).kind).toBe('too_far');
    await redis.hset(account.keys.pace, 'blocked', 0);
    await redis.zadd(`${account.keys.pace}:seen`, (await nowMs()) - 1, 'dead');
    expect((await account.takeTurn(0, 'alive')).kind).toBe('taken');
    expect(await redis.exists(`${account.keys.pace}:line`)).toBe(0);
  });

  it('S7: submissions wait for reads in line, and after seven reads one of them comes first', async () => {
    const { account, redis, begin, admit, nowMs } = await paced(100);
    await admit('a');
    await redis.hset(account.keys.pace, 'tat', (await nowMs()) + 1_000);
    expect(await begin('a')).toMatchObject({ kind: 'wait', reason: 'pace' });
    for (let reads = 1; reads <= 7; reads += 1) {
      expect((await account.takeTurn(5_000)).kind).toBe('taken');
    }
    expect((await account.takeTurn(5_000)).kind).toBe('too_far');
    expect(await begin('a')).toMatchObject({ kind: 'go' });
    expect((await account.takeTurn(5_000)).kind).toBe('taken');
  });

  it('S7: submissions and reads that are counted apart keep a pace each', async () => {
    const { account, begin, admit } = await paced(null);
    await account.heartbeat('w1', { submitRate: 0.01, readRate: 100 });
    await admit('a', 'b');
    expect(await begin('a')).toMatchObject({ kind: 'go', waitMs: 0 });
    expect(await begin('b')).toMatchObject({ kind: 'wait', reason: 'pace' });
    // What people are shown is what submissions wait for.
    expect(await account.view()).toMatchObject({
      pressure: 'rate',
      told: { rate: 0.01, rateOption: '--submit-rate' },
    });
    for (let reads = 1; reads <= 20; reads += 1) {
      expect((await account.takeTurn(1_000)).kind).toBe('taken');
    }
    await account.noteRefused(60_000, 'submit');
    expect((await account.takeTurn(1_000)).kind).toBe('taken');
    expect(await account.view()).toMatchObject({ refusals: 1 });
    await account.noteRefused(60_000, 'read');
    expect((await account.takeTurn(1_000)).kind).toBe('too_far');
  });

  it('says what limits: the pace, places in flight, or nothing', async () => {
    const { account, redis, begin, admit } = await paced(0.01);
    await admit('a', 'b');
    expect(await account.takeTurn(0)).toMatchObject({ pressure: 'none' });
    expect(await begin('a', { longestWaitMs: 0 })).toMatchObject({ kind: 'wait', reason: 'pace' });
    expect(await account.takeTurn(0)).toMatchObject({ pressure: 'rate' });
    await redis.hdel(account.keys.pace, 'scarce');
    expect(await begin('b', { cap: 0 })).toMatchObject({ kind: 'wait', reason: 'in_flight' });
    expect(await account.takeTurn(0)).toMatchObject({ pressure: 'in_flight' });
    expect((await account.view()).pressure).toBe('in_flight');
  });

  it('says so for as long as whoever waits is not to ask again', async () => {
    const { account, redis, begin, admit, nowMs } = await paced(0.01);
    await admit('a', 'b');
    const place = await begin('a', { cap: 0 });
    if (place.kind !== 'wait') throw new Error('there is no place');
    await redis.hset(account.keys.pace, 'full', (await nowMs()) - place.waitMs + 500);
    expect(await account.takeTurn(0)).toMatchObject({ pressure: 'in_flight' });
    expect((await account.view()).pressure).toBe('in_flight');
    await redis.hdel(account.keys.pace, 'full');
    const turn = await begin('b', { longestWaitMs: 0 });
    if (turn.kind !== 'wait') throw new Error('there is no turn');
    await redis.hset(account.keys.pace, 'scarce', (await nowMs()) - turn.waitMs + 5_000);
    expect(await account.takeTurn(0)).toMatchObject({ pressure: 'rate' });
    expect((await account.view()).pressure).toBe('rate');
  });
});

describe('limits of live workers', () => {
  const spacingMs = async (account: AccountLedger) => {
    const { waitMs: first } = await account.takeTurn(manyTurnsMs);
    const { waitMs: second } = await account.takeTurn(manyTurnsMs);
    return second - first;
  };

  it('S7: the strictest counts, for rate and in-flight cap apart', async () => {
    const { account, redis, begin, admit } = await paced(null);
    await account.heartbeat('w1', { rate: 0.01, inFlight: 5 });
    await account.heartbeat('w2', { rate: 50, inFlight: 1 });
    await account.heartbeat('w3', { rate: null, inFlight: null });
    expect(await spacingMs(account)).toBeGreaterThan(90_000);
    await admit('a', 'b');
    await redis.hdel(account.keys.pace, 'tat');
    const wide = { cap: 8, longestWaitMs: manyTurnsMs };
    expect(await begin('a', wide)).toMatchObject({ kind: 'go' });
    expect(await begin('b', wide)).toMatchObject({ kind: 'wait', reason: 'in_flight' });
  });

  it('S7: a worker that left, or was not heard of lately, counts no more with the next heartbeat', async () => {
    const { account, redis, nowMs, hash } = await paced(null);
    const { workers } = account.keys;
    await account.heartbeat('w2', { rate: 0.01, inFlight: null });
    await account.leave('w2');
    await redis.hset(workers, 'stale', `${(await nowMs()) - 10_500} 0.01 1`);
    await redis.hset(workers, 'alive', `${(await nowMs()) - 5_000} 100 -`);
    await redis.hset(workers, 'garbled', 'what is this');
    expect((await account.heartbeat('w1', { rate: null, inFlight: null })).sort()).toEqual([
      'alive',
    ]);
    expect(await spacingMs(account)).toBeLessThanOrEqual(11);
    expect(Object.keys(await hash(workers)).sort()).toEqual(['alive', 'w1']);
  });
});

describe('a brief is found by its task', () => {
  const taken = { taskId: 'task_1', reserved: 1, submittedAt: 1, kind: null } as const;

  async function acceptedBrief(hints: 'hints' | 'none') {
    const opened = await paced(1_000);
    await opened.account.heartbeat('w2', {}, hints);
    await opened.admit('a\nb');
    const permit = await opened.begin('a\nb');
    if (permit.kind !== 'go') throw new Error('the only brief may go');
    const to = moves.accepted(permit.brief.state, { ...taken, category: 'image' });
    const moved = await opened.ledger.briefs.move('a\nb', { from: permit.brief, to });
    if (moved.kind !== 'moved') throw new Error('nobody else moves it');
    return { ...opened, brief: moved.brief };
  }

  it('while a live worker takes hints, and no more once the task is over', async () => {
    const { account, ledger, redis, batch, brief } = await acceptedBrief('hints');
    const found = { batch, briefId: 'a\nb' };
    expect(await account.briefsOf(['task_2', 'task_1'])).toEqual([null, found]);
    expect(await redis.pttl(`${account.keys.tasks}task_1`)).toBeGreaterThan(3_600_000);
    const checked = moves.lookedAt(brief.state, 2);
    const moved = await ledger.briefs.move('a\nb', { from: brief, to: checked });
    if (moved.kind !== 'moved') throw new Error('nobody else moves it');
    expect(await account.briefsOf(['task_1'])).toEqual([found]);
    const over = { reserved: 1, final: 1, completedAt: 3 };
    await ledger.briefs.move('a\nb', { from: moved.brief, to: moves.succeeded(checked, over) });
    expect(await account.briefsOf(['task_1'])).toEqual([null]);
  });

  it('by nobody where no worker takes hints: nothing is kept for it', async () => {
    const { account, redis } = await acceptedBrief('none');
    expect(await account.briefsOf(['task_1'])).toEqual([null]);
    expect(await redis.keys(`${account.keys.tasks}*`)).toEqual([]);
    // And none does any more once that worker has left.
    await account.heartbeat('w2', {}, 'hints');
    expect(await redis.hget(account.keys.pace, 'hints')).toBe('taken');
    await account.leave('w2');
    await account.heartbeat('w1', {});
    expect(await redis.hget(account.keys.pace, 'hints')).toBe('');
  });
});

describe('a 429', () => {
  it('S7: holds every request of the account for as long as Retry-After says', async () => {
    const { account, prefix, begin, admit } = await paced(1_000);
    expect(await account.noteRefused(30_000)).toBe(30_000);
    const turn = await elsewhere(prefix, account.account).takeTurn(2_000);
    expect(turn.kind).toBe('too_far');
    expect(turn.waitMs).toBeGreaterThan(20_000);
    await admit('a');
    const wait = await begin('a', { longestWaitMs: 2_000 });
    expect(wait).toMatchObject({ kind: 'wait', reason: 'pace' });
    expect(await account.view()).toMatchObject({ refusals: 1, inFlight: 0 });
  });

  it('S7: never shortens a wait that was asked for before', async () => {
    const { account } = await paced(1_000);
    await account.noteRefused(30_000);
    expect(await account.noteRefused(1_000)).toBeGreaterThan(20_000);
  });

  it('S7: without Retry-After backs off 1 to 2 s, doubling at each that comes after the last', async () => {
    const { account, redis, pace } = await paced(null);
    const waits: number[] = [];
    for (let refusals = 1; refusals <= 9; refusals += 1) {
      waits.push(await account.noteRefused(null));
      await redis.hset(account.keys.pace, 'blocked', 1);
    }
    waits.forEach((waitMs, index) => {
      const fullMs = Math.min(30_000, 2_000 * 2 ** index);
      expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2);
      expect(waitMs).toBeLessThanOrEqual(fullMs);
    });
    expect(await pace()).toMatchObject({ refusals: '9', refused: '9' });
  });

  it('S7: those on their way at the first refusal are part of the same event', async () => {
    const { account, pace } = await paced(null);
    await account.noteRefused(5_000);
    const { rate } = await pace();
    await Promise.all([1, 2, 3].map(() => account.noteRefused(5_000)));
    expect(await pace()).toMatchObject({ rate, refusals: '1', refused: '4' });
  });

  it('S7: lowers the learned rate, which rises again only after a long hold', async () => {
    const { account, redis, pace } = await paced(null);
    const rate = async () => Number((await pace()).rate);
    await waitedFor(account, redis);
    await account.noteTaken();
    await account.noteTaken();
    expect(await rate()).toBe(2.5);
    await account.noteRefused(1_000);
    const lowered = await rate();
    expect(lowered).toBeCloseTo(2, 5);
    await redis.hset(account.keys.pace, { blocked: 1, raised: 1, hold_until: 1 });
    await account.noteTaken();
    expect(await rate()).toBe(lowered);
    expect(await pace()).toMatchObject({ refusals: '0', limited: '1' });
    await redis.hset(account.keys.pace, { booked: 1_000 });
    await account.noteTaken();
    expect(await rate()).toBeCloseTo(lowered * 1.05, 5);
  });

  it('S7: a single one at a told rate holds, and is not learned from; a second one soon is', async () => {
    const { account, redis, pace } = await paced(10);
    expect(await account.noteRefused(1_000)).toBe(1_000);
    expect((await pace()).rate).toBeUndefined();
    await redis.hset(account.keys.pace, 'blocked', 1);
    await account.noteTaken('submit');
    await account.noteRefused(1_000);
    expect(Number((await pace()).rate)).toBeLessThan(9.8);
  });

  it('S7: at a told rate, a second one in a row is learned from by what went through lately', async () => {
    const { account, redis, pace, nowMs } = await paced(10);
    // An event of long ago, and hours in which next to nothing was sent.
    const longAgo = (await nowMs()) - 20_000_000;
    await redis.hset(account.keys.pace, {
      event: longAgo,
      event_rate: 1,
      cycle: longAgo,
      booked: 3,
    });
    await account.noteRefused(1_000);
    await redis.hset(account.keys.pace, 'blocked', 1);
    await account.noteRefused(1_000);
    expect(Number((await pace()).rate)).toBeGreaterThanOrEqual(4.9);
  });

  it('S7: about running tasks, lowers the in-flight cap and not the pace', async () => {
    const { account, redis, begin, admit, pace } = await paced(1_000);
    await admit('a', 'b', 'c');
    expect(await begin('a')).toMatchObject({ kind: 'go' });
    expect(await begin('b')).toMatchObject({ kind: 'go' });
    await account.noteTooManyRunning(8);
    expect(await pace()).toMatchObject({ places: '1' });
    expect((await account.view()).learnedInFlight).toBe(1);
    expect((await pace()).rate).toBeUndefined();
    expect(await begin('c')).toMatchObject({ kind: 'wait', reason: 'in_flight' });
    await redis.zrem(account.keys.inFlight, 'spring\na', 'spring\nb');
    expect(await begin('c')).toMatchObject({ kind: 'go' });
  });

  it('learns nothing of a pace that was told, or that nobody waits for', async () => {
    const { account, redis, pace } = await paced(null);
    await account.noteTaken();
    expect((await pace()).rate).toBeUndefined();
    await waitedFor(account, redis);
    await account.heartbeat('told', { rate: 5, inFlight: null });
    await account.noteTaken();
    expect((await pace()).rate).toBeUndefined();
    await account.leave('told');
    await account.heartbeat('w1', { rate: null, inFlight: null });
    await account.noteTaken();
    expect((await pace()).rate).toBe('2.5');
  });

  it('keeps the learned rate within bounds', async () => {
    const { account, redis, pace } = await paced(null);
    const learned = Date.now();
    await redis.hset(account.keys.pace, { rate: 0.0051, learned });
    await account.noteRefused(60_000);
    expect(Number((await pace()).rate)).toBeCloseTo(0.005, 9);
    await redis.hset(account.keys.pace, { rate: 199, learned, raised: 1 });
    await redis.hdel(account.keys.pace, 'limited');
    await waitedFor(account, redis);
    await account.noteTaken();
    expect((await pace()).rate).toBe('200');
  });

  it('trusts what was learned long ago by less', async () => {
    const { account, redis, pace } = await paced(null);
    await redis.hset(account.keys.pace, {
      rate: 10,
      learned: Date.now() - 86_400_000 - 1,
      limited: 1,
    });
    await account.takeTurn(0);
    expect(await pace()).toMatchObject({ rate: '7' });
    expect((await pace()).limited).toBeUndefined();
  });
});

describe('rate-limit headers that nobody documents', () => {
  /** Milliseconds where seconds are meant: eight hours and more. */
  const odd = { limit: null, remaining: 0, resetMs: 30_000_000 };

  it('S7: that say that nothing is left hold everybody for ten seconds at most, and say so', async () => {
    const { account, prefix } = await paced(null);
    const heldMs = await account.noteTaken('read', odd);
    expect(heldMs).toBeGreaterThan(9_000);
    expect(heldMs).toBeLessThanOrEqual(10_000);
    const turn = await elsewhere(prefix, account.account).takeTurn(2_000);
    expect(turn.kind).toBe('too_far');
    expect(turn.waitMs).toBeLessThanOrEqual(10_000);
    expect(await account.view()).toMatchObject({ rest: { by: 'headers' } });
  });

  it('S7: are left alone once the API lets through what they said it would not', async () => {
    const { account, redis, pace } = await paced(null);
    await account.noteTaken('read', odd);
    // Ten seconds are over.
    await redis.hset(account.keys.pace, 'hint_blocked', 1);
    expect((await account.takeTurn(0)).kind).toBe('taken');
    for (const hint of [odd, { ...odd, remaining: 1 }, { ...odd, resetMs: 60_000 }]) {
      expect(await account.noteTaken('read', hint)).toBe(0);
    }
    expect((await account.takeTurn(2_000)).kind).toBe('taken');
    expect((await account.view()).rest).toBeNull();
    // For an hour, not for good.
    await redis.hset(account.keys.pace, 'hints_doubted', 1);
    expect(await account.noteTaken('read', odd)).toBeGreaterThan(9_000);
    expect(Number((await pace()).claim)).toBeGreaterThan(0);
  });

  it('S7: give way to a refusal, which says itself how long to wait', async () => {
    const { account, redis } = await paced(null);
    await account.noteTaken('read', odd);
    await redis.hset(account.keys.pace, 'hint_blocked', 1);
    expect(await account.noteRefused(2_000)).toBe(2_000);
    await redis.hset(account.keys.pace, 'blocked', 1);
    // Right after all: they are believed again.
    expect(await account.noteTaken('read', odd)).toBeGreaterThan(9_000);
  });

  it('S7: are lifted by a rate that a person tells', async () => {
    const { account } = await paced(null);
    await account.noteTaken('read', odd);
    await account.heartbeat('told', { rate: 10, inFlight: null });
    expect((await account.takeTurn(0)).kind).toBe('taken');
    expect((await account.view()).rest).toBeNull();
  });

  it('S7: of a long window slow nobody down before they were seen to count down', async () => {
    const { account, redis, pace } = await paced(null);
    const odd = (resetMs: number) => ({ limit: 60, remaining: 10, resetMs });
    await account.noteTaken('read', odd(3_600_000));
    expect((await pace()).hinted).toBeUndefined();
    // Five seconds later a unit of a thousandth has gone down by a thousand times as much.
    await redis.hset(account.keys.pace, 'long_since', (await pace()).long_since ?? 0);
    await redis.hincrby(account.keys.pace, 'long_end', -5_000);
    await redis.hincrby(account.keys.pace, 'long_since', -5_000);
    await account.noteTaken('read', odd(3_600_000));
    expect((await pace()).hinted).toBeUndefined();
    await redis.hincrby(account.keys.pace, 'long_since', -5_000);
    await account.noteTaken('read', odd(3_600_000));
    // And then by no more than to one request in ten seconds.
    expect(Number((await pace()).hinted)).toBeCloseTo(0.1 * 0.98, 5);
  });

  it('S7: that promise more than goes through raise nothing', async () => {
    const { account, redis, pace } = await paced(null);
    await account.noteRefused(1_000);
    await redis.hset(account.keys.pace, 'blocked', 1);
    const before = Number((await pace()).rate);
    await account.noteTaken('read', { limit: 1e9, remaining: 1e9, resetMs: 1_000 });
    expect(Number((await pace()).hinted)).toBe(before);
  });

  it('S7: that an earlier version believed for years hold nobody', async () => {
    const { account, redis, nowMs } = await paced(null);
    const years = (await nowMs()) + 1e12;
    await redis.hset(account.keys.pace, { blocked: years, hinted: 0.005, hinted_until: years });
    const turn = await account.takeTurn(2_000);
    expect(turn).toMatchObject({ kind: 'taken', spacingMs: 500 });
  });
});

describe('an account out of credits', () => {
  it('parks, and doubles the time between probes from 5 to 60 s', async () => {
    const { account } = await paced(null);
    expect(await account.park('submission')).toBe(5_000);
    const waits: number[] = [];
    for (let probes = 0; probes < 5; probes += 1) waits.push(await account.park('probe'));
    expect(waits).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
    const { gate } = await account.view();
    expect(gate).toMatchObject({ kind: 'parked' });
  });

  it('takes submissions that were on their way for the same event', async () => {
    const { account } = await paced(null);
    await account.park('submission');
    const before = (await account.view()).gate;
    const waits = await Promise.all([1, 2, 3].map(() => account.park('submission')));
    for (const waitMs of waits) expect(waitMs).toBeLessThanOrEqual(5_000);
    expect((await account.view()).gate).toEqual(before);
  });

  it('begins again after credits came back', async () => {
    const { account } = await paced(null);
    await account.park('submission');
    await account.park('probe');
    await account.unpark();
    expect((await account.view()).gate).toEqual({ kind: 'open' });
    expect(await account.park('submission')).toBe(5_000);
  });
});

describe('an API that is down', () => {
  it('waits 2 s, then twice as long each time, a minute at most', async () => {
    const { account, redis } = await paced(null);
    const waits: number[] = [];
    for (let times = 0; times < 7; times += 1) {
      waits.push(await account.noteDown(null));
      await redis.hset(account.keys.gate, 'down_until', 1);
    }
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('honours Retry-After, and takes what follows at once for the same event', async () => {
    const { account } = await paced(null);
    expect(await account.noteDown(90_000)).toBe(90_000);
    const again = await account.noteDown(null);
    expect(again).toBeGreaterThan(80_000);
    expect(again).toBeLessThanOrEqual(90_000);
  });

  it('begins again once it was up', async () => {
    const { account } = await paced(null);
    await account.noteDown(null);
    expect((await account.view()).downUntilMs).toBeGreaterThan(0);
    await account.noteUp();
    expect((await account.view()).downUntilMs).toBe(0);
    expect(await account.noteDown(null)).toBe(2_000);
  });
});

describe('a refused key', () => {
  it('halts whatever else holds, until a person has acted', async () => {
    const { account } = await paced(null);
    await account.park('submission');
    await account.halt('api_key_revoked', 'Use another one.');
    expect((await account.view()).gate).toEqual({
      kind: 'halted',
      code: 'api_key_revoked',
      message: 'Use another one.',
    });
    await account.unhalt();
    expect((await account.view()).gate.kind).toBe('parked');
  });
});

it('S7: two accounts share nothing', async () => {
  const { account, prefix } = await paced(1_000);
  const other = elsewhere(prefix, 'account-2');
  await account.noteRefused(60_000);
  await account.park('submission');
  expect((await other.view()).gate).toEqual({ kind: 'open' });
  expect(await other.takeTurn(0)).toMatchObject({ kind: 'taken', waitMs: 0 });
});
