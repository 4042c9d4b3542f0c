import { describe, expect, it } from 'vitest';
import { LedgerClock, readLedgerMs } from '../../src/ledger/clock.js';
import { clockKey } from '../../src/ledger/keys.js';
import type { MachineTime } from '../../src/shared/clock.js';
import { longestSinceMs, wasSetBack } from '../../src/shared/clock.js';
import { openLedger } from '../support/ledger.js';

const setBackMs = 120_000;

/** A ledger whose Redis has just been set back: what is kept in it was written by its earlier time. */
async function openSetBack() {
  const opened = await openLedger();
  const { redis, prefix, account, nowMs } = opened;
  await account.heartbeat('w1', { rate: 10, inFlight: null });
  const before = (await nowMs()) + setBackMs;
  await redis.set(clockKey(prefix), `${before} 0`);
  return { ...opened, before };
}

describe("Redis' clock is set back", () => {
  it('S7: the pace goes on, and holds last no longer', async () => {
    const { account, redis, before, admit, begin } = await openSetBack();
    await redis.hset(account.keys.pace, 'tat', before + 50);
    await redis.hset(account.keys.gate, 'down_until', before + 1_000);
    const turn = await account.takeTurn(500);
    expect(turn.kind).toBe('taken');
    expect(turn.waitMs).toBeLessThanOrEqual(50);
    await admit('a');
    const permit = await begin('a');
    expect(permit).toMatchObject({ kind: 'wait', reason: 'api_down' });
    expect(permit.kind === 'wait' && permit.waitMs).toBeLessThanOrEqual(1_000);
  });

  it('S7: a turn that lies further ahead than any is given is void', async () => {
    const { account, redis, nowMs } = await openLedger();
    await account.heartbeat('w1', { rate: 10, inFlight: null });
    await redis.hset(account.keys.pace, 'tat', (await nowMs()) + 365 * 86_400_000);
    expect(await account.takeTurn(500)).toMatchObject({ kind: 'taken', waitMs: 0 });
  });

  it('S1: a send that is open stays open, and its key gets no younger', async () => {
    const { admit, begin, place, before, stateOf } = await openSetBack();
    await admit('a', 'b');
    const admitted = await stateOf('a');
    if (admitted?.stage !== 'admitted') throw new Error('it was just admitted');
    await place('a', { ...admitted, stage: 'submitting', sends: 1, firstSentAt: before - 5_000 });
    const again = await begin('a');
    expect(again).toMatchObject({ kind: 'go', earlier: 'open' });
    expect(again.kind === 'go' && again.nowMs - (before - 5_000)).toBeGreaterThanOrEqual(5_000);
    expect(await begin('b')).toMatchObject({ kind: 'go', earlier: 'none' });
  });

  it('S1: a send is open by what was noted of it, whatever any clock says', async () => {
    const { admit, begin, place, nowMs, stateOf } = await openLedger();
    await admit('a');
    const admitted = await stateOf('a');
    if (admitted?.stage !== 'admitted') throw new Error('it was just admitted');
    const firstSentAt = (await nowMs()) + setBackMs;
    await place('a', { ...admitted, stage: 'submitting', sends: 1, firstSentAt });
    expect(await begin('a')).toMatchObject({ kind: 'go', earlier: 'open' });
  });

  it('gives back what was added, a tenth of the time that goes by; readers and scripts agree', async () => {
    const { account, redis, prefix, nowMs } = await openLedger();
    const key = clockKey(prefix);
    for (const [noted, aheadMs] of [
      [`${(await nowMs()) - 100_000} 60000`, 50_000],
      [`${(await nowMs()) - 900_000} 60000`, 0],
      [`${(await nowMs()) + 30_000} 60000`, 90_000],
    ] as const) {
      await redis.set(key, noted);
      const read = await readLedgerMs(redis, key);
      await account.heartbeat('w1', {});
      const [written] = ((await redis.hget(account.keys.workers, 'w1')) ?? '').split(' ');
      const after = await nowMs();
      expect(after - read + aheadMs).toBeLessThan(2_000);
      expect(after - read + aheadMs).toBeGreaterThanOrEqual(-2);
      expect(Math.abs(Number(written) - read)).toBeLessThan(2_000);
    }
  });
});

describe('LedgerClock', () => {
  async function open() {
    const redis = { ms: 1_000_000, reads: 0 };
    const machine: MachineTime = { wallMs: 5_000_000, steadyMs: 100 };
    const clock = await LedgerClock.open(
      async () => {
        redis.reads += 1;
        return redis.ms;
      },
      () => ({ ...machine }),
    );
    /** So much time goes by, for everybody awake. */
    const pass = (ms: number) => {
      redis.ms += ms;
      machine.wallMs += ms;
      machine.steadyMs += ms;
    };
    return { redis, machine, clock, pass };
  }

  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('goes on by itself between two looks, whatever becomes of the time of day', async () => {
    const { redis, machine, clock, pass } = await open();
    pass(1_500);
    machine.wallMs -= 3_600_000;
    expect(clock.now()).toBe(redis.ms);
    await settled();
    expect(clock.now()).toBe(redis.ms);
  });

  it('looks again where the machine slept, which stops one of its clocks', async () => {
    const { redis, machine, clock } = await open();
    redis.ms += 3_600_000;
    machine.wallMs += 3_600_000;
    clock.now();
    await settled();
    expect(clock.now()).toBe(redis.ms);
  });

  it('looks now and then, not with each question', async () => {
    const { redis, clock, pass } = await open();
    for (let asked = 0; asked < 100; asked += 1) clock.now();
    expect(redis.reads).toBe(1);
    pass(5_500);
    clock.now();
    clock.now();
    expect(redis.reads).toBe(2);
  });
});

describe('the two clocks of a machine', () => {
  it('tell a time of day that was set back from a machine that slept or was idle', () => {
    const then = { wallMs: 1_000_000, steadyMs: 50 };
    expect(wasSetBack(then, { wallMs: 1_002_000, steadyMs: 2_050 })).toBe(false);
    expect(wasSetBack(then, { wallMs: 9_000_000, steadyMs: 2_050 })).toBe(false);
    expect(wasSetBack(then, { wallMs: 990_000, steadyMs: 2_050 })).toBe(true);
  });

  it('S1: neither a sleep nor a time of day that was set back makes a long time short', () => {
    const then = { wallMs: 1_000_000, steadyMs: 50 };
    expect(longestSinceMs(then, { wallMs: 1_700_000, steadyMs: 51 })).toBe(700_000);
    expect(longestSinceMs(then, { wallMs: 1, steadyMs: 700_050 })).toBe(700_000);
  });
});
