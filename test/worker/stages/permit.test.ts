import { describe, expect, it } from 'vitest';
import { type UnsentBrief, waitForLeave } from '../../../src/worker/stages/permit.js';
import { pauseBatch } from '../../support/ledger.js';
import { openBench } from './stage-bench.js';

async function openBriefs() {
  const bench = await openBench();
  await bench.admit('a', 'b', 'c');
  const take = async (briefId: string) =>
    (await bench.take({ briefId, attempt: 1 })) as UnsentBrief;
  const briefs = { a: await take('a'), b: await take('b'), c: await take('c') };
  const ask = (id: keyof typeof briefs) => waitForLeave(bench.context, briefs[id]);
  return { ...bench, briefs, ask };
}

describe('waitForLeave', () => {
  it('gives leave, and saves that it is sent', async () => {
    const { ask } = await openBriefs();
    expect(await ask('a')).toMatchObject({
      kind: 'go',
      brief: { state: { stage: 'submitting' } },
    });
  });

  it('says with it how much the account has to give', async () => {
    const { ask, account } = await openBriefs();
    // Eight places, and none of them taken.
    expect(await ask('a')).toMatchObject({ kind: 'go', pressure: 'none', reach: 8 });
    await account.heartbeat('strict', { rate: 1000, inFlight: 2 });
    // Two, and one of them taken: by itself.
    expect(await ask('a')).toMatchObject({ kind: 'go', reach: 3 });
  });

  it('sends elsewhere what has gone on, is done, or was never known', async () => {
    const { ask, context, briefs, ledger } = await openBriefs();
    const { a, b } = briefs;
    const end = { line: '{}', charged: 0, checks: 0, downloads: 0, nowMs: 0 };
    await ledger.briefs.finish('a', { ...end, from: a, status: 'failed' });
    expect(await ask('a')).toMatchObject({ kind: 'passed', state: { stage: 'lined' } });
    const later = { ...b, state: { ...b.state, attempt: 2 } };
    expect(await waitForLeave(context, later)).toMatchObject({
      kind: 'passed',
      state: { attempt: 1 },
    });
    const nobody = { ...b, id: 'nobody' };
    expect(await waitForLeave(context, nobody)).toEqual({ kind: 'passed', state: null });
  });

  it('has nothing to do for what a cancelled batch has not sent', async () => {
    const { ask, ledger } = await openBriefs();
    await ledger.set({ cancelled: 1 });
    expect(await ask('a')).toEqual({ kind: 'stopped' });
  });

  it('waits a moment for the pace, and goes', async () => {
    const { ask, account } = await openBriefs();
    await account.heartbeat('strict', { rate: 5, inFlight: null });
    await account.takeTurn(60_000);
    await account.takeTurn(60_000);
    await account.takeTurn(60_000);
    expect(await ask('a')).toMatchObject({ kind: 'go' });
  });

  it('S2: a pace that is further away holds all', async () => {
    const { ask, account, redis, ledger } = await openBriefs();
    await account.noteRefused(60_000);
    const held = await ask('a');
    expect(held).toMatchObject({ kind: 'hold', of: 'all' });
    expect(held).toHaveProperty('waitMs', expect.closeTo(58_000, -4));
    expect(await redis.hget(ledger.keys.state, 'a')).toMatch(/^admitted/);
  });

  it('S2: credits that are used up hold all until the next probe', async () => {
    const { ask, account } = await openBriefs();
    const probeInMs = await account.park('submission');
    const held = await ask('a');
    expect(held).toMatchObject({ kind: 'hold', of: 'all' });
    if (held.kind === 'hold') expect(held.waitMs).toBeLessThanOrEqual(probeInMs);
  });

  it('S2: an API that is down holds all until it may be there', async () => {
    const { ask, account } = await openBriefs();
    const downForMs = await account.noteDown(null);
    const held = await ask('a');
    expect(held).toMatchObject({ kind: 'hold', of: 'all' });
    if (held.kind === 'hold') expect(held.waitMs).toBeLessThanOrEqual(downForMs);
  });

  it('S2: a refused key holds all, seldom asked for: whoever replaces it tells', async () => {
    const { ask, account } = await openBriefs();
    await account.halt('api_key_revoked', 'no');
    expect(await ask('a')).toEqual({ kind: 'hold', of: 'all', waitMs: 30_000 });
    await account.unhalt();
    expect(await ask('a')).toMatchObject({ kind: 'go' });
  });

  it('S2: places in flight that are taken hold all, without a wait: whoever gives one back tells', async () => {
    const { ask, account, inFlight } = await openBriefs();
    await account.heartbeat('strict', { rate: null, inFlight: 1 });
    const first = await ask('a');
    expect(await ask('b')).toEqual({ kind: 'hold', of: 'all', waitMs: 10_000 });
    expect(await inFlight()).toEqual(['spring\na']);
    expect(first.kind).toBe('go');
  });

  it('S6: the first of its kind holds all for seconds, until its price is known', async () => {
    const { ask } = await openBriefs();
    expect(await ask('a')).toMatchObject({ kind: 'go' });
    const held = await ask('b');
    expect(held).toMatchObject({ kind: 'hold', of: 'all' });
    if (held.kind === 'hold') expect(held.waitMs).toBeLessThanOrEqual(5_000);
  });

  it('S6: under a cap it holds its batch alone, for as long as its task takes, or until it is known', async () => {
    const { ask, ledger } = await openBriefs();
    await ledger.setCaps({ batch: 100, day: undefined });
    expect(await ask('a')).toMatchObject({ kind: 'go' });
    const held = await ask('b');
    expect(held).toMatchObject({ kind: 'hold', of: 'batch_until_account' });
    if (held.kind === 'hold') expect(held.waitMs).toBeGreaterThan(600_000);
  });

  it('S6: a cap holds its batch alone, and is told', async () => {
    const { ask, ledger, notices } = await openBriefs();
    await ledger.setCaps({ batch: 0, day: undefined });
    expect(await ask('a')).toEqual({ kind: 'hold', of: 'batch', waitMs: 600_000 });
    expect(notices).toContainEqual({ kind: 'capped', reason: 'cap' });
  });

  it('S6: a cap of a day holds its batch until the next day at the longest', async () => {
    const { ask, ledger, notices, nowMs } = await openBriefs();
    await ledger.setCaps({ batch: undefined, day: 0 });
    const held = await ask('a');
    expect(held).toMatchObject({ kind: 'hold', of: 'batch' });
    const dayMs = 86_400_000;
    if (held.kind === 'hold') {
      expect(held.waitMs).toBeLessThanOrEqual(dayMs - ((await nowMs()) % dayMs) + 60_000);
    }
    expect(notices).toContainEqual({ kind: 'capped', reason: 'day_cap' });
  });

  it('a pause holds its batch alone, and is told', async () => {
    const { ask, redis, prefix, batch, notices } = await openBriefs();
    await pauseBatch(redis, prefix, batch);
    expect(await ask('a')).toMatchObject({ kind: 'hold', of: 'batch' });
    expect(notices).toContainEqual({ kind: 'paused' });
  });

  it('a batch that was queued again meanwhile holds for this life of it alone', async () => {
    const { context, briefs } = await openBriefs();
    const other = { ...context, createdAt: context.createdAt - 1 };
    expect(await waitForLeave(other, briefs.a)).toMatchObject({ kind: 'hold', of: 'batch' });
  });

  it('gives up its wait for the pace when the process is to stop', async () => {
    const { ask, account, stopping } = await openBriefs();
    await account.heartbeat('strict', { rate: 1, inFlight: null });
    // The fourth turn is three seconds off: two of them a process may hold a leave, one it waits for it.
    for (let turn = 1; turn <= 3; turn += 1) await account.takeTurn(60_000);
    const waiting = ask('a');
    stopping.abort();
    expect(await waiting).toEqual({ kind: 'hold', of: 'all', waitMs: 0 });
  });
});
