import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, test } from '../support/cli.js';

interface ShownRun {
  state: string;
  batch: string;
  exit_code: number | null;
  counts: { admitted: number; succeeded: number; taken_over?: number } | null;
  credits: number | null;
  put_away: string | null;
}

const daily = ['--cron', '0 2 * * *', '--tz', 'Europe/Berlin'];
const add = ['schedule', 'add', 'shots', 'in.csv', '--out', 'nights', '--only-changed', ...daily];

async function history(desk: Desk): Promise<ShownRun[]> {
  const { stdout } = await desk.run(['schedule', 'list', 'shots', '--json']);
  return (JSON.parse(stdout) as [{ history: ShownRun[] }])[0].history;
}

/** One run more, to its end. */
async function runNow(desk: Desk): Promise<ShownRun> {
  const before = (await history(desk)).length;
  expect((await desk.run(['schedule', 'run-now', 'shots'])).code).toBe(0);
  for (;;) {
    const runs = await history(desk);
    const [latest] = runs;
    if (latest && runs.length > before && ['ended', 'refused'].includes(latest.state))
      return latest;
    await sleep(200);
  }
}

const tasks = (desk: Desk) => desk.simulator.bill().total.tasks;

describe.concurrent('a schedule that makes only what has changed', () => {
  test('takes the rest over from the run before, with its pictures (S1, S4, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title,note\na,A,1\nb,B,1\nc,C,1\n');
    expect((await desk.run([...add, ...mapping])).code).toBe(0);
    const worker = desk.start(['worker', ...fast]);
    const first = await runNow(desk);
    expect(first).toMatchObject({ state: 'ended', exit_code: 0, credits: 3 });

    await desk.write('in.csv', 'sku,title,note\nd,D,2\na,A,2\nb,Blue,2\n');
    const second = await runNow(desk);
    const counts = { admitted: 3, succeeded: 3, taken_over: 1 };
    expect(second).toMatchObject({ state: 'ended', exit_code: 0, credits: 2, counts });
    expect(tasks(desk)).toBe(5);
    const out = `nights/${second.batch}`;
    const lines = await desk.lines(out);
    const taken = lines.find((line) => line.brief_id === 'a');
    expect(taken).toMatchObject({
      batch: second.batch,
      from: first.batch,
      run: null,
      row: 3,
      input: { note: '2' },
      credits: { reserved: 0, final: 0 },
    });
    expect(lines.filter((line) => line.run === 1)).toHaveLength(2);
    const picture = join(desk.folder, `nights/${first.batch}/assets/a.png`);
    expect((await stat(join(desk.folder, out, 'assets/a.png'))).ino).toBe(
      (await stat(picture)).ino,
    );
    expect((await desk.run(['verify', out])).stdout).not.toMatch(/warning/i);
    expect((await desk.run(['verify', out])).code).toBe(0);

    // Nothing has changed: it ends by itself, with nothing spent, and says whose the pictures are.
    const third = await runNow(desk);
    expect(third).toMatchObject({ state: 'ended', exit_code: 0, credits: 0 });
    expect(third.counts).toMatchObject({ succeeded: 3, taken_over: 3 });
    expect(tasks(desk)).toBe(5);
    const owners = (await desk.lines(`nights/${third.batch}`)).map(({ brief_id, from }) => [
      brief_id,
      from,
    ]);
    expect(owners).toEqual([
      ['d', second.batch],
      ['a', first.batch],
      ['b', second.batch],
    ]);
    expect((await desk.run(['verify', `nights/${third.batch}`])).code).toBe(0);

    // A picture that is damaged is made anew.
    await truncate(join(desk.folder, `nights/${third.batch}/assets/d.png`), 3);
    const fourth = await runNow(desk);
    expect(fourth).toMatchObject({ credits: 1, counts: { succeeded: 3, taken_over: 2 } });
    expect(tasks(desk)).toBe(6);
    expect((await desk.run(['verify', `nights/${fourth.batch}`])).code).toBe(0);
    const listed = (await desk.run(['schedule', 'list', 'shots'])).stdout;
    expect(listed).toContain('only what changed');
    expect(listed).toContain('3 of 3 succeeded, 2 of them taken over unchanged');

    // It is changed, and put somewhere else: what the runs before have made is taken over all the same.
    const elsewhere = ['--out', 'other-nights', '--max-credits', '9', '--keep-runs', '1'];
    expect((await desk.run(['schedule', 'set', 'shots', ...elsewhere])).code).toBe(0);
    const fifth = await runNow(desk);
    expect(fifth).toMatchObject({ credits: 0, counts: { taken_over: 3 } });
    expect((await desk.run(['verify', `other-nights/${fifth.batch}`])).code).toBe(0);
    // Of the runs before, those that are not kept any more are put away by the worker.
    while ((await readdir(join(desk.folder, 'nights'))).length > 0) await sleep(100);
    expect((await desk.run(['verify', `other-nights/${fifth.batch}`])).code).toBe(0);
    expect((await history(desk)).map(({ put_away }) => put_away !== null)).toEqual([
      ...[false, true, true, true, true],
    ]);
    const status = (await desk.run(['status', '--json'])).stdout;
    expect(status).toContain(fifth.batch);
    expect(status).not.toContain(fourth.batch);

    // To remove it and to add it again begins with what is there, too.
    expect((await desk.run(['schedule', 'remove', 'shots'])).code).toBe(0);
    const again = ['schedule', 'add', 'shots', 'in.csv', '--out', 'other-nights', '--only-changed'];
    expect((await desk.run([...again, ...daily, ...mapping])).code).toBe(0);
    expect(await runNow(desk)).toMatchObject({ credits: 0, counts: { taken_over: 3 } });
    expect(desk.simulator.bill().billedTwice).toEqual([]);
    worker.kill('SIGTERM');
    expect((await worker.finished).code).toBe(0);
  });
});
