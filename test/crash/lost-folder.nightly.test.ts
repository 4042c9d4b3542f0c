import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { type Desk, mapping, productsCsv, test } from '../support/cli.js';
import type { Running } from '../support/running.js';

const briefs = 12;
const runTo = (out: string, model = 'z-image') => [
  ...['run', 'in.csv', '--out', out, '--batch', 'in', ...mapping, '--model', model],
  ...['--rate', '20', '--in-flight', '4'],
];
const auditOf = (desk: Desk, out: string) => auditRun(desk, { out, batch: 'in', briefs });

const away = /The folder \S+ was moved or removed/g;

/** A run that has lines in its folder, and tasks on their way to it. */
async function startRun(desk: Desk, model?: string): Promise<Running> {
  await desk.write('in.csv', productsCsv(briefs));
  const running = desk.start(runTo('out', model));
  while ((await desk.read('out/manifest.jsonl').catch(() => '')).length === 0) await sleep(20);
  return running;
}

/** It has noticed, and after that had time to make something in the folder's place. */
async function notices(desk: Desk, running: Running): Promise<void> {
  while (!away.test(running.output())) await sleep(20);
  await sleep(1_500);
  expect(existsSync(join(desk.folder, 'out'))).toBe(false);
}

async function interrupt(running: Running): Promise<void> {
  running.kill('SIGINT');
  expect((await running.finished).code).toBe(130);
}

describe.concurrent('the folder of the results goes in the middle of a run', () => {
  test('and comes back: told once, nothing made in its place, and the run ends as if nothing had been (S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const running = await startRun(desk);
    const [out, elsewhere] = ['out', 'elsewhere'].map((name) => join(desk.folder, name));
    await rename(out ?? '', elsewhere ?? '');
    await notices(desk, running);
    await rename(elsewhere ?? '', out ?? '');
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr.match(away)).toHaveLength(1);
    expect(stderr).not.toMatch(/cannot be written|failed unexpectedly/);
    expect(await auditOf(desk, 'out')).toEqual([]);
  });

  test('for good: the same command with its new place goes on from there (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const running = await startRun(desk);
    await rename(join(desk.folder, 'out'), join(desk.folder, 'moved'));
    await notices(desk, running);
    await interrupt(running);
    expect(existsSync(join(desk.folder, 'out'))).toBe(false);
    const { code, stderr } = await desk.run(runTo('moved'));
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await auditOf(desk, 'moved')).toEqual([]);
  });

  test.for(['z-image', 'gpt-5-2-chat'])(
    'and is lost: the same command with an empty one makes every line again, unpaid, with %s (S1, S3, S4)',
    async (model, { openDesk }) => {
      const desk = await openDesk();
      const running = await startRun(desk, model);
      // A download may put a file there meanwhile.
      await rm(join(desk.folder, 'out'), { recursive: true, maxRetries: 10 });
      await notices(desk, running);
      await interrupt(running);
      const { code, stderr } = await desk.run(runTo('new', model));
      expect({ code, stderr }).toMatchObject({ code: 0 });
      // The history has lines of tasks whose price nobody knew then.
      const other = /^credits on the bill and in the manifest/;
      expect((await auditOf(desk, 'new')).filter((difference) => !other.test(difference))).toEqual(
        [],
      );
      const charged = (await desk.lines('new')).map(({ credits }) => credits.final ?? Number.NaN);
      const { spent } = desk.simulator.bill().total;
      expect(charged.reduce((sum, credits) => sum + credits, 0)).toBe(spent);
    },
  );
});
