import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Desk, fast, test } from '../support/cli.js';

const products = ['lamp', 'rug', 'chair', 'vase'];
const csv = (names = products) =>
  `sku,title\n${names.map((name) => `${name},A ${name}`).join('\n')}\n`;

/** A picture of each product, and a film that begins with it. */
const recipe = (still = '', film = '') => `files: shop.csv
out: out
id: sku
outputs:
  still:
    model: z-image
    prompt: 'Photo of {{title}}'${still}
  film:
    after: still
    model: kling-2-6
    prompt: 'A slow turn of {{title}}'
    references: '{{ outputs.still.file }}'${film}
`;

const run = ['run', '--recipe', 'steps.yaml', ...fast];

async function open(desk: Desk, text = recipe(), names = products): Promise<void> {
  await desk.write('shop.csv', csv(names));
  await desk.write('steps.yaml', text);
}

async function ends(desk: Desk): Promise<string[]> {
  return (await desk.lines('out'))
    .map(({ brief_id: id, status, attempt, error }) =>
      [id, status, attempt, ...(error === null ? [] : [error.code])].join(' '),
    )
    .sort();
}

async function expectWhole(desk: Desk): Promise<void> {
  const verified = await desk.run(['verify', 'out', '--json']);
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, problems: [] });
  expect(desk.simulator.bill().billedTwice).toEqual([]);
}

const tasks = (desk: Desk) => desk.simulator.bill().total.tasks;

/** What a person has said of a still. */
async function decide(desk: Desk, id: string, decision: string): Promise<void> {
  const line = (await desk.lines('out')).find(({ brief_id }) => brief_id === id);
  const said = {
    brief_id: id,
    attempt: line?.attempt,
    sha256: line?.assets[0]?.sha256,
    decision,
    at: '2026-06-01T12:00:00Z',
  };
  await appendFile(join(desk.folder, 'said.jsonl'), `${JSON.stringify(said)}\n`);
}

describe.concurrent('steps that come after one another', () => {
  test('are made in their order, each of what came before, and paid once (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await open(desk);
    const { code, stderr } = await desk.run(run);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await ends(desk)).toEqual(
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
    await desk.write('shop.csv', csv().replace('A rug', 'A red rug'));
    expect(await desk.run(run)).toMatchObject({ code: 0 });
    expect(tasks(desk)).toBe(10);
    expect((await ends(desk)).filter((end) => end.endsWith(' 2'))).toEqual([
      'rug/film succeeded 2',
      'rug/still succeeded 2',
    ]);
    await expectWhole(desk);
  });

  test('are cancelled where what they come after failed, and a retry opens both', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ faults: ['task-fails:1x:prompt=rug'] });
    await open(desk);
    const first = await desk.run(run);
    expect(first).toMatchObject({ code: 3 });
    expect((await ends(desk)).filter((end) => end.startsWith('rug'))).toEqual([
      'rug/film cancelled 1 step_before_failed',
      'rug/still failed 1 generation_failed',
    ]);
    await expectWhole(desk);
    const retry = await desk.run(['retry', 'out', '--run', '--yes']);
    expect({ code: retry.code, stderr: retry.stderr }).toMatchObject({ code: 0 });
    expect((await ends(desk)).filter((end) => end.startsWith('rug'))).toEqual([
      'rug/film succeeded 2',
      'rug/still succeeded 2',
    ]);
    await expectWhole(desk);
  });

  test('wait for a person where they are to, and go on by the same command', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await open(desk, recipe('\n    approve: true'));
    const waiting = await desk.run(run);
    expect({ code: waiting.code, stderr: waiting.stderr }).toMatchObject({ code: 4 });
    expect(waiting.stdout).toMatch(/4 results wait for approval/);
    expect(tasks(desk)).toBe(4);
    expect(await desk.run(['status', 'out'])).toMatchObject({
      stdout: expect.stringMatching(/limited by +results that wait for approval/),
    });

    await decide(desk, 'lamp/still', 'approved');
    await decide(desk, 'rug/still', 'rejected');
    const taken = await desk.run(['review', 'out', '--take', 'said.jsonl']);
    expect(taken).toMatchObject({ code: 0 });
    const goesOn = await desk.run(run);
    expect({ code: goesOn.code, stderr: goesOn.stderr }).toMatchObject({ code: 4 });
    expect(goesOn.stdout).toMatch(/2 results wait for approval/);
    expect(await ends(desk)).toEqual([
      'chair/still succeeded 1',
      'lamp/film succeeded 1',
      'lamp/still succeeded 1',
      'rug/film cancelled 1 not_approved',
      'rug/still succeeded 1',
      'vase/still succeeded 1',
    ]);
    expect(tasks(desk)).toBe(5);

    for (const name of ['chair', 'vase']) await decide(desk, `${name}/still`, 'approved');
    await desk.run(['review', 'out', '--take', 'said.jsonl']);
    expect(await desk.run(run)).toMatchObject({ code: 3 });
    expect(tasks(desk)).toBe(7);
    await expectWhole(desk);
  });
});
