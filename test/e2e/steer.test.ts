import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, inject } from 'vitest';
import { decodeState, encodeState } from '../../src/ledger/brief-state.js';
import { batchKeys } from '../../src/ledger/keys.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import type { Running } from '../support/running.js';
import { atTerminal } from '../support/terminal.js';
import { until } from '../support/until.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, '--rate', '30', '--in-flight', '100'];

/** The simulator's clock, which is set ahead to end what takes long. */
class SetClock {
  private aheadMs = 0;
  readonly now = () => Date.now() + this.aheadMs;

  letTasksEnd(): void {
    this.aheadMs += 3_600_000;
  }
}

/** No task ends before the clock is set ahead. */
const slowTasks = { durationMs: 600_000, speed: 1 };

const tasksMade = (desk: Desk) => desk.simulator.bill().total.tasks;

async function addCredits(desk: Desk, add: number): Promise<void> {
  await fetch(`${desk.simulator.origin}/simulator/credits`, {
    method: 'POST',
    body: JSON.stringify({ add }),
  });
}

async function linesSoFar(desk: Desk) {
  return (await desk.read('out/manifest.jsonl').catch(() => ''))
    .split('\n')
    .filter((line) => line !== '');
}

/** The states of the batch's briefs, as they stand in the desk's Redis. */
async function withStates(desk: Desk, work: (redis: Redis, key: string) => Promise<void>) {
  const redis = new Redis({ path: inject('redisSocket') });
  try {
    await work(redis, batchKeys(desk.environment.RIVYA_BATCH_PREFIX ?? '', 'out').state);
  } finally {
    redis.disconnect();
  }
}

/** Nothing is on its way to the API, and that holds for the stages that they are in. */
async function untilStages(desk: Desk, holds: (stages: string[]) => boolean): Promise<void> {
  await withStates(desk, (redis, key) =>
    until(async () => {
      const stages = (await redis.hvals(key)).map((text) => text.split('|')[0] ?? '');
      return !stages.includes('submitting') && holds(stages);
    }),
  );
}

/** So many are accepted, and nothing more is on its way to the API. */
async function untilAccepted(desk: Desk, count: number): Promise<void> {
  await untilStages(
    desk,
    (stages) => stages.filter((stage) => stage === 'accepted').length === count,
  );
}

/** As a day with the lid closed leaves it: tasks that were submitted long ago. */
async function makeOverdue(desk: Desk): Promise<void> {
  await withStates(desk, async (redis, key) => {
    for (const [id, text] of Object.entries(await redis.hgetall(key))) {
      const { state } = decodeState(text);
      if (state.stage !== 'accepted') continue;
      const submittedAt = state.submittedAt - 86_400_000;
      await redis.hset(key, id, encodeState({ ...state, submittedAt }));
    }
  });
}

async function outputShows(process: Running, pattern: RegExp): Promise<void> {
  await until(() => {
    if (process.hasEnded()) throw new Error(`ended early:\n${process.output()}`);
    return pattern.test(process.output());
  });
}

async function status(desk: Desk) {
  return JSON.parse((await desk.run(['status', 'out', '--json'])).stdout) as {
    state: string;
    counts: Record<'admitted' | 'succeeded' | 'cancelled' | 'pending', number>;
  };
}

async function history(desk: Desk) {
  if (!existsSync(`${desk.folder}/out/history.jsonl`)) return [];
  const text = await desk.read('out/history.jsonl');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { brief_id: string; attempt: number; status: string });
}

/** One line a brief, counts that add up, and nothing paid twice (S4). */
async function expectOneLineEach(desk: Desk, briefs: number) {
  const lines = await desk.lines('out');
  expect(new Set(lines.map((line) => line.brief_id)).size).toBe(briefs);
  expect(lines).toHaveLength(briefs);
  const { counts } = await desk.report('out');
  expect(counts).toMatchObject({ admitted: briefs, pending: 0 });
  expect(counts.succeeded + counts.failed + counts.unknown + counts.cancelled).toBe(briefs);
  expect(desk.simulator.bill().billedTwice).toEqual([]);
  return lines;
}

describe.concurrent('pause and resume', () => {
  test('pause holds submissions and lets accepted work finish; resume goes on', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ credits: 5 });
    await desk.write('in.csv', productsCsv(40));
    const process = desk.start(run);
    await outputShows(process, /out of credits/);
    const paused = await desk.run(['pause', 'out']);
    expect(paused).toMatchObject({ code: 0 });
    expect(paused.stdout).toMatch(/paused/);
    await outputShows(process, /This batch is paused/);
    // What had leave to send before the pause is refused, too, before there are credits again.
    await untilStages(desk, () => true);
    await addCredits(desk, 1_000);
    await until(async () => (await linesSoFar(desk)).length === 5);
    // Another batch of the account goes through: nothing but the pause holds this one back.
    await desk.write('other.csv', productsCsv(2).replaceAll('Product', 'Article'));
    const other = ['run', 'other.csv', '--out', 'other', ...mapping, ...fast];
    expect(await desk.run(other)).toMatchObject({ code: 0 });
    expect(await desk.run(['pause', 'out'])).toMatchObject({ code: 0 });
    expect((await status(desk)).counts).toMatchObject({ succeeded: 5, pending: 35 });
    expect(tasksMade(desk)).toBe(5 + 2);
    const resumed = await desk.run(['resume', 'out', '--json']);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ batch: 'out', was_paused: true });
    expect((await process.finished).code).toBe(0);
    await expectOneLineEach(desk, 40);
    expect(tasksMade(desk)).toBe(40 + 2);
  });

  test('a finished batch cannot be paused, and an unknown one is exit 2', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(1));
    expect((await desk.run([...run])).code).toBe(0);
    for (const command of ['pause', 'cancel'] as const) {
      const done = await desk.run([command, 'out']);
      expect(done).toMatchObject({ code: 0 });
      expect(done.stdout).toMatch(/is finished/);
      expect(await desk.run([command, 'nobody'])).toMatchObject({ code: 2 });
    }
    expect((await desk.run(['resume', 'out'])).stdout).toMatch(/was not paused/);
    for (const command of ['resume', 'retry']) {
      expect(await desk.run([command, 'nobody'])).toMatchObject({ code: 2 });
    }
    expect((await desk.run(run)).code).toBe(0);
  });
});

describe.concurrent('cancel', () => {
  test('accepted work is collected, the rest gets a line, and run ends with 3 (S3, S4)', async ({
    openDesk,
  }) => {
    const clock = new SetClock();
    const desk = await openDesk({ ...slowTasks, clock, credits: 5 });
    await desk.write('in.csv', productsCsv(40));
    const process = desk.start(run);
    await outputShows(process, /out of credits/);
    await untilAccepted(desk, 5);
    const cancelled = await desk.run(['cancel', 'out', '--json']);
    expect(cancelled).toMatchObject({ code: 0 });
    // Those that were just being refused are ended by the run that is at them; the lines below count them all.
    expect(JSON.parse(cancelled.stdout)).toMatchObject({ batch: 'out', abandoned: 0, pending: 5 });
    expect(process.hasEnded()).toBe(false);
    clock.letTasksEnd();
    const end = await process.finished;
    expect(end.code).toBe(3);
    expect(end.stdout).toContain('rivya-batch retry out --status cancelled');
    const lines = await expectOneLineEach(desk, 40);
    expect(lines.filter((line) => line.status === 'succeeded')).toHaveLength(5);
    expect(lines.filter((line) => line.error?.code === 'cancelled')).toHaveLength(35);
    expect((await desk.report('out')).credits.spent).toBe(5);
  });

  test('a cancelled batch says so, takes nothing more, and is taken back by retry (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ credits: 5 });
    await desk.write('in.csv', productsCsv(20));
    const process = desk.start([...run, ...fast]);
    await outputShows(process, /out of credits/);
    expect(await desk.run(['cancel', 'out'])).toMatchObject({ code: 0 });
    expect((await process.finished).code).toBe(3);
    await addCredits(desk, 1_000);
    await desk.write('in.csv', productsCsv(25));
    const again = await desk.run([...run, ...fast]);
    expect(again.code).toBe(3);
    expect(again.stdout).toContain('rivya-batch retry out --status cancelled');
    const enqueued = await desk.run(['enqueue', 'in.csv', '--out', 'out', ...mapping]);
    expect(enqueued).toMatchObject({ code: 2 });
    await expectOneLineEach(desk, 20);
    expect(tasksMade(desk)).toBe(5);
    const retried = await desk.run(['retry', 'out', '--status', 'cancelled', '--yes', '--json']);
    expect(JSON.parse(retried.stdout)).toMatchObject({ reopened: 15, may_pay_twice: 0 });
    expect((await desk.run([...run, ...fast])).code).toBe(0);
    await expectOneLineEach(desk, 25);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 25, spent: 25 });
    expect(await history(desk)).toHaveLength(15);
  });

  test('without any worker: lines and closing files are written by cancel itself (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(30));
    await desk.run(['enqueue', 'in.csv', '--out', 'out', ...mapping]);
    await desk.run(['pause', 'out']);
    expect(await desk.run(['cancel', 'out'])).toMatchObject({ code: 0 });
    const lines = await expectOneLineEach(desk, 30);
    expect(lines.every((line) => line.status === 'cancelled')).toBe(true);
    expect(tasksMade(desk)).toBe(0);
    expect((await desk.run(run)).code).toBe(3);
    expect(tasksMade(desk)).toBe(0);
  });

  test('a killed run that is cancelled still collects what was accepted (S3)', async ({
    openDesk,
  }) => {
    const clock = new SetClock();
    const desk = await openDesk({ ...slowTasks, clock, credits: 4 });
    await desk.write('in.csv', productsCsv(30));
    const killed = desk.start(run);
    await outputShows(killed, /out of credits/);
    await untilAccepted(desk, 4);
    killed.kill('SIGKILL');
    await killed.finished;
    expect((await desk.run(['cancel', 'out'])).stdout).toMatch(/still to be collected/);
    clock.letTasksEnd();
    // What was about to be sent at the kill is in doubt, and settled under its key like any other (S1).
    await addCredits(desk, 1_000);
    desk.simulator.control({ speed: 20, durationMs: null });
    expect((await desk.run(run)).code).toBe(3);
    const lines = await expectOneLineEach(desk, 30);
    const succeeded = lines.filter((line) => line.status === 'succeeded').length;
    expect(succeeded).toBeGreaterThanOrEqual(4);
    expect(succeeded).toBe(tasksMade(desk));
    const others = lines.filter((line) => line.status !== 'succeeded');
    expect(others.every((line) => line.error?.code === 'cancelled')).toBe(true);
  });

  test('--abandon asks, ends everything at once, and retry costs nothing twice (S1, S4)', async ({
    openDesk,
  }) => {
    const clock = new SetClock();
    const desk = await openDesk({ ...slowTasks, clock, credits: 4 });
    await desk.write('in.csv', productsCsv(20));
    const process = desk.start(run);
    await outputShows(process, /out of credits/);
    await untilAccepted(desk, 4);
    const asked = await desk.run(['cancel', 'out', '--abandon']);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toMatch(/gives up 4 tasks under way: 4 credits/);
    expect((await status(desk)).counts.cancelled).toBe(0);
    expect(await desk.run(['cancel', 'out', '--abandon', '--yes'])).toMatchObject({ code: 0 });
    expect((await process.finished).code).toBe(3);
    const lines = await expectOneLineEach(desk, 20);
    const abandoned = lines.filter((line) => line.error?.code === 'abandoned');
    expect(abandoned).toHaveLength(4);
    expect(abandoned.every((line) => line.task_id !== null)).toBe(true);
    expect((await desk.report('out')).credits.spent).toBe(4);
    clock.letTasksEnd();
    await addCredits(desk, 1_000);
    const retried = await desk.run(['retry', 'out', '--status', 'cancelled', '--yes', '--json']);
    expect(JSON.parse(retried.stdout)).toMatchObject({ rereads: 4, new_attempts: 16 });
    desk.simulator.control({ speed: 20, durationMs: null });
    expect((await desk.run([...run, ...fast])).code).toBe(0);
    await expectOneLineEach(desk, 20);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 20, spent: 20 });
    expect((await desk.report('out')).credits.spent).toBe(20);
  });
});

describe.concurrent('retry', () => {
  test('failed briefs get a new attempt, and their earlier lines go to the history (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['task-fails=nsfw/kept:3x'] });
    await desk.write('in.csv', productsCsv(8));
    expect((await desk.run([...run, ...fast])).code).toBe(3);
    const failed = (await desk.lines('out')).filter((line) => line.status === 'failed');
    expect(failed).toHaveLength(3);
    const asked = await desk.run(['retry', 'out']);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toMatch(/3 failed: new attempts, about 3 credits \(as charged before\)/);
    expect(await history(desk)).toEqual([]);
    const retried = await desk.run(['retry', 'out', '--yes']);
    expect(retried.code).toBe(0);
    expect(retried.stdout).toMatch(/new attempts: 3;/);
    expect(await desk.lines('out')).toHaveLength(5);
    // What is open again is work that is left, and nothing that is missing.
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    expect((await desk.run([...run, ...fast])).code).toBe(0);
    const lines = await expectOneLineEach(desk, 8);
    const again = lines.filter((line) => line.attempt === 2);
    expect(again.map((line) => line.brief_id).sort()).toEqual(
      failed.map((line) => line.brief_id).sort(),
    );
    // No earlier attempt has left a picture: each brief's only one has the plain name.
    expect(await desk.assets('out')).toEqual(lines.map((line) => `${line.brief_id}.png`).sort());
    expect(await history(desk)).toMatchObject(
      failed.map(({ brief_id }) => ({ brief_id, attempt: 1, status: 'failed' })),
    );
    const bill = desk.simulator.bill();
    expect(bill.total).toMatchObject({ tasks: 11, spent: 11 });
    expect((await desk.report('out')).credits.spent).toBe(11);
    expect((await desk.run(['retry', 'out', '--yes'])).stdout).toMatch(/nothing to retry/);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
  });

  test('a running worker makes what is opened again', async ({ openDesk }) => {
    const desk = await openDesk({ faults: ['task-fails=nsfw/refunded:2x'] });
    await desk.write('in.csv', productsCsv(4));
    expect((await desk.run([...run, ...fast])).code).toBe(3);
    const worker = desk.start(['worker', ...fast]);
    await outputShows(worker, /worker ready/);
    expect((await desk.run(['retry', 'out', '--status', 'failed', '--yes'])).code).toBe(0);
    await until(async () => (await desk.report('out')).counts.succeeded === 4);
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    await expectOneLineEach(desk, 4);
    expect(tasksMade(desk)).toBe(6);
  });

  test('an unknown outcome without a task id may be paid twice, and only when told to (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      idempotency: 'conflict',
      faults: ['lose-answer-after-accept:1x'],
    });
    await desk.write('in.csv', productsCsv(2));
    expect((await desk.run([...run, ...fast])).code).toBe(3);
    const asked = await desk.run(['retry', 'out', '--status', 'unknown']);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toMatch(/Perhaps paid already: 1\./);
    expect((await desk.run(['retry', 'out', '--yes', '--json'])).stdout).toContain(
      '"may_pay_twice":1',
    );
    expect((await desk.run([...run, ...fast])).code).toBe(0);
    await expectOneLineEach(desk, 2);
    expect(tasksMade(desk)).toBe(3);
  });

  for (const command of ['run', 'retry'] as const) {
    test(`a task that was overdue is looked at again by ${command}, for nothing (S1, S3)`, async ({
      openDesk,
    }) => {
      const clock = new SetClock();
      const desk = await openDesk({ ...slowTasks, clock });
      await desk.write('in.csv', productsCsv(2));
      const killed = desk.start(run);
      await untilAccepted(desk, 2);
      killed.kill('SIGKILL');
      await killed.finished;
      await makeOverdue(desk);
      expect((await desk.run(run)).code).toBe(3);
      const overdue = await desk.lines('out');
      expect(overdue.map((line) => line.error?.code)).toEqual(['task_overdue', 'task_overdue']);
      expect((await desk.run(run)).code).toBe(3);
      expect(await history(desk)).toHaveLength(2);
      clock.letTasksEnd();
      if (command === 'retry') {
        const retried = await desk.run(['retry', 'out', '--yes', '--json']);
        expect(JSON.parse(retried.stdout)).toMatchObject({
          rereads: 2,
          new_attempts: 0,
          expected_credits: 0,
        });
      }
      expect((await desk.run(run)).code).toBe(0);
      const lines = await expectOneLineEach(desk, 2);
      expect(lines.map((line) => line.task_id).sort()).toEqual(
        overdue.map((line) => line.task_id).sort(),
      );
      expect(lines.every((line) => line.attempt === 1)).toBe(true);
      expect(await history(desk)).toHaveLength(4);
      expect(desk.simulator.bill().requests.byEndpoint.submit).toEqual({ 200: 2 });
      expect((await desk.report('out')).credits.spent).toBe(2);
    });
  }

  test.skipIf(process.platform !== 'linux')(
    'a no to a run that looks at an overdue task again leaves a report that is right (S3, S4)',
    async ({ openDesk }) => {
      const desk = await openDesk({ ...slowTasks, clock: new SetClock() });
      await desk.write('in.csv', productsCsv(2));
      const killed = desk.start(run);
      await untilAccepted(desk, 2);
      killed.kill('SIGKILL');
      await killed.finished;
      await makeOverdue(desk);
      expect((await desk.run(run)).code).toBe(3);
      await desk.write('in.csv', productsCsv(3));
      const asking = [...run, '--ask-above', '0'];
      const no = await atTerminal(desk, asking, { answers: { 'Go on?': 'n\r' } });
      expect(no.code).toBe(130);
      expect(no.text).toContain('2 tasks checked again');
      expect((await desk.report('out')).counts).toMatchObject({ unknown: 0, pending: 2 });
      expect((await desk.run(['verify', 'out'])).code).toBe(0);
    },
  );

  test('rejects a status that cannot be retried', async ({ openDesk }) => {
    const desk = await openDesk();
    const wrong = await desk.run(['retry', 'out', '--status', 'succeeded']);
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toMatch(/failed, unknown, cancelled/);
  });

  test('retry opens nothing under another key than the batch was made with', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['task-fails=nsfw/refunded:1x'] });
    await desk.write('in.csv', productsCsv(2));
    expect((await desk.run([...run, ...fast])).code).toBe(3);
    const retry = (environment: Record<string, string>) =>
      desk.run(['retry', 'out', '--yes'], { environment });
    const refused = await retry({ RIVYA_API_KEY: 'rvya_sk_another' });
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(/was made with another API key/);
    expect((await retry({ RIVYA_BASE_URL: 'https://other.test' })).stderr).toContain(
      `was made with ${desk.simulator.origin}, not https://other.test`,
    );
    expect(await desk.lines('out')).toHaveLength(2);
    // Without a key, the work is for workers elsewhere.
    expect(await retry({ RIVYA_API_KEY: '' })).toMatchObject({ code: 0 });
    expect(await desk.lines('out')).toHaveLength(1);
  });
});

describe.concurrent('status', () => {
  test('of a finished batch says how many lines wait for their folder (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    await desk.run(['enqueue', 'in.csv', '--out', 'out', ...mapping]);
    // Nothing can be written where the manifest would be.
    await mkdir(join(desk.folder, 'out', 'manifest.jsonl'));
    const worker = desk.start(['worker', ...fast]);
    const status = async (...parameters: string[]) =>
      (await desk.run(['status', ...parameters])).stdout;
    await until(async () => /unwritten":3/.test(await status('out', '--json')));
    expect(JSON.parse(await status('out', '--json'))).toMatchObject({ state: 'finished' });
    expect(await status('out')).toMatch(/out: finished\n(.*\n)*.*to write +3 lines not in the/);
    expect(JSON.parse(await status('--json'))).toMatchObject([{ batch: 'out', unwritten: 3 }]);
    expect(await status()).toMatch(/^out +finished +3 +3 +0 +0 +0 +0 +3 +3$/m);
    await rmdir(join(desk.folder, 'out', 'manifest.jsonl'));
    // The next worker looks at once.
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    const next = desk.start(['worker', ...fast]);
    await until(async () => /unwritten":0/.test(await status('out', '--json')));
    expect(await status('out')).not.toContain('to write');
    next.kill('SIGTERM');
    expect((await next.finished).code).toBe(0);
  });
});
