import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import type { Running } from '../support/running.js';
import { until } from '../support/until.js';

async function output(running: Running, pattern: RegExp): Promise<void> {
  while (!pattern.test(running.output())) {
    if (running.hasEnded()) throw new Error(`ended early:\n${running.output()}`);
    await sleep(20);
  }
}

async function expectCleanBill(desk: Desk, out: string, briefs: number): Promise<void> {
  const lines = await desk.lines(out);
  expect(lines).toHaveLength(briefs);
  expect(new Set(lines.map((line) => line.brief_id)).size).toBe(briefs);
  expect(lines.every((line) => line.status === 'succeeded')).toBe(true);
  const bill = desk.simulator.bill();
  expect(bill.billedTwice).toEqual([]);
  expect(bill.total.tasks).toBe(briefs);
  expect(bill.total.spent).toBe(lines.reduce((sum, line) => sum + (line.credits.final ?? 0), 0));
  expect((await desk.report(out)).counts).toMatchObject({
    admitted: briefs,
    succeeded: briefs,
    pending: 0,
  });
}

const run = ['run', 'in.csv', '--out', 'out', ...mapping, '--rate', '20', '--in-flight', '100'];

/** The JSON lines among what was printed. */
function logOf(output: string) {
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.concurrent('the same command continues', () => {
  test('after Ctrl+C: 130, the command is printed, nothing is paid twice (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(40));
    const first = desk.start(run);
    await desk.tasksMade(5);
    first.kill('SIGINT');
    const stopped = await first.finished;
    expect(stopped.code).toBe(130);
    expect(stopped.stdout).toContain('To continue:\n  npx rivya-batch continue out\n');
    const report = await desk.report('out');
    expect(report.state).toBe('unfinished');
    expect(report.counts.pending).toBeGreaterThan(0);
    const made = desk.simulator.bill().total.tasks;
    const went = await desk.run([...run, '--json']);
    expect(went.code).toBe(0);
    // What has a task is not planned to be sent and paid once more.
    const { plan } = JSON.parse(went.stdout);
    expect(plan.requests.submits).toBe(40 - made);
    expect(plan.watched).toBe(made - report.counts.succeeded);
    await expectCleanBill(desk, 'out', 40);
  });

  test('after kill -9, private Redis included (S1, S4)', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', productsCsv(30));
    for (const tasks of [3, 12]) {
      const killed = desk.start(run);
      await desk.tasksMade(tasks);
      killed.kill('SIGKILL');
      expect((await killed.finished).signal).toBe('SIGKILL');
    }
    expect((await desk.run(run)).code).toBe(0);
    await expectCleanBill(desk, 'out', 30);
  });

  test('a finished batch says so and sends nothing', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    expect((await desk.run(run)).code).toBe(0);
    // The list of models is asked for at the start of each run, without the key.
    const sent = () => ({ ...desk.simulator.bill().requests.byEndpoint, models: null });
    const before = sent();
    const again = await desk.run(run);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/finished/);
    expect(sent()).toEqual(before);
  });

  test('more rows are added to the batch; a changed row is made again', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    expect((await desk.run([...run, '--limit', '1'])).code).toBe(0);
    expect((await desk.run(run)).code).toBe(0);
    await expectCleanBill(desk, 'out', 3);
    await desk.write('in.csv', productsCsv(3).replace('Product 2', 'Changed'));
    const changed = await desk.run(run);
    expect(changed.code).toBe(0);
    expect(changed.stderr).toContain('2 as before, 1 changed, 0 new');
    expect(desk.simulator.bill().total.tasks).toBe(4);
  });

  test('another folder, key or batch in the way is refused with a sentence', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(1));
    expect((await desk.run(run)).code).toBe(0);
    const base = ['in.csv', ...mapping];
    const elsewhere = await desk.run(['run', ...base, '--out', 'other', '--batch', 'out']);
    expect(elsewhere).toMatchObject({ code: 2 });
    const environment = { RIVYA_API_KEY: 'rvya_sk_other' };
    const otherKey = await desk.run(run, { environment });
    expect(otherKey).toMatchObject({ code: 2 });
    expect(otherKey.stderr).toMatch(/key/);
    const otherBatch = await desk.run(['run', ...base, '--out', 'out', '--batch', 'second']);
    expect(otherBatch).toMatchObject({ code: 2 });
    expect(otherBatch.stderr).toMatch(/batch out\b/);
  });
});

describe.concurrent('a first try with the wrong key', () => {
  test('binds nothing: the right key goes on with the same batch', async ({ openDesk }) => {
    const desk = await openDesk({ keys: ['rvya_sk_desk'] });
    await desk.write('in.csv', productsCsv(3));
    const environment = { RIVYA_API_KEY: 'rvya_sk_mistyped' };
    expect((await desk.run(run, { environment })).code).toBe(4);
    expect((await desk.run(run)).code).toBe(0);
    await expectCleanBill(desk, 'out', 3);
    expect((await desk.run(run, { environment })).code).toBe(2);
  });
});

describe.concurrent('several processes', () => {
  test('two commands share one private Redis, and the last one out shuts it down', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('a.csv', productsCsv(6));
    await desk.write('b.csv', productsCsv(6).replaceAll('Product', 'Article'));
    const [a, b] = await Promise.all([
      desk.run(['run', 'a.csv', '--out', 'a', ...mapping, ...fast]),
      desk.run(['run', 'b.csv', '--out', 'b', ...mapping, ...fast]),
    ]);
    expect([a.code, b.code]).toEqual([0, 0]);
    for (const [out, word] of [
      ['a', 'Product'],
      ['b', 'Article'],
    ] as const) {
      const lines = await desk.lines(out);
      expect(lines).toHaveLength(6);
      expect(lines.every((line) => line.prompt?.includes(word))).toBe(true);
    }
    expect(desk.simulator.bill().total.tasks).toBe(12);
    const status = await desk.run(['status', '--json']);
    expect(JSON.parse(status.stdout).map((batch: { batch: string }) => batch.batch)).toEqual([
      'a',
      'b',
    ]);
  });

  test('two runs of one batch share the work (S4)', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(20));
    const results = await Promise.all([desk.run(run), desk.run(run)]);
    expect(results.map((result) => result.code)).toEqual([0, 0]);
    await expectCleanBill(desk, 'out', 20);
  });

  test('enqueue, then two workers under one in-flight cap (S7)', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(24));
    const queued = await desk.run(['enqueue', 'in.csv', '--out', 'out', ...mapping]);
    expect(queued.code).toBe(0);
    const limits = ['--rate', '200', '--in-flight', '4'];
    const workers = [desk.start(['worker', ...limits]), desk.start(['worker', ...limits])];
    await until(async () => (await desk.report('out').catch(() => null))?.state === 'finished');
    for (const worker of workers) worker.kill('SIGTERM');
    const ended = await Promise.all(workers.map((worker) => worker.finished));
    expect(ended.map((end) => end.code)).toEqual([0, 0]);
    await expectCleanBill(desk, 'out', 24);
    expect(desk.simulator.bill().tasks.maxRunning).toBeLessThanOrEqual(4);
  });

  test('a worker without the disk leaves collecting to one that has it', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(4));
    await desk.run(['enqueue', 'in.csv', ...mapping]);
    const logged = ['--log-level', 'debug', '--health-port', '0'];
    const far = desk.start(['worker', '--stages', 'submit,status', ...logged, ...fast]);
    const near = desk.start(['worker', '--stages', 'collect', '--out', 'shop', ...fast]);
    await output(near, /batch finished/);
    const { health } = logOf(far.output()).find(({ msg }) => msg === 'worker ready') ?? {};
    expect(await fetch(`${health}/ready`)).toMatchObject({ status: 200 });
    for (const worker of [far, near]) worker.kill('SIGTERM');
    expect((await far.finished).code).toBe(0);
    expect((await near.finished).code).toBe(0);
    await expectCleanBill(desk, 'shop', 4);
    // Each brief can be followed by its own id and its task's; the key is nowhere (S8).
    const answers = logOf(far.output()).filter(({ msg }) => msg === 'accepted');
    const tasks = (await desk.lines('shop')).map(({ brief_id, task_id }) => [brief_id, task_id]);
    expect(answers.map(({ brief, task }) => [brief, task]).sort()).toEqual(tasks.sort());
    expect(answers[0]).toMatchObject({ batch: 'in', attempt: 1, endpoint: 'submit' });
    expect(far.output() + near.output()).not.toMatch(/rvya_sk_desk|token=/);
  });

  test('forget refuses an unfinished batch and deletes a finished one', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    await desk.run(['enqueue', 'in.csv', '--out', 'out', ...mapping]);
    const refused = await desk.run(['forget', 'out']);
    expect(refused.code).toBe(2);
    // It was only queued: its own command makes nothing.
    expect(refused.stderr).toMatch(
      /^ {2}npx rivya-batch worker\n(.*\n)* {2}npx rivya-batch cancel out$/m,
    );
    const nothing = (await desk.run(['retry', 'out', '--yes'])).stdout;
    expect(nothing).toMatch(/nothing to retry\.\n\d+ briefs? of it ha.* no result yet\./);
    expect(nothing).toMatch(/^ {2}npx rivya-batch worker$/m);
    expect((await desk.run(['status', 'out'])).stdout).toMatch(/limited by .*"rivya-batch worker"/);
    expect((await desk.run(run)).code).toBe(0);
    await desk.run(['enqueue', 'in.csv', '--batch', 'queued@1', ...mapping]);
    const several = await desk.run(['forget', 'queued@*', 'nothing', 'out']);
    expect(several).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/^Batch out is forgotten\. Its files are still in .*out\.\n$/),
      stderr: expect.stringMatching(
        /^Batch queued@1 is not finished \(2 briefs without a result\)(.*\n)*There is no batch named "nothing"/m,
      ),
    });
    expect(await desk.run(['status', 'out'])).toMatchObject({ code: 2 });
    expect((await desk.run(['status', 'queued@1'])).code).toBe(0);
    expect(await desk.run(['forget', 'no*'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('No batch has a name like no*'),
    });
    await expectCleanBill(desk, 'out', 2);
  });
});
