import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StateOf } from '../../../src/ledger/brief-state.js';
import { DurationLedger, durationAt } from '../../../src/ledger/durations.js';
import type { SettingsPatch } from '../../../src/simulator/settings.js';
import { accepted, ready, submitting } from '../../ledger/brief-states.js';
import { logNormal } from '../polling/sketches.js';
import { type Bench, openBench } from './stage-bench.js';

const job = { briefId: 'a', attempt: 1 };
const minuteMs = 60_000;

/** A brief whose task the simulated API has accepted. */
async function running(settings: SettingsPatch = {}, patch: Partial<StateOf<'accepted'>> = {}) {
  const bench = await openBench(settings);
  await bench.admit('a');
  const permit = await bench.begin('a');
  if (permit.kind !== 'go') throw new Error('the only brief may go');
  const body = '{"model":"z-image","prompt":"A fox in the snow"}';
  const outcome = await bench.client.submit({ idempotencyKey: 'rvb-1', body });
  if (outcome.kind !== 'accepted') throw new Error('the simulator takes what it is sent');
  await bench.place('a', accepted(outcome.task.id, patch));
  return bench;
}

const check = (bench: Bench) => bench.work('status', job);
/** By a process whose machine does not have the folder. */
const checkElsewhere = (bench: Bench) => bench.work('status', job, { folder: null, shelf: null });
const reads = (bench: Bench) =>
  Object.values(bench.simulator.bill().requests.byEndpoint.read ?? {}).reduce((a, b) => a + b, 0);

describe('a task that runs', () => {
  it('S2: is looked at once, counted, and looked at again later', async () => {
    const bench = await running({ durationMs: 60_000, speed: 1 });
    const step = await check(bench);
    expect(step).toMatchObject({ kind: 'later' });
    expect(step.kind === 'later' && step.afterMs).toBeGreaterThanOrEqual(5_000);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'accepted', checks: 1 });
    expect(await bench.inFlight()).toHaveLength(1);
    expect(reads(bench)).toBe(1);
  });

  it('S7: waits for a turn that is far away without a request and without a count', async () => {
    const bench = await running();
    await bench.account.noteRefused(30_000);
    const step = await check(bench);
    // Nor is one near for any other.
    expect(step).toMatchObject({ kind: 'hold', of: 'all' });
    expect(step.kind === 'hold' && step.waitMs).toBeGreaterThan(20_000);
    expect(await bench.stateOf('a')).toMatchObject({ checks: 0 });
    expect(reads(bench)).toBe(0);
  });

  it('S3: gets the line task_overdue past its deadline, and gives its place free', async () => {
    const bench = await running({ faults: ['never-ends'] });
    bench.clock.aheadMs = 15 * minuteMs - 1_000;
    expect(await check(bench)).toMatchObject({ kind: 'later' });
    bench.clock.aheadMs = 15 * minuteMs + 1_000;
    expect(await check(bench)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      {
        status: 'unknown',
        task_id: expect.stringMatching(/^task_/),
        error: { code: 'task_overdue' },
        requests: { submits: 1, status_checks: 2 },
      },
    ]);
    expect(await bench.inFlight()).toEqual([]);
  });

  it('S3: is watched on in a status that nobody has heard of', async () => {
    const bench = await running({ faults: ['unknown-status'] });
    expect(await check(bench)).toMatchObject({ kind: 'later' });
  });
});

describe('while hints come', () => {
  async function hinted() {
    const bench = await running({ durationMs: 3_600_000, speed: 1 });
    const durations = new DurationLedger(bench.redis, bench.account.keys);
    for (const durationMs of logNormal(90_000, 0.5)) void durations.note(['z-image'], durationMs);
    await durations.tell();
    bench.clock.aheadMs += 60_000;
    for (let task = 0; task < 50; task += 1) bench.context.pollPlanner.noteEnd('hint', 500);
    return bench;
  }

  it('S2: a check without one is put off: no request, no turn, no count', async () => {
    const bench = await hinted();
    const step = await check(bench);
    expect(step).toMatchObject({ kind: 'later' });
    expect(step.kind === 'later' && step.afterMs).toBeLessThanOrEqual(25_000);
    expect(await bench.stateOf('a')).toMatchObject({ checks: 0 });
    expect(reads(bench)).toBe(0);
  });

  it('S3: one that a hint has brought forward is made, and so is each once hints have stopped', async () => {
    const bench = await hinted();
    expect(await bench.work('status', { ...job, hinted: true })).toMatchObject({ kind: 'later' });
    expect(reads(bench)).toBe(1);
    expect(await check(bench)).toMatchObject({ kind: 'later' });
    expect(reads(bench)).toBe(1);
    bench.clock.aheadMs += 30_001;
    await check(bench);
    expect(reads(bench)).toBe(2);
  });
});

describe('a read without an answer', () => {
  it.each(['drop-read:1x', 'gateway-read:1x', 'error-read:1x', 'outage:1x', 'api-disabled:1x'])(
    'S3: says nothing of the task (%s): it is asked for again',
    async (fault) => {
      const bench = await running();
      bench.simulator.control({ faults: [fault] });
      const step = await check(bench);
      expect(step).toMatchObject({ kind: 'later' });
      expect(step.kind === 'later' && step.afterMs).toBeGreaterThanOrEqual(7_500);
      expect(await bench.stateOf('a')).toMatchObject({ stage: 'accepted', checks: 1 });
      expect(await check(bench)).toEqual({ kind: 'done' });
      expect(await bench.lines()).toMatchObject([{ status: 'succeeded' }]);
    },
  );

  it('S7: a 429 moves the shared pace and is waited for', async () => {
    const bench = await running();
    bench.simulator.control({ faults: ['rate-limited=7:1x'] });
    const step = await check(bench);
    expect(step.kind === 'later' && step.afterMs).toBeGreaterThanOrEqual(7_000);
    expect(await bench.account.view()).toMatchObject({ refusals: 1 });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'accepted' });
  });

  it('S3: a refused key halts submissions, and the task is kept', async () => {
    const bench = await running();
    bench.simulator.control({ faults: ['revoked-key:1x'] });
    expect(await check(bench)).toEqual({ kind: 'later', afterMs: 30_000 });
    expect((await bench.account.view()).gate.kind).toBe('halted');
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'accepted' });
  });

  it.each(['page=403:endpoint=read', 'page=404:endpoint=read', 'refuse=403/blocked:endpoint=read'])(
    'S3: a refusal without a reason (%s) halts nobody, and the task is asked for again',
    async (fault) => {
      const bench = await running();
      bench.simulator.control({ faults: [fault] });
      expect(await check(bench)).toMatchObject({ kind: 'later' });
      bench.clock.aheadMs = minuteMs + 1_000;
      expect(await check(bench)).toMatchObject({ kind: 'later' });
      expect((await bench.account.view()).gate.kind).toBe('open');
      expect(await bench.stateOf('a')).toMatchObject({ stage: 'accepted' });
    },
  );

  it('a task that is not found is asked for again for a minute, then its line is unknown', async () => {
    const bench = await running();
    bench.simulator.control({ faults: ['refuse=404/not_found:endpoint=read'] });
    expect(await check(bench)).toMatchObject({ kind: 'later' });
    bench.clock.aheadMs = minuteMs + 1_000;
    expect(await check(bench)).toEqual({ kind: 'done' });
    expect(await bench.lines()).toMatchObject([
      { status: 'unknown', error: { code: 'task_not_found' }, task_id: expect.any(String) },
    ]);
  });

  it.each(['410/task_expired', '402/payment_required', '409/task_locked'])(
    'S3: a refusal that never ends (%s) does not keep a batch open past the deadline',
    async (refused) => {
      const bench = await running();
      bench.simulator.control({ faults: [`refuse=${refused}:endpoint=read`] });
      expect(await check(bench)).toMatchObject({ kind: 'later' });
      bench.clock.aheadMs = 15 * minuteMs + 1_000;
      expect(await check(bench)).toEqual({ kind: 'done' });
      expect(await bench.lines()).toMatchObject([
        { status: 'unknown', error: { code: 'task_overdue', request_id: expect.any(String) } },
      ]);
    },
  );
});

describe('a task that is over', () => {
  it('S5: has its files and its line at once where the folder is', async () => {
    const bench = await running();
    expect(await check(bench)).toEqual({ kind: 'done' });
    const [line] = await bench.lines();
    expect(line).toMatchObject({ status: 'succeeded', requests: { status_checks: 1 } });
    expect(await readdir(join(bench.out, 'assets'))).toEqual(['a.png']);
    expect(await bench.inFlight()).toEqual([]);
  });

  it('S3: goes on to collect with its URLs where the folder is not, its place free', async () => {
    const bench = await running();
    const step = await checkElsewhere(bench);
    expect(step).toMatchObject({ kind: 'next', stage: 'collect', attempt: 1, delayMs: 0 });
    expect(step.kind === 'next' && step.urls).toHaveLength(1);
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'ready', checks: 1, final: 1 });
    expect(await bench.inFlight()).toEqual([]);
  });

  it('S8: keeps no URL in the ledger', async () => {
    const bench = await running();
    await checkElsewhere(bench);
    expect(JSON.stringify(await bench.stateOf('a'))).not.toContain('http');
  });
});

describe('what a check learns', () => {
  const minutes = 60_000;
  const sketch = ({ redis, account }: Bench) =>
    new DurationLedger(redis, account.keys).read('z-image');

  it('how long a task took that is found to be over, as the API says', async () => {
    const bench = await running({ durationMs: 2_000, speed: 100_000 });
    await check(bench);
    await expect.poll(async () => (await sketch(bench)).total).toBe(1);
  });

  it('by kind and by model, of a failed task as of one that succeeded', async () => {
    const kind = 'z-image 0123456789';
    const bench = await running(
      { faults: ['task-fails'] },
      { kind, submittedAt: Date.now() - 8_000 },
    );
    expect(await check(bench)).toEqual({ kind: 'done' });
    await expect.poll(async () => (await sketch(bench)).total).toBe(1);
    const { redis, account } = bench;
    expect((await new DurationLedger(redis, account.keys).read(kind)).total).toBe(1);
  });

  it('how late an end was noticed, by model, whatever the check before had seen', async () => {
    const bench = await running({}, { kind: 'z-image 0123456789' });
    bench.clock.aheadMs = 20_000;
    await check(bench);
    const { redis, account } = bench;
    const notices = new DurationLedger(redis, { durations: account.keys.notices });
    await expect.poll(async () => (await notices.read('z-image')).total).toBe(1);
    const seconds = (durationAt(await notices.read('z-image'), 1) ?? 0) / 1000;
    // It ended when it began; the rest is what the test took.
    expect(seconds).toBeGreaterThan(18);
    expect(seconds).toBeLessThan(30);
  });

  it('nothing of how late, of a task that still runs', async () => {
    const bench = await running({ durationMs: minutes, speed: 1 });
    await check(bench);
    expect(await bench.redis.keys(`${bench.account.keys.notices}*`)).toEqual([]);
  });

  it('when it saw the task running, and nothing from an answer that did not come', async () => {
    const bench = await running({ durationMs: minutes, speed: 1 });
    bench.clock.stop();
    bench.simulator.control({ faults: ['error-read:1x'] });
    await check(bench);
    expect(await bench.stateOf('a')).toMatchObject({ checks: 1, runningAt: null });
    await check(bench);
    expect(await bench.stateOf('a')).toMatchObject({ checks: 2, runningAt: bench.clock.now() });
    expect(await sketch(bench)).toMatchObject({ version: 0 });
  });

  it('and when to look next: the wait is that of its kind', async () => {
    const bench = await running({ durationMs: minutes, speed: 1 }, { kind: 'z-image' });
    const durations = new DurationLedger(bench.redis, bench.account.keys);
    for (let task = 0; task < 20; task += 1) void durations.note(['z-image'], 40_000);
    await durations.tell();
    const step = await check(bench);
    expect(step.kind === 'later' && step.afterMs).toBeGreaterThan(25_000);
  });
});

describe('safe to repeat', () => {
  it('does nothing but hand on where the brief has moved', async () => {
    const bench = await running();
    await checkElsewhere(bench);
    const before = await bench.stateOf('a');
    expect(await check(bench)).toEqual({ kind: 'next', stage: 'collect', attempt: 1, delayMs: 0 });
    expect(await bench.stateOf('a')).toEqual(before);
    expect(reads(bench)).toBe(1);
    await bench.place('a', ready('task_9', { attempt: 2 }));
    expect(await check(bench)).toMatchObject({ stage: 'collect', attempt: 2 });
    expect(await bench.work('status', { briefId: 'nobody', attempt: 1 })).toEqual({
      kind: 'missing',
    });
    expect(reads(bench)).toBe(1);
  });

  it('S1: an old attempt does not act for the new one', async () => {
    const bench = await running();
    await bench.place('a', { ...submitting(0, { attempt: 2 }), stage: 'submitting' });
    expect(await check(bench)).toMatchObject({ kind: 'next', stage: 'submit', attempt: 2 });
    expect(reads(bench)).toBe(0);
  });

  it('S4: two workers that look at once leave one state, and both know the next step', async () => {
    const bench = await running();
    const steps = await Promise.all([checkElsewhere(bench), checkElsewhere(bench)]);
    for (const step of steps) expect(step).toMatchObject({ kind: 'next', stage: 'collect' });
    expect(await bench.stateOf('a')).toMatchObject({ stage: 'ready', checks: 1 });
  });

  it('S4 S5: two workers that look at once and fetch what they find write one line', async () => {
    const bench = await running();
    const steps = await Promise.all([check(bench), check(bench)]);
    // One may have found that the other is at it.
    for (const step of steps) if (step.kind === 'next') await bench.work('collect', job);
    expect(await bench.lines()).toMatchObject([{ status: 'succeeded' }]);
    expect(await readdir(join(bench.out, 'assets'))).toEqual(['a.png']);
  });

  it('S4: two workers that find it overdue write one line', async () => {
    const bench = await running({ faults: ['never-ends'] });
    bench.clock.aheadMs = 16 * minuteMs;
    await Promise.all([check(bench), check(bench), check(bench)]);
    expect(await bench.lines()).toHaveLength(1);
  });
});
