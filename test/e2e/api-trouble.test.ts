import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { fast, mapping, productsCsv, test } from '../support/cli.js';
import { until } from '../support/until.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];

describe.concurrent('limits, credits and keys', () => {
  test('429 with Retry-After: the pace waits, every brief succeeds (S2, S7)', async ({
    openDesk,
  }) => {
    const windowOf = (limit: number) => ({ limit, windowMs: 1000, retryAfter: 'seconds' as const });
    // So few that even a slow machine is refused some, and then enough to end soon.
    const desk = await openDesk({ rate: windowOf(1) });
    await desk.write('in.csv', productsCsv(12));
    const running = desk.run(run);
    while (desk.simulator.bill().refusals < 2) await sleep(20);
    desk.simulator.control({ rate: windowOf(20) });
    expect((await running).code).toBe(0);
    const bill = desk.simulator.bill();
    expect(bill.total.tasks).toBe(12);
    expect(bill.billedTwice).toEqual([]);
    expect((await desk.lines('out')).every((line) => line.attempt === 1)).toBe(true);
  });

  for (const shown of ['402', '400', '403', 'failed-task'] as const) {
    test(`credits run out (${shown}), submissions park, credits return (S1, S2)`, async ({
      openDesk,
    }) => {
      const desk = await openDesk({ credits: 3, insufficientCredits: shown });
      await desk.write('in.csv', productsCsv(8));
      const running = desk.start(run);
      while (!/out of credits/.test(running.output())) await sleep(20);
      while (desk.simulator.bill().tasks.running > 0) await sleep(20);
      const parked = desk.simulator.bill().requests.byEndpoint.submit;
      const submits = Object.values(parked ?? {}).reduce((sum, count) => sum + count, 0);
      // What was on its way when the first was refused is refused too; then nothing but the probe is sent.
      expect(submits).toBeLessThanOrEqual(8 + 2);
      await fetch(`${desk.simulator.origin}/simulator/credits`, {
        method: 'POST',
        body: JSON.stringify({ add: 100 }),
      });
      const { code, stderr } = await running.finished;
      expect(stderr).toMatch(/credits again/);
      expect(code).toBe(0);
      const lines = await desk.lines('out');
      expect(lines).toHaveLength(8);
      const bill = desk.simulator.bill();
      expect(bill.total.spent).toBe(8);
      expect(lines.reduce((sum, line) => sum + (line.credits.final ?? 0), 0)).toBe(8);
    });
  }

  test('no credits with --no-wait: exit 4, accepted work is kept', async ({ openDesk }) => {
    const desk = await openDesk({ credits: 2 });
    await desk.write('in.csv', productsCsv(5));
    const { code, stdout } = await desk.run([...run, '--no-wait']);
    expect(code).toBe(4);
    expect(stdout).toContain('npx rivya-batch continue out');
    expect((await desk.report('out')).counts).toMatchObject({ admitted: 5, failed: 0 });
  });

  for (const [state, pattern] of [
    ['revoked', /api_key_revoked/],
    ['expired', /api_key_expired/],
  ] as const) {
    test(`a key that is ${state}: exit 4, the reason, nothing lost`, async ({ openDesk }) => {
      const desk = await openDesk({ keys: [{ key: 'rvya_sk_desk', state }] });
      await desk.write('in.csv', productsCsv(3));
      const { code, stderr, stdout } = await desk.run(run);
      expect(stderr).toMatch(pattern);
      expect(stdout + stderr).not.toContain('rvya_sk_desk');
      expect(code).toBe(4);
      const checked = await desk.run(['check', 'in.csv', ...mapping]);
      expect(checked.code).toBe(4);
      expect(checked.stderr).toMatch(pattern);
      expect(checked.stderr).toContain('Correct RIVYA_API_KEY');
      const json = await desk.run(['check', 'in.csv', ...mapping, '--json']);
      expect(json.code).toBe(4);
      expect(JSON.parse(json.stdout)).toMatchObject({
        key: { state: 'refused', code: `api_key_${state}` },
        wallet: null,
      });
      desk.simulator.control({ keys: null });
      expect((await desk.run(run)).code).toBe(0);
      expect(await desk.lines('out')).toHaveLength(3);
    });
  }

  test('a key without the scope to submit: exit 4', async ({ openDesk }) => {
    const desk = await openDesk({
      keys: [{ key: 'rvya_sk_desk', scopes: ['credits:read', 'generations:read'] }],
    });
    await desk.write('in.csv', productsCsv(2));
    const { code, stderr } = await desk.run(run);
    expect(stderr).toMatch(/api_scope_denied/);
    expect(code).toBe(4);
  });

  test('too many running tasks teach the in-flight cap, and not the pace (S7)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ maxRunning: 3, durationMs: 20_000 });
    await desk.write('in.csv', productsCsv(12));
    const { code } = await desk.run(['run', 'in.csv', '--out', 'out', ...mapping, '--rate', '50']);
    expect(code).toBe(0);
    const bill = desk.simulator.bill();
    expect(bill.tasks.maxRunning).toBe(3);
    expect(bill.total.tasks).toBe(12);
    // One refusal or a few to find it out, and one more now and then to see whether it is still so.
    expect(bill.refusals).toBeLessThan(10);
    const status = await desk.run(['status', 'out', '--json']);
    const { account } = JSON.parse(status.stdout);
    expect(account.learnedRate).toBeNull();
    // What is noticed late still counts as running here: it may learn one more than the API has.
    expect(account.learnedInFlight).toBeGreaterThanOrEqual(1);
    expect(account.learnedInFlight).toBeLessThan(8);
  });
});

describe.concurrent('answers that go wrong', () => {
  const troubles: Record<string, { faults: string[]; tasks?: number }> = {
    'a lost answer after acceptance': { faults: ['lose-answer-after-accept:2x'] },
    'a 502 page after acceptance': { faults: ['gateway-after-accept:1x'] },
    'a 500 after acceptance': { faults: ['error-after-accept:1x'] },
    'a 303 after acceptance': { faults: ['status-after-accept=303:1x'] },
    'a page of a firewall for one prompt, which halts nobody': {
      faults: ['page=403:1x:endpoint=submit:prompt=Product 2'],
    },
    'a cut connection before acceptance': { faults: ['drop-before-accept:2x'] },
    'a 502 page before acceptance': { faults: ['gateway-before-accept:1x'] },
    'an API that is switched off for a moment': { faults: ['api-disabled:2x'] },
    'an outage of a few requests': { faults: ['outage:3x'] },
    'a task that is not found at first': { faults: ['early-404=100:2x'] },
    'status reads that break': { faults: ['drop-read:1x', 'gateway-read:1x', 'error-read:1x'] },
    'a status that nobody knows': { faults: ['unknown-status=moderating/100:1x'] },
    'fields that nobody knows': { faults: ['extra-fields'] },
    'links that are spent on first sight': { faults: ['expire-first-url'] },
    'a download cut short': { faults: ['download-truncated:2x'] },
    'an empty download': { faults: ['download-empty:1x'] },
  };
  for (const [name, { faults }] of Object.entries(troubles)) {
    test(`${name}: paid once, collected, one line each (S1, S3, S4)`, async ({ openDesk }) => {
      const desk = await openDesk({ faults });
      await desk.write('in.csv', productsCsv(4));
      const { code, stderr } = await desk.run(run);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const lines = await desk.lines('out');
      expect(lines.map((line) => line.status)).toEqual(Array(4).fill('succeeded'));
      const bill = desk.simulator.bill();
      expect(Object.values(bill.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
      expect(bill.billedTwice).toEqual([]);
      expect(bill.total.tasks).toBe(4);
    });
  }

  const failures: Record<string, { fault: string; code: string; status: string; spent: number }> = {
    'a failed task, refunded': {
      fault: 'task-fails=nsfw/refunded:1x',
      code: 'nsfw',
      status: 'failed',
      spent: 1,
    },
    'a failed task that keeps the charge': {
      fault: 'task-fails=nsfw/kept:1x',
      code: 'nsfw',
      status: 'failed',
      spent: 2,
    },
    'a failed task without a reason': {
      fault: 'task-fails=generation_failed/refunded/absent:1x',
      code: 'generation_failed',
      status: 'failed',
      spent: 1,
    },
    'a refusal with an unknown code': {
      fault: 'refuse=418/never_seen_before:1x:endpoint=submit',
      code: 'never_seen_before',
      status: 'failed',
      spent: 1,
    },
    'links that lead into a private network': {
      fault: 'download-redirect=private:1x',
      code: 'result_url_refused',
      status: 'failed',
      spent: 2,
    },
  };
  for (const [name, { fault, code, status, spent }] of Object.entries(failures)) {
    test(`${name}: a line says so, exit 3, the charge is counted (S4)`, async ({ openDesk }) => {
      const desk = await openDesk({ faults: [fault] });
      await desk.write('in.csv', productsCsv(2));
      const result = await desk.run(run);
      expect(result.code).toBe(3);
      const lines = await desk.lines('out');
      expect(lines).toHaveLength(2);
      const bad = lines.filter((line) => line.status !== 'succeeded');
      expect(bad).toMatchObject([{ status, error: { code } }]);
      expect(desk.simulator.bill().total.spent).toBe(spent);
      expect((await desk.report('out')).credits.spent).toBe(spent);
    });
  }

  test('late files: a retry looks at their tasks again, and 12 briefs are 12 tasks (S1, S3)', async ({
    openDesk,
  }) => {
    const faults = ['late-files=1000/404:4x', 'late-urls=1000:2x', 'download-redirect=private:3x'];
    const desk = await openDesk({ faults });
    await desk.write('in.csv', productsCsv(12));
    expect((await desk.run(run)).code).toBe(3);
    const retried = await desk.run(['retry', 'out', '--yes', '--json']);
    expect(JSON.parse(retried.stdout)).toMatchObject({
      reopened: 3,
      rereads: 3,
      new_attempts: 0,
      expected_credits: 0,
    });
    expect((await desk.run(run)).code).toBe(0);
    const lines = await desk.lines('out');
    expect(lines.map(({ attempt }) => attempt)).toEqual(Array(12).fill(1));
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 12, spent: 12 });
    // What was counted as spent for them is not counted again (S6).
    expect((await desk.report('out')).credits).toMatchObject({ spent: 12 });
    const status = JSON.parse((await desk.run(['status', 'out', '--json'])).stdout);
    expect(status.account.inFlight).toBe(0);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
  });

  test('downloads that a server puts off: told once with reason and count, and shown (S2)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['download-status=503/7200:1x'] });
    // The other one is written, with which the worker tells of this one.
    await desk.write('in.csv', productsCsv(2));
    const running = desk.start(run);
    const sentence = /\d results? cannot be fetched yet \(The file's server answered HTTP 503\)/;
    while (!sentence.test(running.output())) await sleep(20);
    const status = async () =>
      JSON.parse((await desk.run(['status', 'out', '--json'])).stdout).files_due;
    await until(async () => (await status()).count === 1);
    expect(await status()).toEqual({ count: 1, reason: "The file's server answered HTTP 503." });
    const shown = (await desk.run(['status', 'out'])).stdout;
    expect(shown).toMatch(/files +1 result cannot be fetched yet \(.* HTTP 503\)/);
    expect(shown).toMatch(/limited by +files that cannot be fetched yet/);
    running.kill('SIGINT');
    const { code, stderr } = await running.finished;
    expect(code).toBe(130);
    expect(stderr.match(new RegExp(sentence, 'g'))).toHaveLength(1);
    expect(desk.simulator.bill().total.tasks).toBe(2);
  });

  test('several files of one task are all collected', async ({ openDesk }) => {
    const desk = await openDesk({ faults: ['many-urls=3'] });
    await desk.write('in.csv', productsCsv(1));
    expect((await desk.run(run)).code).toBe(0);
    expect(await desk.assets('out')).toEqual(['00001~1.png', '00001~2.png', '00001~3.png']);
  });

  test('a replayed refusal raises the attempt, which is paid once (S1)', async ({ openDesk }) => {
    const desk = await openDesk({ credits: 0, replayRefusals: true });
    await desk.write('in.csv', productsCsv(1));
    const running = desk.start(run);
    while (!/out of credits/.test(running.output())) await sleep(20);
    await fetch(`${desk.simulator.origin}/simulator/credits`, {
      method: 'POST',
      body: JSON.stringify({ add: 100 }),
    });
    expect((await running.finished).code).toBe(0);
    expect(await desk.lines('out')).toMatchObject([{ status: 'succeeded', attempt: 2 }]);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 1, spent: 1 });
  });

  test('a key that conflicts may have been paid: unknown, never sent again (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      idempotency: 'conflict',
      faults: ['lose-answer-after-accept:1x'],
    });
    await desk.write('in.csv', productsCsv(1));
    expect((await desk.run(run)).code).toBe(3);
    expect(await desk.lines('out')).toMatchObject([
      { status: 'unknown', error: { code: 'idempotency_conflict' } },
    ]);
    expect(desk.simulator.bill().total.tasks).toBe(1);
  });
});
