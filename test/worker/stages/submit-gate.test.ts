import { describe, expect, it } from 'vitest';
import { SubmitGate } from '../../../src/worker/stages/permit.js';
import { openBench } from './stage-bench.js';

const job = (briefId: string, attempt = 1) => ({ briefId, attempt });

async function openGate(ids = ['a', 'b', 'c']) {
  const bench = await openBench();
  await bench.admit(...ids);
  return { ...bench, gate: new SubmitGate(bench.context) };
}

describe('SubmitGate', () => {
  it('S1: gives leave with the bytes that were fixed at admission', async () => {
    const { gate, ledger } = await openGate();
    const admittance = await gate.enter(job('a'));
    expect(admittance).toMatchObject({
      kind: 'go',
      go: {
        brief: { state: { stage: 'submitting' } },
        content: await ledger.briefs.readContent('a'),
      },
    });
  });

  it('sends elsewhere what has gone on, is done, or was never known', async () => {
    const { gate, ledger } = await openGate();
    const from = await ledger.briefs.read('a');
    if (!from) throw new Error('a was admitted');
    const end = { line: '{}', charged: 0, checks: 0, downloads: 0, nowMs: 0 };
    await ledger.briefs.finish('a', { ...end, from, status: 'failed' });
    expect(await gate.enter(job('a'))).toMatchObject({ kind: 'passed', state: { stage: 'lined' } });
    expect(await gate.enter(job('b', 2))).toMatchObject({ kind: 'passed', state: { attempt: 1 } });
    expect(await gate.enter(job('nobody'))).toEqual({ kind: 'passed', state: null });
  });

  it('has nothing to do for what a cancelled batch has not sent', async () => {
    const { gate, ledger } = await openGate();
    await ledger.set({ cancelled: 1 });
    expect(await gate.enter(job('a'))).toEqual({ kind: 'stopped' });
  });

  it('S2: holds for a second at most what must wait long, and asks for nobody meanwhile', async () => {
    const { gate, account, ledger, redis, clock } = await openGate();
    clock.stop();
    await account.park('submission');
    expect(await gate.enter(job('a'))).toEqual({ kind: 'hold', waitMs: 1_000 });
    // Nobody is asked again before the second is over, whatever has changed meanwhile.
    await account.unpark();
    expect(await gate.enter(job('b'))).toMatchObject({ kind: 'hold' });
    expect(await redis.hget(ledger.keys.state, 'b')).toMatch(/^admitted/);
    clock.aheadMs += 1_001;
    expect(await gate.enter(job('b'))).toMatchObject({ kind: 'go' });
  });

  it('S2: waits a moment for a place in flight, without asking for each in line', async () => {
    const { gate, account, ledger, inFlight } = await openGate();
    await account.heartbeat('strict', { rate: null, inFlight: 1 });
    const first = await gate.enter(job('a'));
    if (first.kind !== 'go') throw new Error('the first has a place');
    const waiting = gate.enter(job('b'));
    const { firstSentAt: _sent, ...rest } = first.go.brief.state;
    const to = { ...rest, stage: 'admitted' as const };
    await ledger.briefs.move('a', { from: first.go.brief, to });
    expect(await waiting).toMatchObject({ kind: 'go' });
    expect(await inFlight()).toEqual(['spring\nb']);
  });

  it('S2: holds where no place gets free for two seconds', async () => {
    const { gate, account } = await openGate();
    await account.heartbeat('strict', { rate: null, inFlight: 1 });
    await gate.enter(job('a'));
    const [second, third] = await Promise.all([gate.enter(job('b')), gate.enter(job('c'))]);
    expect(second).toEqual({ kind: 'hold', waitMs: 250 });
    expect(third).toMatchObject({ kind: 'hold' });
  });

  it('holds at once when the process is to stop', async () => {
    const { gate, account, stopping } = await openGate();
    await account.heartbeat('strict', { rate: null, inFlight: 1 });
    await gate.enter(job('a'));
    const waiting = gate.enter(job('b'));
    stopping.abort();
    expect(await waiting).toEqual({ kind: 'hold', waitMs: 0 });
  });

  it('looks every second whether a refused key was replaced', async () => {
    const { gate, account, clock } = await openGate();
    await account.halt('api_key_revoked', 'no');
    expect(await gate.enter(job('a'))).toEqual({ kind: 'hold', waitMs: 1_000 });
    await account.unhalt();
    clock.aheadMs += 1_001;
    expect(await gate.enter(job('a'))).toMatchObject({ kind: 'go' });
  });

  it('S6: says which cap keeps it from sending', async () => {
    const { gate, ledger, notices } = await openGate();
    await ledger.setCaps({ batch: 0, day: undefined });
    expect(await gate.enter(job('a'))).toMatchObject({ kind: 'hold' });
    expect(notices).toContainEqual({ kind: 'capped', reason: 'cap' });
  });

  it('does not stay shut after an error', async () => {
    const { gate, redis, ledger } = await openGate();
    await redis.hset(ledger.keys.content, 'a', 'no JSON');
    await expect(gate.enter(job('a'))).rejects.toThrow();
    expect(await gate.enter(job('b'))).toMatchObject({ kind: 'go' });
  });
});
