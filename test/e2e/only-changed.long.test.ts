import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, test } from '../support/cli.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping];
const quick = [...run, ...fast];

/** Ids from 1 on; what stands in `titles` takes the place of a row's title. */
function csv(count: number, titles: Record<number, string> = {}, without: number[] = []): string {
  const rows = Array.from({ length: count }, (_, index) => index + 1)
    .filter((number) => !without.includes(number))
    .map((number) => `${String(number).padStart(4, '0')},${titles[number] ?? `Product ${number}`}`);
  return `sku,title\n${rows.join('\n')}\n`;
}

interface Compared {
  same: number;
  changed: number;
  forced: number;
  new: number;
  gone: number;
  undecided: number;
}

async function runJson(desk: Desk, command: string[]) {
  const { code, stdout, stderr } = await desk.run([...command, '--json']);
  return { code, stderr, ...(JSON.parse(stdout) as { compared: Compared }) };
}

async function history(desk: Desk) {
  if (!existsSync(`${desk.folder}/out/history.jsonl`)) return [];
  return (await desk.read('out/history.jsonl'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { brief_id: string; attempt: number; prompt: string });
}

const tasks = (desk: Desk) => desk.simulator.bill().total.tasks;
const promptOf = (lines: Awaited<ReturnType<Desk['lines']>>, id: string) =>
  lines.find((line) => line.brief_id === id)?.prompt;

async function expectWhole(desk: Desk): Promise<void> {
  const verified = await desk.run(['verify', 'out', '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, problems: [] });
  expect(desk.simulator.bill().billedTwice).toEqual([]);
}

describe.concurrent('a later run of a batch on an edited file', () => {
  test('spends on changed and new briefs alone, and keeps earlier lines and pictures (S1, S4, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', csv(10));
    const first = await runJson(desk, quick);
    expect(first.compared).toMatchObject({ same: 0, new: 10 });
    expect(first.stderr).not.toMatch(/as before/);
    await desk.write('in.csv', csv(11, { 3: 'Red thing', 7: 'Blue thing' }, [5]));
    const second = await runJson(desk, quick);
    expect(second.code).toBe(0);
    expect(second.stderr).toContain('7 as before, 2 changed, 1 new, 1 gone (kept)');
    expect(second.compared).toEqual({
      ...{ same: 7, changed: 2, forced: 0, new: 1, gone: 1, undecided: 0, being_made: 0 },
    });
    expect(tasks(desk)).toBe(10 + 3);
    const lines = await desk.lines('out');
    expect(lines.map((line) => line.brief_id).sort()).toHaveLength(11);
    expect(promptOf(lines, '0003')).toBe('Photo of Red thing');
    const made = lines.filter((line) => line.run === 2);
    expect(made.map(({ brief_id, attempt, seq }) => [brief_id, attempt, seq]).sort()).toEqual([
      ['0003', 2, 3],
      ['0007', 2, 7],
      ['0011', 1, 11],
    ]);
    expect(lines.filter((line) => line.run === 1)).toHaveLength(8);
    expect((await history(desk)).map((line) => [line.brief_id, line.prompt]).sort()).toEqual([
      ['0003', 'Photo of Product 3'],
      ['0007', 'Photo of Product 7'],
    ]);
    expect(await desk.assets('out')).toHaveLength(13);
    expect(await desk.report('out')).toMatchObject({
      counts: { admitted: 11, succeeded: 11 },
      runs: [
        { run: 1, succeeded: 8 },
        { run: 2, succeeded: 3 },
      ],
    });
    const table = (await desk.read('out/manifest.csv')).split('\n');
    expect(table[0]).toMatch(/,run,from,decision$/);
    expect(table.slice(1, 12).map((row) => row.slice(0, 4))).toEqual(
      Array.from({ length: 11 }, (_, index) => String(index + 1).padStart(4, '0')),
    );
    await expectWhole(desk);
    const third = await desk.run(quick);
    expect(third).toMatchObject({ code: 0 });
    expect(third.stdout).toMatch(/finished; nothing was sent or spent/);
    expect(tasks(desk)).toBe(13);
  });

  test('another model or param counts as a change; another row number or column does not', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title,note\na,A,1\nb,B,2\n');
    expect((await desk.run(quick)).code).toBe(0);
    await desk.write('in.csv', 'sku,title,note\nb,B,3\na,A,4\n');
    expect((await runJson(desk, quick)).compared).toMatchObject({ same: 2, changed: 0 });
    expect(tasks(desk)).toBe(2);
    const square = await runJson(desk, [...quick, '--param', 'aspect_ratio=1:1']);
    expect(square.compared).toMatchObject({ same: 0, changed: 2 });
    expect(tasks(desk)).toBe(4);
    await expectWhole(desk);
  });

  test('with --limit the rest is gone and stays', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', csv(4));
    expect((await desk.run(quick)).code).toBe(0);
    const limited = await runJson(desk, [...quick, '--limit', '1']);
    expect(limited.compared).toMatchObject({ same: 1, gone: 3 });
    expect(await desk.lines('out')).toHaveLength(4);
    expect(tasks(desk)).toBe(4);
  });

  test('a changed brief that had failed is made; what may have been paid is left to a person (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      idempotency: 'conflict',
      faults: ['lose-answer-after-accept:1x'],
    });
    await desk.write('in.csv', csv(1));
    expect((await desk.run(quick)).code).toBe(3);
    expect((await desk.lines('out'))[0]).toMatchObject({ status: 'unknown' });
    await desk.write('in.csv', csv(2, { 1: 'Other' }));
    const second = await runJson(desk, quick);
    expect(second.compared).toMatchObject({ undecided: 1, changed: 0, new: 1 });
    expect(second.stderr).toMatch(/1 unknown \(decide with retry\)/);
    expect(tasks(desk)).toBe(2);
    const forced = await runJson(desk, [...quick, '--force']);
    expect(forced.compared).toMatchObject({ changed: 1, forced: 1, undecided: 0 });
    expect(tasks(desk)).toBe(4);
    expect(promptOf(await desk.lines('out'), '0001')).toBe('Photo of Other');
    await expectWhole(desk);
  });

  test('what waits takes the new content; what is being made is made, then made again (S1, S3)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ durationMs: 20_000 });
    await desk.write('in.csv', csv(6));
    const first = desk.start([...run, '--rate', '500', '--in-flight', '2']);
    await desk.tasksMade(2);
    first.kill('SIGINT');
    expect((await first.finished).code).toBe(130);
    const before = tasks(desk);
    expect(before).toBeLessThan(6);
    const every = Object.fromEntries([1, 2, 3, 4, 5, 6].map((number) => [number, `New ${number}`]));
    await desk.write('in.csv', csv(6, every));
    expect((await desk.run(quick)).code).toBe(0);
    // Those that had been sent are paid with both contents, the others once.
    expect(tasks(desk)).toBe(6 + before);
    const lines = await desk.lines('out');
    expect(lines.map((line) => line.prompt).sort()).toEqual(
      [1, 2, 3, 4, 5, 6].map((number) => `Photo of New ${number}`),
    );
    expect(await history(desk)).toHaveLength(before);
    await expectWhole(desk);
  });
});

describe.concurrent('--force', () => {
  test('makes every brief of the input again, once, also when it was cut off (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', csv(20));
    expect((await desk.run(quick)).code).toBe(0);
    const forced = [...run, '--rate', '30', '--in-flight', '100', '--force'];
    const cut = desk.start(forced);
    await desk.tasksMade(25);
    cut.kill('SIGINT');
    expect((await cut.finished).code).toBe(130);
    expect(cut.output()).toMatch(/20 made again \(--force\)/);
    expect((await desk.run(forced)).code).toBe(0);
    expect(tasks(desk)).toBe(40);
    expect((await desk.lines('out')).every((line) => line.run === 2)).toBe(true);
    expect(await history(desk)).toHaveLength(20);
    expect(await desk.assets('out')).toHaveLength(40);
    await expectWhole(desk);
    expect((await runJson(desk, [...quick, '--force', '--limit', '2'])).compared).toMatchObject({
      forced: 2,
      gone: 18,
    });
    expect(tasks(desk)).toBe(42);
    await expectWhole(desk);
  });
});

test('--force: briefs that waited when it began are made in its run, and not once more after it was cut off (S1)', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', csv(20));
  expect((await desk.run([...quick, '--max-credits', '10'])).code).toBe(4);
  expect(tasks(desk)).toBe(10);
  expect((await desk.run([...quick, '--force', '--max-credits', '25'])).code).toBe(4);
  expect(tasks(desk)).toBe(25);
  expect((await desk.run([...quick, '--force', '--max-credits', '100'])).code).toBe(0);
  expect(tasks(desk)).toBe(30);
  expect((await desk.lines('out')).every((line) => line.run === 2)).toBe(true);
  await expectWhole(desk);
});

test('--force: one that a cap stopped goes on beside new and changed rows, as its plan says (S1)', async ({
  openDesk,
}) => {
  const desk = await openDesk();
  await desk.write('in.csv', csv(20));
  expect((await desk.run(quick)).code).toBe(0);
  expect((await desk.run([...quick, '--force', '--max-credits', '35'])).code).toBe(4);
  expect(tasks(desk)).toBe(35);
  const made = (await desk.lines('out')).find((line) => line.run === 2);
  await desk.write('in.csv', csv(21, { [Number(made?.brief_id)]: 'Red thing' }));
  const last = await runJson(desk, [...quick, '--force', '--max-credits', '100']);
  expect(last.compared).toMatchObject({ forced: 0, changed: 1, new: 1, same: 19 });
  expect(tasks(desk)).toBe(42);
  await expectWhole(desk);
});

test('--force: a retry before it goes on does not make it a new one (S1)', async ({ openDesk }) => {
  const desk = await openDesk();
  await desk.write('in.csv', csv(6));
  expect((await desk.run(quick)).code).toBe(0);
  desk.simulator.control({ faults: ['task-fails=nsfw/refunded:1x'] });
  expect((await desk.run([...quick, '--force', '--max-credits', '9'])).code).toBe(4);
  expect(tasks(desk)).toBe(10);
  expect((await desk.run(['retry', 'out', '--yes'])).code).toBe(0);
  expect((await desk.run([...quick, '--force', '--max-credits', '100'])).code).toBe(0);
  expect(tasks(desk)).toBe(13);
  expect((await runJson(desk, [...quick, '--force'])).compared).toMatchObject({ forced: 6 });
  await expectWhole(desk);
});

describe.concurrent('after a lost Redis', () => {
  test('the comparison is the same, and runs keep their numbers (S1)', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', csv(5));
    expect((await desk.run(quick)).code).toBe(0);
    await desk.losePrivateRedis();
    await desk.write('in.csv', csv(5, { 2: 'Red' }));
    expect((await runJson(desk, quick)).compared).toMatchObject({ same: 4, changed: 1 });
    await desk.losePrivateRedis();
    await desk.write('in.csv', csv(5, { 2: 'Blue' }));
    expect((await runJson(desk, quick)).compared).toMatchObject({ same: 4, changed: 1 });
    expect(tasks(desk)).toBe(7);
    const remade = (await desk.lines('out')).filter((line) => line.brief_id === '0002');
    expect(remade).toMatchObject([{ attempt: 3, run: 3, prompt: 'Photo of Blue' }]);
    expect(await desk.report('out')).toMatchObject({
      credits: { spent: 7 },
      runs: [{ succeeded: 4 }, { succeeded: 0 }, { succeeded: 1 }],
    });
    expect(await desk.assets('out')).toHaveLength(7);
    await expectWhole(desk);
  });

  test('in the middle of the changed ones, nothing is paid twice or written over (S1, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await desk.write('in.csv', csv(12));
    expect((await desk.run(quick)).code).toBe(0);
    const every = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [index + 1, `New ${index}`]),
    );
    await desk.write('in.csv', csv(12, every));
    const second = desk.start([...run, '--rate', '20', '--in-flight', '3']);
    await desk.tasksMade(16);
    second.kill('SIGKILL');
    await second.finished;
    await desk.losePrivateRedis();
    expect((await desk.run(quick)).code).toBe(0);
    expect(tasks(desk)).toBe(24);
    const lines = await desk.lines('out');
    expect(lines.every((line) => line.attempt === 2)).toBe(true);
    // A download that was killed leaves its temporary file.
    const pictures = (await desk.assets('out')).filter((name) => !name.startsWith('.'));
    expect(pictures).toHaveLength(24);
    await expectWhole(desk);
  });
});

describe.concurrent('enqueue and worker', () => {
  test('the enqueuer opens what has changed, and the worker makes it', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', csv(3));
    const enqueue = ['enqueue', 'in.csv', '--batch', 'b', ...mapping, '--json'];
    expect((await desk.run(enqueue)).code).toBe(0);
    const worker = desk.start(['worker', '--out', 'out', ...fast]);
    const finished = async (count: number) => {
      while (
        tasks(desk) < count ||
        (await desk.report('out').catch(() => null))?.state !== 'finished'
      )
        await sleep(50);
    };
    await finished(3);
    await desk.write('in.csv', csv(3, { 2: 'Red' }));
    const second = await desk.run(enqueue);
    expect(JSON.parse(second.stdout)).toMatchObject({ compared: { same: 2, changed: 1 } });
    while (!(await desk.lines('out')).some((line) => line.prompt === 'Photo of Red'))
      await sleep(50);
    expect(tasks(desk)).toBe(4);
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
    await expectWhole(desk);
  });

  test('while the earlier content is being made, changed briefs are refused (S1, S3)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ durationMs: 600_000, speed: 1 });
    await desk.write('in.csv', csv(2));
    const enqueue = ['enqueue', 'in.csv', '--out', 'out', ...mapping];
    expect((await desk.run(enqueue)).code).toBe(0);
    const worker = desk.start(['worker', ...fast]);
    await desk.tasksMade(2);
    await desk.write('in.csv', csv(3, { 2: 'Red' }));
    const second = await desk.run(enqueue);
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(
      /is making these with their earlier content: 0002\. Let the batch/,
    );
    expect(tasks(desk)).toBe(2);
    worker.kill('SIGTERM');
    await worker.finished;
  });

  test('without the folder on this machine, changed briefs are refused and nothing is sent', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', csv(2));
    const enqueue = ['enqueue', 'in.csv', '--batch', 'b', ...mapping];
    expect((await desk.run(enqueue)).code).toBe(0);
    await desk.write('in.csv', csv(2, { 2: 'Red' }));
    const second = await desk.run(enqueue);
    expect(second.code).toBe(2);
    expect(second.stderr).toMatch(/let the batch finish first/);
    expect(tasks(desk)).toBe(0);
  });
});

describe.concurrent('check --out', () => {
  test('says what a later run would make and cost, from the folder alone', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', csv(10));
    expect((await desk.run(quick)).code).toBe(0);
    await desk.write('in.csv', csv(11, { 3: 'Red thing' }, [5]));
    const environment = { REDIS_URL: 'redis://127.0.0.1:1' };
    const check = ['check', 'in.csv', '--out', 'out', ...mapping];
    const told = await desk.run(check, { environment });
    expect(told.stdout).toContain('8 as before, 1 changed, 1 new, 1 gone (kept)');
    const json = await desk.run([...check, '--json'], { environment });
    expect(JSON.parse(json.stdout)).toMatchObject({
      compared: { same: 8, changed: 1, new: 1, gone: 1, undecided: 0 },
      forecast: { briefs: 2 },
    });
    expect(tasks(desk)).toBe(10);
  });
});
