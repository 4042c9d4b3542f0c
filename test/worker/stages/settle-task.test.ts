import { describe, expect, it } from 'vitest';
import type { Probe } from '../../../src/ledger/brief-ledger.js';
import type { Task } from '../../../src/rivya/outcome.js';
import type { ManifestLine } from '../../../src/shared/manifest-line.js';
import { type AcceptedBrief, settleTask } from '../../../src/worker/stages/settle.js';
import { accepted } from '../../ledger/brief-states.js';
import { type Bench, openBench } from './stage-bench.js';

const ended = (patch: Partial<Task> = {}): Task => ({
  id: 'task_1',
  status: { kind: 'failed' },
  reservedCredits: 5,
  finalCredits: 0,
  lifeMs: null,
  updatedAtMs: null,
  urls: [],
  error: { code: 'generation_failed', message: 'The generation failed.' },
  ...patch,
});

async function acceptedBench() {
  const bench = await openBench();
  await bench.admit('a');
  await bench.begin('a', { guess: 5 });
  await bench.place('a', accepted('task_1', { reserved: 5, checks: 3 }));
  const take = async () => (await bench.take({ briefId: 'a', attempt: 1 })) as AcceptedBrief;
  const brief = await take();
  // Without the folder: what is done where it is, see `collect.test.ts`.
  const context = { ...bench.context, folder: null, shelf: null };
  const settle = (task: Task, probe: Probe = 'none', other = brief, lagMs: number | null = null) =>
    settleTask(context, other, task, probe, lagMs);
  return { ...bench, again: take, settle };
}

describe('a task that succeeded', () => {
  it('S3: is collected, with the prices and URLs that the API states', async () => {
    const { settle, stateOf, inFlight } = await acceptedBench();
    const urls = ['https://media.test/1.png?token=1'];
    const task = ended({ status: { kind: 'succeeded' }, finalCredits: 4, urls, error: null });
    expect(await settle(task)).toEqual({
      kind: 'next',
      stage: 'collect',
      attempt: 1,
      delayMs: 0,
      urls,
    });
    expect(await stateOf('a')).toMatchObject({ stage: 'ready', reserved: 5, final: 4 });
    expect(await inFlight()).toEqual([]);
    // Settled again by a worker that was frozen: the same way on, nothing written.
    expect(await settle(task)).toMatchObject({ kind: 'next', stage: 'collect' });
  });
});

describe('when a task ended', () => {
  it('is kept beside when that was noticed, for the line', async () => {
    const { settle, stateOf, clock } = await acceptedBench();
    clock.stop();
    const task = ended({ status: { kind: 'succeeded' }, error: null });
    await settle(task, 'none', undefined, 2_999.6);
    const completedAt = clock.now();
    expect(await stateOf('a')).toMatchObject({ completedAt, endedAt: completedAt - 3_000 });
  });

  it('stands in the line of one that failed, and in none where nobody can say', async () => {
    const { settle, lines, clock } = await acceptedBench();
    clock.stop();
    await settle(ended(), 'none', undefined, 1_000);
    const [line] = (await lines()) as [ManifestLine];
    expect(Date.parse(line.times.completed ?? '') - Date.parse(line.times.ended ?? '')).toBe(1_000);
    const other = await acceptedBench();
    await other.settle(ended());
    expect((await other.lines())[0]?.times).not.toHaveProperty('ended');
  });
});

describe('a task that failed', () => {
  it.each<[string, Partial<Task>, number, object]>([
    ['was refunded', {}, 0, { reserved: 5, final: 0 }],
    ['was charged all the same', { finalCredits: 5 }, 5, { reserved: 5, final: 5 }],
    ['says nothing of its price', { finalCredits: null }, 5, { reserved: 5, final: null }],
  ])('S6: that %s is counted as what it cost', async (_what, patch, spent, credits) => {
    const { settle, lines, ledger } = await acceptedBench();
    expect(await settle(ended(patch))).toEqual({ kind: 'done' });
    expect(await lines()).toMatchObject([
      {
        status: 'failed',
        credits,
        error: { code: 'generation_failed', message: 'The generation failed.' },
        requests: { submits: 1, status_checks: 3 },
      },
    ]);
    expect(await ledger.meta()).toMatchObject({ spent, reserved: 0, pending: 0 });
  });

  it('S4: has its line also without a reason, and once', async () => {
    const { settle, lines, inFlight } = await acceptedBench();
    const task = ended({ error: null });
    await Promise.all([settle(task), settle(task)]);
    expect(await lines()).toMatchObject([{ error: { code: 'generation_failed' } }]);
    expect(await inFlight()).toEqual([]);
  });

  it('S1: is not paid again by itself', async () => {
    const { settle, stateOf } = await acceptedBench();
    await settle(ended({ error: { code: 'insufficient_credits', message: '' }, finalCredits: 5 }));
    expect(await stateOf('a')).toMatchObject({ stage: 'lined', status: 'failed' });
  });
});

describe('a task that failed for want of credits', () => {
  const broke = ended({ error: { code: 'insufficient_credits', message: 'None left.' } });
  const spacing = ({ redis, account }: Bench) => redis.hget(account.keys.gate, 'spacing');

  it('S1: was not charged, so its brief goes again under a new attempt', async () => {
    const bench = await acceptedBench();
    expect(await bench.settle(broke)).toEqual({
      kind: 'next',
      stage: 'submit',
      attempt: 2,
      delayMs: 5_000,
    });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'admitted', attempt: 2 });
    expect(await bench.inFlight()).toEqual([]);
    expect(await bench.ledger.meta()).toMatchObject({ reserved: 0, spent: 0 });
    expect(await bench.lines()).toEqual([]);
  });

  it('parks the account once for several that were on their way, and doubles for a probe', async () => {
    const bench = await acceptedBench();
    await bench.settle(broke);
    await bench.account.park('submission');
    expect(await spacing(bench)).toBe('5000');
    await bench.place('a', accepted('task_2'));
    await bench.settle(broke, 'credits', await bench.again());
    expect(await spacing(bench)).toBe('10000');
  });
});
