import { describe, expect } from 'vitest';
import { type Desk, test } from '../support/cli.js';
import {
  decide,
  endsOf,
  openSteps,
  rowsCsv,
  runSteps,
  takeDecisions,
  twoSteps,
} from '../support/steps.js';

const products = ['lamp', 'rug', 'chair', 'vase'];

async function expectWhole(desk: Desk): Promise<void> {
  const verified = await desk.run(['verify', 'out', '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, problems: [] });
  expect(desk.simulator.bill().billedTwice).toEqual([]);
}

const tasks = (desk: Desk) => desk.simulator.bill().total.tasks;

describe.concurrent('steps that come after one another', () => {
  test('are made in their order, each of what came before, and paid once (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, twoSteps(), products);
    const { code, stderr } = await desk.run(runSteps);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await endsOf(desk)).toEqual(
      products.flatMap((name) => [`${name}/film succeeded 1`, `${name}/still succeeded 1`]).sort(),
    );
    const lines = await desk.lines('out');
    for (const name of products) {
      const still = lines.find(({ brief_id }) => brief_id === `${name}/still`);
      const film = lines.find(({ brief_id }) => brief_id === `${name}/film`);
      expect(film).toMatchObject({
        output: 'film',
        after: [{ output: 'still', id: `${name}/still` }],
      });
      expect(JSON.stringify(film?.params)).toContain(`sha256:${still?.assets[0]?.sha256}`);
      expect(film?.assets[0]?.media_type).toMatch(/^video\//);
    }
    expect(tasks(desk)).toBe(8);
    await expectWhole(desk);
    const report = JSON.parse(await desk.read('out/run.json'));
    expect(report.outputs).toMatchObject([
      { output: 'still', briefs: 4, succeeded: 4 },
      { output: 'film', briefs: 4, succeeded: 4 },
    ]);

    // Only what changed, and what comes after it.
    await desk.write('shop.csv', rowsCsv(products).replace('A rug', 'A red rug'));
    expect(await desk.run(runSteps)).toMatchObject({ code: 0 });
    expect(tasks(desk)).toBe(10);
    expect((await endsOf(desk)).filter((end) => end.endsWith(' 2'))).toEqual([
      'rug/film succeeded 2',
      'rug/still succeeded 2',
    ]);
    await expectWhole(desk);
  });

  test('are cancelled where what they come after failed, and a retry opens both', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['task-fails:1x:prompt=rug'] });
    await openSteps(desk, twoSteps(), products);
    const first = await desk.run(runSteps);
    expect(first).toMatchObject({ code: 3 });
    expect((await endsOf(desk)).filter((end) => end.startsWith('rug'))).toEqual([
      'rug/film cancelled 1 step_before_failed',
      'rug/still failed 1 generation_failed',
    ]);
    await expectWhole(desk);
    const retry = await desk.run(['retry', 'out', '--run', '--yes']);
    expect({ code: retry.code, stderr: retry.stderr }).toMatchObject({ code: 0 });
    expect((await endsOf(desk)).filter((end) => end.startsWith('rug'))).toEqual([
      'rug/film succeeded 2',
      'rug/still succeeded 2',
    ]);
    await expectWhole(desk);
  });

  test('wait for a person where they are to, and go on by the same command', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, twoSteps({ still: '\n    approve: true' }), products);
    const waiting = await desk.run(runSteps);
    expect({ code: waiting.code, stderr: waiting.stderr }).toMatchObject({ code: 4 });
    expect(waiting.stdout).toMatch(/4 results wait for approval/);
    expect(tasks(desk)).toBe(4);
    expect(await desk.run(['status', 'out'])).toMatchObject({
      stdout: expect.stringMatching(/limited by +results that wait for approval/),
    });

    await decide(desk, 'lamp/still', 'approved');
    await decide(desk, 'rug/still', 'rejected');
    await takeDecisions(desk);
    const goesOn = await desk.run(runSteps);
    expect({ code: goesOn.code, stderr: goesOn.stderr }).toMatchObject({ code: 4 });
    expect(goesOn.stdout).toMatch(/2 results wait for approval/);
    expect(await endsOf(desk)).toEqual([
      'chair/still succeeded 1',
      'lamp/film succeeded 1',
      'lamp/still succeeded 1',
      'rug/film cancelled 1 not_approved',
      'rug/still succeeded 1',
      'vase/still succeeded 1',
    ]);
    expect(tasks(desk)).toBe(5);

    for (const name of ['chair', 'vase']) await decide(desk, `${name}/still`, 'approved');
    await takeDecisions(desk);
    expect(await desk.run(runSteps)).toMatchObject({ code: 3 });
    expect(tasks(desk)).toBe(7);
    await expectWhole(desk);
  });
});
