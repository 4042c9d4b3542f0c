import { appendFile, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { readJournal, readJournalHeader } from '../../src/results/journal.js';
import type { RunReport } from '../../src/results/run-report.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment } from '../support/crash-points.js';
import { keepRedis } from '../support/keep-redis.js';
import { connect } from '../support/ledger.js';
import { startServer } from '../support/redis-server.js';
import { until } from '../support/until.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, '--rate', '20', '--in-flight', '100'];

/** Starts the run and kills it, and all that Redis knew, when `tasks` are accepted. */
async function runAndLoseEverything(desk: Desk, tasks: number, command = run): Promise<void> {
  const running = desk.start(command);
  while (desk.simulator.bill().total.tasks < tasks) await sleep(20);
  running.kill('SIGKILL');
  await running.finished;
  await desk.losePrivateRedis();
}

describe.concurrent('Redis and all its state are gone', () => {
  test('the same command goes on under the same keys and costs nothing twice (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', durationMs: 30_000 });
    await desk.write('in.csv', productsCsv(30));
    await runAndLoseEverything(desk, 12);
    expect((await desk.run(run)).code).toBe(0);
    const lines = await desk.lines('out');
    expect(new Set(lines.map((line) => line.brief_id)).size).toBe(30);
    expect(lines).toHaveLength(30);
    const bill = desk.simulator.bill();
    expect(bill.billedTwice).toEqual([]);
    expect(bill.total.tasks).toBe(30);
    expect((await desk.report('out')).counts).toMatchObject({ admitted: 30, succeeded: 30 });
    expect((await desk.report('out')).credits.spent).toBe(bill.total.spent);
  });

  test('a finished batch stays finished, torn last line included (S1, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', productsCsv(5));
    expect((await desk.run(run)).code).toBe(0);
    await desk.losePrivateRedis();
    await appendFile(join(desk.folder, 'out/manifest.jsonl'), '{"brief_id":"torn');
    expect((await desk.run(run)).code).toBe(0);
    expect(await desk.lines('out')).toHaveLength(5);
    expect(desk.simulator.bill().requests.byEndpoint.submit).toEqual({ 200: 5 });
  });

  test('what the API may have forgotten becomes unknown and is not sent again (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      redis: 'private',
      durationMs: 60_000,
      faults: ['lose-answer-after-accept:2x'],
    });
    await desk.write('in.csv', productsCsv(20));
    await runAndLoseEverything(desk, 5);
    const journal = await readJournal(join(desk.folder, 'out'));
    const sent = journal?.sends.size ?? 0;
    // On a slow machine the first run has asked again itself.
    const { replays } = desk.simulator.bill();
    await sleep(2_000);
    const { code } = await desk.run([...run, '--key-life', '0.0005']);
    expect(code).toBe(3);
    const lines = await desk.lines('out');
    expect(lines).toHaveLength(20);
    const unknown = lines.filter((line) => line.status === 'unknown');
    // A task that is known is looked at, however old its key is (S3).
    expect(unknown.length).toBe(sent - (journal?.tasks.size ?? 0));
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown.every((line) => line.error?.code === 'outcome_unknown')).toBe(true);
    expect(desk.simulator.bill().billedTwice).toEqual([]);
    expect(desk.simulator.bill().replays).toBe(replays);
  });

  test('what was sent before the input changed is collected, and then made as it is now (S1, S3)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', durationMs: 60_000 });
    await desk.write('in.csv', productsCsv(20));
    await runAndLoseEverything(desk, 5);
    const before = desk.simulator.bill().total.tasks;
    const sent = (await desk.read('out/journal.jsonl')).split('"sentAt"').length - 1;
    const changed = productsCsv(20).replaceAll('Product', 'Article');
    await desk.write('in.csv', changed);
    expect((await desk.run(run)).code).toBe(0);
    const lines = await desk.lines('out');
    expect(lines.filter(({ prompt }) => prompt?.includes('Article'))).toHaveLength(20);
    expect((await desk.read('out/history.jsonl')).trimEnd().split('\n')).toHaveLength(sent);
    expect(desk.simulator.bill().total.tasks).toBe(sent + 20);
    expect(before).toBeLessThanOrEqual(sent);
    expect((await desk.run(run)).stdout).toContain('finished');
    expect(desk.simulator.bill().total.tasks).toBe(sent + 20);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
  });

  test('what was paid is collected and counted, though its rows have left the input, and its key its life (S3, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      redis: 'private',
      durationMs: 60_000,
      keyLifetimeMs: 100,
      idempotency: 'bills-twice',
    });
    await desk.write('in.csv', productsCsv(20));
    await runAndLoseEverything(desk, 8, [...run, '--key-life', '0.0005']);
    const [head = '', ...rows] = productsCsv(24).trimEnd().split('\n');
    // Every other row is gone, the others stand upside down, and new ones have come.
    const edited = rows.reverse().filter((_row, index) => index % 2 === 0);
    await desk.write('in.csv', `${[head, ...edited].join('\n')}\n`);
    const { code } = await desk.run([...run, '--key-life', '0.0005']);
    const lines = await desk.lines('out');
    const bill = desk.simulator.bill();
    const collected = lines.filter(({ status }) => status === 'succeeded');
    const unknown = lines.filter(({ status }) => status === 'unknown');
    // One whose answer the kill took along has a line as well, and is left to a person.
    expect(bill.total.tasks).toBeLessThanOrEqual(collected.length + unknown.length);
    expect(bill.total.tasks).toBeGreaterThanOrEqual(collected.length);
    expect(code).toBe(unknown.length > 0 ? 3 : 0);
    expect(lines.filter(({ input }) => input.title === `Product ${Number(input.sku)}`)).toEqual(
      lines,
    );
    expect((await desk.report('out')).counts).toMatchObject({
      admitted: lines.length,
      pending: 0,
      unknown: unknown.length,
    });
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    expect(bill.billedTwice).toEqual([]);
  });

  test('without a journal too, nothing that may have been sent is paid twice (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', speed: 100 });
    await desk.write('in.csv', productsCsv(40));
    const running = desk.start(run);
    await until(async () => (await desk.lines('out').catch(() => [])).length >= 5);
    running.kill('SIGKILL');
    await running.finished;
    await desk.losePrivateRedis();
    await rm(join(desk.folder, 'out/journal.jsonl'));
    expect((await desk.run(run)).code).toBe(0);
    expect(await desk.lines('out')).toHaveLength(40);
    expect(desk.simulator.bill().total.tasks).toBe(40);
  });

  test('what was sent counts against the cap before anything else does (S3, S6)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', durationMs: 60_000 });
    await desk.write('in.csv', productsCsv(10));
    const capped = [...run, '--max-credits', '5'];
    await runAndLoseEverything(desk, 5, capped);
    // The file has been sorted anew meanwhile: those that were sent are not the first any more.
    const [head = '', ...rows] = productsCsv(10).trimEnd().split('\n');
    await desk.write('in.csv', `${[head, ...rows.reverse()].join('\n')}\n`);
    expect((await desk.run(capped)).code).toBe(4);
    expect(desk.simulator.bill().total.spent).toBe(5);
    expect(await desk.lines('out')).toHaveLength(5);
  });

  test('so does what ended as unknown, whose row may be gone (S6)', async ({ openDesk }) => {
    const desk = await openDesk({
      redis: 'private',
      idempotency: 'conflict',
      faults: ['lose-answer-after-accept:1x'],
    });
    await desk.write('in.csv', productsCsv(1));
    const capped = [...run, '--batch', 'b', '--max-credits', '2'];
    expect((await desk.run(capped)).code).toBe(3);
    expect((await desk.lines('out'))[0]?.status).toBe('unknown');
    await desk.losePrivateRedis();
    await desk.write('in.csv', `sku,title\n${['a', 'b', 'c'].map((id) => `${id},T`).join('\n')}\n`);
    expect((await desk.run(capped)).code).toBe(4);
    // The one in doubt may have cost as much as the cap allows: nothing is left for the others.
    expect(desk.simulator.bill().total.spent).toBe(1);
  });
});

describe.concurrent('a cap after a lost Redis', () => {
  test('knows the prices that the manifest tells (S6)', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private', prices: { 'z-image': 9 } });
    await desk.write('in.csv', productsCsv(14));
    const capped = [...run, '--max-credits', '100'];
    expect((await desk.run(capped)).code).toBe(4);
    expect(desk.simulator.bill().total.spent).toBe(99);
    await desk.losePrivateRedis();
    expect((await desk.run(capped)).code).toBe(4);
    expect(desk.simulator.bill().total.spent).toBe(99);
  });
});

describe.concurrent('Redis goes back in time', () => {
  for (const who of ['the same command', 'a worker'] as const) {
    test(`past the life of the keys, ${who} goes on, and nothing is paid twice (S1, S4)`, async ({
      openDesk,
    }) => {
      const desk = await openDesk({
        redis: 'private',
        durationMs: 10_000,
        keyLifetimeMs: 100,
        idempotency: 'bills-twice',
      });
      await desk.write('in.csv', productsCsv(30));
      const limited = [...run, '--key-life', '0.0005'];
      const first = desk.start(limited);
      await desk.tasksMade(4);
      first.kill('SIGKILL');
      await first.finished;
      await desk.keepPrivateRedis();
      const second = desk.start(limited);
      // Fewer where a slow machine has let more than ten keys run out: then it has come to its end.
      while (!second.hasEnded() && desk.simulator.bill().total.tasks < 20) await sleep(20);
      // With lines that the Redis of before knows nothing of.
      const hasLine = async () => (await desk.read('out/manifest.jsonl')).includes('\n');
      while (!second.hasEnded() && !(await hasLine())) await sleep(20);
      second.kill('SIGKILL');
      await second.finished;
      const known = await desk.lines('out');
      await desk.turnBackPrivateRedis();
      if (who === 'a worker') await workedBy(desk, ['--key-life', '0.0005', '--rate', '20']);
      else await desk.run(limited);
      const lines = await desk.lines('out');
      expect(lines.slice(0, known.length)).toEqual(known);
      expect(new Set(lines.map((line) => line.brief_id)).size).toBe(30);
      expect(lines).toHaveLength(30);
      const unknown = lines.filter(({ status }) => status === 'unknown');
      const { total } = desk.simulator.bill();
      expect(total.tasks).toBeGreaterThanOrEqual(30 - unknown.length);
      expect(total.tasks).toBeLessThanOrEqual(30);
      expect((await desk.run(['verify', 'out'])).code).toBe(0);
    });
  }

  test('under a worker that lives, which sends nothing before it has compared: nothing is paid twice (S1, S3)', async ({
    openDesk,
  }) => {
    const server = await startServer();
    onTestFinished(server.stop);
    const REDIS_URL = `unix://${server.socket}`;
    const desk = await openDesk({
      durationMs: 10_000,
      keyLifetimeMs: 100,
      idempotency: 'bills-twice',
    });
    await desk.write('in.csv', productsCsv(8));
    const enqueue = ['enqueue', 'in.csv', '--out', 'out', ...mapping];
    const environment = { REDIS_URL };
    expect((await desk.run(enqueue, { environment })).code).toBe(0);
    const redis = connect(server.socket);
    const turnBack = await keepRedis(redis, '');
    const worker = desk.start(['worker', ...fast], environment);
    await desk.tasksMade(8);
    // Until the API has forgotten every key.
    await sleep(200);
    await turnBack();
    await until(async () => (await desk.report('out').catch(() => null))?.state === 'finished');
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(8);
    expect(await desk.lines('out')).toHaveLength(8);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
  });

  test('before a retry, which the same command then knows of (S1, S4)', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private', faults: ['task-fails=nsfw/refunded:2x'] });
    await desk.write('in.csv', productsCsv(4));
    expect((await desk.run(run)).code).toBe(3);
    await desk.keepPrivateRedis();
    expect((await desk.run(['retry', 'out', '--yes'])).code).toBe(0);
    expect((await desk.run(run)).code).toBe(0);
    await desk.turnBackPrivateRedis();
    expect((await desk.run(run)).code).toBe(0);
    expect(await desk.lines('out')).toHaveLength(4);
    expect(desk.simulator.bill().total.tasks).toBe(6);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
  });
});

/** A worker serves the batch to its end. */
async function workedBy(
  desk: Desk,
  flags: string[],
  isDone = (report: RunReport) => report.state === 'finished',
): Promise<void> {
  const worker = desk.start(['worker', '--out', 'out', ...flags]);
  const report = () => desk.report('out').catch(() => null);
  for (let now = await report(); now === null || !isDone(now); now = await report()) {
    // Whoever has ended makes nothing more, and has said why.
    if (worker.hasEnded()) throw new Error(worker.output());
    await sleep(50);
  }
  worker.kill('SIGTERM');
  expect((await worker.finished).code).toBe(0);
}

describe.concurrent('a batch that was queued without its folder', () => {
  const unnamed = ['enqueue', 'in.csv', ...mapping];

  const worked = (desk: Desk, rows: number) =>
    workedBy(desk, fast, ({ counts }) => counts.admitted === rows);

  test('is not paid again when Redis is lost; with its folder it goes on (S1, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', idempotency: 'bills-twice' });
    await desk.write('in.csv', productsCsv(4));
    expect((await desk.run(unnamed)).code).toBe(0);
    await worked(desk, 4);
    const manifest = await desk.read('out/manifest.jsonl');
    await desk.losePrivateRedis();
    await desk.write('in.csv', productsCsv(6));
    expect((await desk.run(unnamed)).code).toBe(0);
    const refusing = desk.start(['worker', '--out', 'out', ...fast]);
    const queueAgain = `Queue it again with --out ${join(desk.folder, 'out')}`;
    const status = async () => (await desk.run(['status', 'in'])).stdout;
    await until(async () => (await status()).includes(queueAgain));
    expect(JSON.parse((await desk.run(['status', 'in', '--json'])).stdout).not_begun).toContain(
      queueAgain,
    );
    expect(desk.simulator.bill().total.tasks).toBe(4);
    expect(await desk.read('out/manifest.jsonl')).toBe(manifest);
    refusing.kill('SIGTERM');
    expect((await refusing.finished).code).toBe(0);
    const again = await desk.run([...unnamed, '--out', 'out', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ briefs: 6, pending: 2 });
    await worked(desk, 6);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 6, spent: 6 });
    expect((await desk.read('out/manifest.jsonl')).startsWith(manifest)).toBe(true);
  });
});

describe.concurrent('a folder that was named on a machine without it', () => {
  test('is not written over by what was queued so, and goes on where it is (S1, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private', idempotency: 'bills-twice' });
    const [out, elsewhere] = [join(desk.folder, 'out'), join(desk.folder, 'elsewhere')];
    await desk.write('in.csv', productsCsv(3));
    expect((await desk.run([...run, '--limit', '2'])).code).toBe(0);
    const manifest = await desk.read('out/manifest.jsonl');
    await desk.losePrivateRedis();
    await rename(out, elsewhere);
    const enqueue = ['enqueue', 'in.csv', '--out', 'out', ...mapping];
    expect((await desk.run(enqueue)).code).toBe(0);
    await rm(out, { recursive: true });
    await rename(elsewhere, out);
    const worker = desk.start(['worker', ...fast]);
    await until(async () => (await desk.run(['status', 'out'])).stdout.includes('not begun'));
    expect((await desk.run(['cancel', 'out'])).code).toBe(0);
    expect(await desk.read('out/manifest.jsonl')).toBe(manifest);
    expect((await desk.run(enqueue)).code).toBe(0);
    await until(async () => (await desk.report('out')).counts.admitted === 3);
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 3, spent: 3 });
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
  });
});

describe.concurrent('--fresh', () => {
  test('pays again on purpose, keeps the old lines and pictures', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    expect((await desk.run(run)).code).toBe(0);
    expect((await desk.run([...run, '--fresh'])).code).toBe(0);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 6, spent: 6 });
    expect(await desk.lines('out')).toHaveLength(3);
    expect((await desk.read('out/history.jsonl')).trimEnd().split('\n')).toHaveLength(3);
    expect(await desk.assets('out')).toHaveLength(6);
    // Without the option the fresh life is the one that goes on, and it is finished.
    expect((await desk.run(run)).stdout).toMatch(/finished/);
    expect(desk.simulator.bill().total.tasks).toBe(6);
  });

  test('an interrupted fresh start is continued by the same command, not begun again', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(20));
    expect((await desk.run(run)).code).toBe(0);
    const fresh = desk.start([...run, '--fresh']);
    while (desk.simulator.bill().total.tasks < 25) await sleep(20);
    fresh.kill('SIGINT');
    expect((await fresh.finished).code).toBe(130);
    expect((await desk.run([...run, '--fresh'])).code).toBe(0);
    expect(desk.simulator.bill().total.tasks).toBe(40);
    expect(await desk.lines('out')).toHaveLength(20);
  });
});

describe.concurrent('--fresh that is killed', () => {
  /** After the old life is put aside, and after the new one has its journal. */
  for (const point of [
    'after file rm rejected.csv*',
    'after file rm journal.jsonl*|after file rename journal.jsonl*',
  ]) {
    test(`${point}: the same command makes one new life, under keys of its own (S1)`, async ({
      openDesk,
    }) => {
      const desk = await openDesk();
      await desk.write('in.csv', productsCsv(2));
      expect((await desk.run(run)).code).toBe(0);
      const fresh = [...run, '--fresh'];
      const killed = desk.start(fresh, crashEnvironment(desk, { point }));
      expect((await killed.finished).code).toBeNull();
      expect(await readJournalHeader(join(desk.folder, 'out'))).not.toBeNull();
      expect((await desk.run(fresh)).code).toBe(0);
      expect(desk.simulator.bill()).toMatchObject({ total: { tasks: 4 }, replays: 0 });
      expect((await desk.read('out/history.jsonl')).trimEnd().split('\n')).toHaveLength(2);
      expect((await desk.run(['verify', 'out'])).code).toBe(0);
    });
  }
});

describe.concurrent('forget that is killed', () => {
  test('has forgotten nothing of the batch, or all of it (S1, S4)', async ({ openDesk }) => {
    for (const point of [
      'before redis unlink*|before redis rivya:forget*',
      'after redis unlink*|after redis rivya:forget*',
    ]) {
      const desk = await openDesk({ idempotency: 'bills-twice' });
      await desk.write('in.csv', productsCsv(2));
      expect((await desk.run(run)).code).toBe(0);
      const killed = desk.start(['forget', 'out'], crashEnvironment(desk, { point }));
      expect((await killed.finished).code).toBeNull();
      expect((await desk.run(run)).code).toBe(0);
      expect(desk.simulator.bill().total.tasks).toBe(2);
      expect(await desk.lines('out')).toHaveLength(2);
    }
  });
});

describe.concurrent('a manifest that is damaged at its end', () => {
  test('a finished batch whose last line is torn is made whole and paid for once (S1, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(4));
    expect((await desk.run(run)).code).toBe(0);
    const whole = await desk.read('out/manifest.jsonl');
    await truncate(join(desk.folder, 'out/manifest.jsonl'), whole.length - 40);
    expect((await desk.run(['verify', 'out'])).code).toBe(1);
    expect((await desk.run(run)).code).toBe(0);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
    expect(await desk.lines('out')).toHaveLength(4);
    expect(desk.simulator.bill().total).toMatchObject({ tasks: 4, spent: 4 });
  });

  test('a torn piece behind the last line is cut off', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    expect((await desk.run(run)).code).toBe(0);
    await appendFile(join(desk.folder, 'out/manifest.jsonl'), '{"brief_id":"torn');
    expect((await desk.run(['verify', 'out'])).code).toBe(1);
    expect((await desk.run(run)).code).toBe(0);
    expect((await desk.run(['verify', 'out'])).code).toBe(0);
  });
});
