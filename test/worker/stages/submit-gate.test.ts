import { describe, expect, it } from 'vitest';
import type { UnsentBrief } from '../../../src/worker/stages/permit.js';
import { openBench } from './stage-bench.js';

async function openGate() {
  const bench = await openBench();
  await bench.admit('a', 'b', 'c');
  const take = async (briefId: string) =>
    (await bench.take({ briefId, attempt: 1 })) as UnsentBrief;
  const briefs = { a: await take('a'), b: await take('b'), c: await take('c') };
  const enter = (id: keyof typeof briefs) => bench.gate.enter(briefs[id]);
  return { ...bench, briefs, enter };
}

describe('SubmitGate', () => {
  it('gives leave, and saves that it is sent', async () => {
    const { enter } = await openGate();
    expect(await enter('a')).toMatchObject({
      kind: 'go',
      brief: { state: { stage: 'submitting' } },
    });
  });

  it('sends elsewhere what has gone on, is done, or was never known', async () => {
    const { enter, gate, briefs, ledger } = await openGate();
    const { a, b } = briefs;
    const end = { line: '{}', charged: 0, checks: 0, downloads: 0, nowMs: 0 };
    await ledger.briefs.finish('a', { ...end, from: a, status: 'failed' });
    expect(await enter('a')).toMatchObject({ kind: 'passed', state: { stage: 'lined' } });
    const later = { ...b, state: { ...b.state, attempt: 2 } };
    expect(await gate.enter(later)).toMatchObject({ kind: 'passed', state: { attempt: 1 } });
    expect(await gate.enter({ ...b, id: 'nobody' })).toEqual({ kind: 'passed', state: null });
  });

  it('has nothing to do for what a cancelled batch has not sent', async () => {
    const { enter, ledger } = await openGate();
    await ledger.set({ cancelled: 1 });
    expect(await enter('a')).toEqual({ kind: 'stopped' });
  });

  it('S2: holds for a second at most what must wait long, and asks for nobody meanwhile', async () => {
    const { enter, account, ledger, redis, clock } = await openGate();
    clock.stop();
    await account.park('submission');
    expect(await enter('a')).toEqual({ kind: 'hold', waitMs: 1_000 });
    // Nobody is asked again before the second is over, whatever has changed meanwhile.
    await account.unpark();
    expect(await enter('b')).toMatchObject({ kind: 'hold' });
    expect(await redis.hget(ledger.keys.state, 'b')).toMatch(/^admitted/);
    clock.aheadMs += 1_001;
    expect(await enter('b')).toMatchObject({ kind: 'go' });
  });

  it('S2: waits a moment for a place in flight, without asking for each in line', async () => {
    const { enter, account, ledger, inFlight } = await openGate();
    await account.heartbeat('strict', { rate: null, inFlight: 1 });
    const first = await enter('a');
    if (first.kind !== 'go') throw new Error('the first has a place');
    const waiting = enter('b');
    const { firstSentAt: _sent, ...rest } = first.brief.state;
    const to = { ...rest, stage: 'admitted' as const };
    await ledger.briefs.move('a', { from: first.brief, to });
    expect(await waiting).toMatchObject({ kind: 'go' });
    expect(await inFlight()).toEqual(['spring\nb']);
  });

  it('S2: holds where no place gets free for two seconds', async () => {
    const { enter, account } = await openGate();
    await account.heartbeat('strict', { rate: null, inFlight: 1 });
    await enter('a');
    const [second, third] = await Promise.all([enter('b'), enter('c')]);
    expect(second).toEqual({ kind: 'hold', waitMs: 250 });
    expect(third).toMatchObject({ kind: 'hold' });
  });

  it('holds at once when the process is to stop', async () => {
    const { enter, account, stopping } = await openGate();
    await account.heartbeat('strict', { rate: null, inFlight: 1 });
    await enter('a');
    const waiting = enter('b');
    stopping.abort();
    expect(await waiting).toEqual({ kind: 'hold', waitMs: 0 });
  });

  it('looks every second whether a refused key was replaced', async () => {
    const { enter, account, clock } = await openGate();
    await account.halt('api_key_revoked', 'no');
    expect(await enter('a')).toEqual({ kind: 'hold', waitMs: 1_000 });
    await account.unhalt();
    clock.aheadMs += 1_001;
    expect(await enter('a')).toMatchObject({ kind: 'go' });
  });

  it('S6: says which cap keeps it from sending', async () => {
    const { enter, ledger, notices } = await openGate();
    await ledger.setCaps({ batch: 0, day: undefined });
    expect(await enter('a')).toMatchObject({ kind: 'hold' });
    expect(notices).toContainEqual({ kind: 'capped', reason: 'cap' });
  });

  it('does not stay shut after an error', async () => {
    const { enter, context } = await openGate();
    const { priceOf } = context;
    context.priceOf = () => {
      throw new Error('no price');
    };
    await expect(enter('a')).rejects.toThrow('no price');
    context.priceOf = priceOf;
    expect(await enter('b')).toMatchObject({ kind: 'go' });
  });
});
