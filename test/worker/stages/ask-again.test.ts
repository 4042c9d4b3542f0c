import { describe, expect, it } from 'vitest';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { ready } from '../../ledger/brief-states.js';
import { type Bench, openBench } from './stage-bench.js';

const hourMs = 3_600_000;
const job = { briefId: 'a', attempt: 1 };

/** A brief that was sent once, without a clear answer. */
async function inDoubt(fault: string, settings: SettingsPatch = {}) {
  const bench = await openBench({ faults: [fault], ...settings });
  await bench.admit('a', 'b');
  await bench.send(job);
  return bench;
}

const ask = (bench: Bench) => bench.work('status', job);

describe('a submission in doubt', () => {
  it.each([
    ['was taken', 'lose-answer-after-accept:1x', 1],
    ['was not taken', 'drop-before-accept:1x', 0],
  ])(
    'S1: that %s is sent again under the same key, and paid once',
    async (_what, fault, replays) => {
      const bench = await inDoubt(fault);
      expect(await ask(bench)).toMatchObject({ kind: 'next', stage: 'status', attempt: 1 });
      expect(await bench.stateOf('a')).toMatchObject({ stage: 'accepted', sends: 2 });
      const bill = bench.simulator.bill();
      expect(bill).toMatchObject({ total: { tasks: 1, charged: 1 }, replays, billedTwice: [] });
      expect(await bench.inFlight()).toHaveLength(1);
    },
  );

  it('S1: asks less and less often while no answer comes', async () => {
    const bench = await inDoubt('error-after-accept');
    const waits: unknown[] = [];
    for (const _ of [1, 2, 3]) waits.push(await ask(bench));
    const next = { kind: 'next', stage: 'status', attempt: 1 };
    expect(waits).toEqual([
      { ...next, delayMs: 10_000 },
      { ...next, delayMs: 20_000 },
      { ...next, delayMs: 40_000 },
    ]);
    expect(bench.simulator.bill().total.tasks).toBe(1);
  });

  it.each([
    ['429', 'rate-limited=1:endpoint=submit'],
    ['401', 'revoked-key:endpoint=submit'],
    ['503', 'api-disabled:endpoint=submit'],
    ['402', 'refuse=402/insufficient_credits:endpoint=submit'],
  ])('S1: stays in doubt after a %s, with its place and its clock', async (_what, fault) => {
    const bench = await inDoubt('lose-answer-after-accept:1x');
    const before = await bench.stateOf('a');
    bench.simulator.control({ faults: [fault] });
    expect(await ask(bench)).toMatchObject({ kind: 'later' });
    expect(await bench.stateOf('a')).toEqual({ ...before, sends: 2 });
    expect(await bench.inFlight()).toHaveLength(1);
  });

  it('S1: is found out about in a paused and in a cancelled batch', async () => {
    const bench = await inDoubt('lose-answer-after-accept:1x');
    await bench.ledger.set({ cancelled: 1 });
    await bench.redis.hset(bench.ledger.keys.submitQueue, 'paused', 1);
    expect(await ask(bench)).toMatchObject({ kind: 'next', stage: 'status' });
  });

  it('S7: waits where all wait, without a request', async () => {
    const bench = await inDoubt('lose-answer-after-accept:1x');
    const sent = bench.simulator.bill().requests.total;
    await bench.account.noteRefused(30_000);
    const step = await ask(bench);
    expect(step.kind === 'later' && step.afterMs).toBeGreaterThan(20_000);
    await bench.account.halt('api_key_revoked', 'no');
    expect(await ask(bench)).toMatchObject({ kind: 'later' });
    expect(bench.simulator.bill().requests.total).toBe(sent);
  });

  it('S1: ends as unknown when its key may be forgotten', async () => {
    const bench = await inDoubt('lose-answer-after-accept:1x');
    const state = await bench.stateOf('a');
    if (state?.stage !== 'submitting') throw new Error('it is in doubt');
    await bench.place('a', { ...state, firstSentAt: state.firstSentAt - 24 * hourMs });
    const sent = bench.simulator.bill().requests.total;
    expect(await ask(bench)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', error: { code: 'outcome_unknown' } },
    ]);
    expect(bench.simulator.bill().requests.total).toBe(sent);
  });

  it('leaves alone a brief that is elsewhere, or whose content is missing', async () => {
    const bench = await inDoubt('lose-answer-after-accept:1x');
    await bench.place('a', ready('task_1'));
    expect(await ask(bench)).toMatchObject({ kind: 'next', stage: 'collect' });
    await bench.redis.hdel(bench.ledger.keys.content, 'a');
    expect(await ask(bench)).toEqual({ kind: 'missing' });
  });
});
