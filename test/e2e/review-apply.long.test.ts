import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import {
  apply,
  applyJson,
  expectEnded,
  expectPaidOnce,
  promptsOf,
  say,
} from '../support/decisions.js';
import { filesByPrompt, shotsCsv, writePictures } from '../support/reference-desk.js';
import { endsOf, openSteps, runSteps, threeSteps, twoSteps } from '../support/steps.js';
import { until } from '../support/until.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];

async function openMade(desk: Desk, count: number): Promise<Desk> {
  await desk.write('in.csv', productsCsv(count));
  expectEnded(await desk.run(run));
  return desk;
}

describe.concurrent('review --apply', () => {
  test('makes exactly those again that somebody sent back, with the changed prompt, and twice nothing (S1)', async ({
    openDesk,
  }) => {
    const desk = await openMade(await openDesk(), 5);
    await say(desk, '00001', 'approved');
    await say(desk, '00002', 'again');
    await say(desk, '00003', 'again', 'A {{red}} chair: "new"');
    await say(desk, '00004', 'again');
    await say(desk, '00004', 'rejected');
    const asked = await desk.run(['review', 'out', '--apply']);
    expect(asked.code).toBe(2);
    expect(asked.stderr).toMatch(
      /2 succeeded: made and paid again, about 2 credits \(as charged before\); 1 with a changed prompt/,
    );
    expect(asked.stderr).toMatch(/Expected cost: about 2 credits/);
    await expectPaidOnce(desk, 5);
    const applied = await desk.run(apply);
    expectEnded(applied);
    expect(applied.stdout).toMatch(/new attempts: 2.*continue out/s);
    expect(await applyJson(desk)).toMatchObject({ reopened: 0, new_attempts: 0 });
    expect((await desk.run(apply)).stdout).toMatch(
      /make again.\n2 briefs of it have no result yet/,
    );
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 7);
    expect(await promptsOf(desk)).toEqual([
      '00001 1 Photo of Product 1',
      '00002 2 Photo of Product 2',
      '00003 2 A {{red}} chair: "new" ("Photo of Product 3")',
      '00004 1 Photo of Product 4',
      '00005 1 Photo of Product 5',
    ]);
    expect(await applyJson(desk)).toMatchObject({ reopened: 0, groups: [] });
    expectEnded(await desk.run(run));
    expectEnded(await desk.run(['check', 'in.csv', '--out', 'out', ...mapping]));
    await expectPaidOnce(desk, 7);
  });

  test('is no change of the input; a changed row and --force make it of the row again (S1)', async ({
    openDesk,
  }) => {
    const desk = await openMade(await openDesk(), 3);
    for (const id of ['00001', '00002']) await say(desk, id, 'again', `Reworded ${id}`);
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(run));
    const check = ['check', 'in.csv', '--out', 'out', ...mapping, '--json'];
    expect(JSON.parse((await desk.run(check)).stdout)).toMatchObject({
      compared: { same: 3, changed: 0 },
    });
    await desk.write('in.csv', productsCsv(3).replace('Product 1', 'Lamp'));
    expect(JSON.parse((await desk.run(check)).stdout)).toMatchObject({
      compared: { same: 2, changed: 1 },
    });
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 6);
    expect(await promptsOf(desk)).toEqual([
      '00001 3 Photo of Lamp',
      '00002 2 Reworded 00002 ("Photo of Product 2")',
      '00003 1 Photo of Product 3',
    ]);
    expectEnded(await desk.run([...run, '--force', '--yes']));
    await expectPaidOnce(desk, 9);
    expect(await promptsOf(desk)).toEqual([
      '00001 4 Photo of Lamp',
      '00002 3 Photo of Product 2',
      '00003 2 Photo of Product 3',
    ]);
  });

  test('a reworded one that fails keeps its words when it is tried again, and so through many (S1)', async ({
    openDesk,
  }) => {
    const desk = await openMade(await openDesk({ faults: ['task-fails:1x:prompt=Reworded'] }), 2);
    await say(desk, '00001', 'again', 'Reworded');
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(run), 3);
    expectEnded(await desk.run(['retry', 'out', '--yes']));
    expectEnded(await desk.run(run));
    expect(await promptsOf(desk)).toContain('00001 3 Reworded ("Photo of Product 1")');
    // With the same words, with others, and with the row's.
    await say(desk, '00001', 'again');
    expectEnded(await desk.run([...apply]));
    expectEnded(await desk.run(run));
    expect(await promptsOf(desk)).toContain('00001 4 Reworded ("Photo of Product 1")');
    await say(desk, '00001', 'again', 'Otherwise');
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(run));
    expect(await promptsOf(desk)).toContain('00001 5 Otherwise ("Photo of Product 1")');
    await say(desk, '00001', 'again', 'Photo of Product 1');
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(run));
    expect(await promptsOf(desk)).toContain('00001 6 Photo of Product 1');
    const { spent } = desk.simulator.bill().total;
    const costs = JSON.parse((await desk.run(['costs', 'out', '--json'])).stdout);
    expect(JSON.stringify(costs)).toContain(`${spent}`);
    expect(desk.simulator.bill().billedTwice).toEqual([]);
  });

  test('what the API would refuse is told and left out, and the others go on', async ({
    openDesk,
  }) => {
    const desk = await openMade(await openDesk(), 4);
    await say(desk, '00001', 'again', 'x'.repeat(5_001));
    await say(desk, '00002', 'again', '  ');
    await say(desk, '00003', 'again', 'A new one');
    const applied = await desk.run([...apply]);
    expectEnded(applied, 3);
    expect(applied.stderr).toMatch(/Left out: 2 changed prompts.*00001": the prompt has 5001/s);
    expect(applied.stderr).toMatch(/00002": the changed prompt is empty/);
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 5);
    expect(await applyJson(desk, 3)).toMatchObject({
      reopened: 0,
      left_out: expect.arrayContaining([
        expect.objectContaining({ brief_id: '00001' }),
        expect.objectContaining({ brief_id: '00002' }),
      ]),
    });
    await say(desk, '00001', 'again', 'Shorter');
    await say(desk, '00002', 'approved');
    expect(await applyJson(desk)).toMatchObject({ reopened: 1, changed_prompts: 1, left_out: [] });
  });

  test('of nothing to make again it asks no Redis', async ({ openDesk }) => {
    const desk = await openMade(await openDesk(), 2);
    await say(desk, '00001', 'approved');
    const environment = { REDIS_URL: 'redis://127.0.0.1:1' };
    const applied = await desk.run(apply, { environment });
    expectEnded(applied);
    expect(applied.stdout).toMatch(/There is nothing to make again/);
  });

  test('decisions about another attempt or another file open nothing (S1)', async ({
    openDesk,
  }) => {
    const desk = await openMade(await openDesk(), 2);
    const [first] = await desk.lines('out');
    const sha256 = first?.assets[0]?.sha256;
    const said = { brief_id: '00001', decision: 'again', at: '2026-06-01T12:00:00Z' };
    await desk.write(
      'out/decisions.jsonl',
      [
        { ...said, attempt: 2, sha256 },
        { ...said, attempt: 1, sha256: 'a'.repeat(64) },
        { ...said, brief_id: 'nobody', attempt: 1, sha256 },
      ]
        .map((decision) => `${JSON.stringify(decision)}\n`)
        .join(''),
    );
    expect(await applyJson(desk)).toMatchObject({ reopened: 0 });
    await expectPaidOnce(desk, 2);
  });

  test('two who apply at once open each once (S1)', async ({ openDesk }) => {
    const desk = await openMade(await openDesk(), 12);
    for (const { brief_id: id } of await desk.lines('out')) await say(desk, id, 'again', `N ${id}`);
    const both = await Promise.all([1, 2, 3].map(() => desk.run([...apply, '--json'])));
    for (const ended of both) expectEnded(ended);
    const opened = both.map(({ stdout }) => JSON.parse(stdout).again.reopened as number);
    expect(opened.reduce((sum, count) => sum + count, 0)).toBe(12);
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 24);
  });

  test('while a worker is at it, the worker makes them (S1)', async ({ openDesk }) => {
    const desk = await openMade(await openDesk(), 3);
    const worker = desk.start(['worker', ...fast]);
    await say(desk, '00002', 'again', 'By a worker');
    expectEnded(await desk.run(apply));
    await desk.tasksMade(4);
    const made = '00002 2 By a worker ("Photo of Product 2")';
    await until(async () => (await promptsOf(desk)).includes(made));
    worker.kill('SIGTERM');
    await worker.finished;
    await expectPaidOnce(desk, 4);
  });

  test('a batch that Redis has forgotten says how it comes back, and then it goes on (S1)', async ({
    openDesk,
  }) => {
    const desk = await openMade(await openDesk(), 3);
    await say(desk, '00002', 'again', 'After all');
    expectEnded(await desk.run(['forget', 'out']));
    const applied = await desk.run(apply);
    expectEnded(applied, 2);
    expect(applied.stderr).toMatch(/run its input again with --out/);
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 3);
    expect(await applyJson(desk)).toMatchObject({ reopened: 1 });
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 4);
  });

  test('a folder that was moved is found where it is', async ({ openDesk }) => {
    const desk = await openMade(await openDesk(), 2);
    await say(desk, '00002', 'again', 'Elsewhere');
    await rename(join(desk.folder, 'out'), join(desk.folder, 'moved'));
    expectEnded(await desk.run(['review', 'moved', '--apply', '--yes']));
    const moved = run.map((word) => (word === 'out' ? 'moved' : word));
    expectEnded(await desk.run(moved));
    expect(desk.simulator.bill().total.tasks).toBe(3);
  });
});

describe.concurrent('review --apply of other batches', () => {
  test('a simulated one needs no key, and goes on as it was', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(2));
    const environment = { RIVYA_API_KEY: '', RIVYA_BASE_URL: '' };
    const words = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast, '--simulate'];
    expectEnded(await desk.run(words, { environment }));
    await say(desk, '00002', 'again', 'A simulated one');
    expectEnded(await desk.run(apply, { environment }));
    expectEnded(await desk.run(['continue', 'out'], { environment }));
    expect(await promptsOf(desk)).toEqual([
      '00001 1 Photo of Product 1',
      '00002 2 A simulated one ("Photo of Product 2")',
    ]);
    expect(desk.simulator.bill().total.tasks).toBe(0);
  });

  test('a picture that is none is made again with other words, and the bad one stays aside (S1, S5)', async ({
    openDesk,
  }) => {
    const faults = ['download-bad-picture=flat:prompt=Product 2'];
    const desk = await openDesk({ faults, tinyMedia: false });
    await desk.write('in.csv', productsCsv(2));
    expectEnded(await desk.run(run), 3);
    await say(desk, '00002', 'again', 'Something to see');
    const asked = await desk.run(['review', 'out', '--apply']);
    expect(asked.stderr).toMatch(/1 failed: new attempts, about 1 credit.*1 with a changed prompt/);
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 3);
    expect(await promptsOf(desk)).toContain('00002 2 Something to see ("Photo of Product 2")');
    expect(await desk.read('out/history.jsonl')).toContain('"aside/00002');
  });

  test('files that it refers to go with the words, whatever these say (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    const [first, second] = await writePictures(desk, 2);
    await desk.write(
      'in.csv',
      shotsCsv(2, (row) => [row + 1]),
    );
    const shots = ['run', 'in.csv', '--out', 'out', '--model', 'nano-banana', ...fast];
    expectEnded(await desk.run(shots));
    const line = (await desk.lines('out')).find(({ prompt }) => prompt === 'Shot 2');
    const words = `Like "url":"sha256:${first}"`;
    await say(desk, line?.brief_id ?? '', 'again', words);
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(shots));
    await expectPaidOnce(desk, 3);
    expect(filesByPrompt(desk).get(words)).toEqual([second]);
    expectEnded(await desk.run(['check', 'in.csv', '--out', 'out', '--model', 'nano-banana']));
    expectEnded(await desk.run(shots));
    await expectPaidOnce(desk, 3);
  });

  test('a schedule takes it over as what its row says (S1)', async ({ openDesk }) => {
    const desk = await openDesk();
    await desk.write('in.csv', 'sku,title\na,A\nb,B\n');
    const daily = ['--cron', '0 2 * * *', '--tz', 'Europe/Berlin', '--only-changed'];
    const add = ['schedule', 'add', 'shots', 'in.csv', '--out', 'nights', ...daily, ...mapping];
    expectEnded(await desk.run(add));
    const worker = desk.start(['worker', ...fast]);
    /** Its batch, once so many runs have ended. */
    const ended = async (count: number) => {
      for (; ; await sleep(200)) {
        const listed = await desk.run(['schedule', 'list', 'shots', '--json']);
        const [{ history }] = JSON.parse(listed.stdout) as [
          { history: { state: string; batch: string }[] },
        ];
        if (history.length === count && history[0]?.state === 'ended') {
          return `nights/${history[0].batch}`;
        }
      }
    };
    expectEnded(await desk.run(['schedule', 'run-now', 'shots']));
    const before = await ended(1);
    await say(desk, 'a', 'again', 'Reworded', before);
    expectEnded(await desk.run(['review', before, '--apply', '--yes']));
    await desk.tasksMade(3);
    const reworded = 'a 2 Reworded ("Photo of A")';
    await until(async () => (await promptsOf(desk, before)).includes(reworded));
    expectEnded(await desk.run(['schedule', 'run-now', 'shots']));
    expect(await promptsOf(desk, await ended(2))).toEqual([reworded, 'b 1 Photo of B']);
    expect(desk.simulator.bill().total.tasks).toBe(3);
    worker.kill('SIGTERM');
    await worker.finished;
  }, 180_000);
});

describe.concurrent('review --apply of steps', () => {
  test('opens what comes after, tells its price, and a chat takes words as its message (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, threeSteps(), ['lamp', 'rug']);
    expectEnded(await desk.run(runSteps));
    await say(desk, 'lamp/caption', 'again', 'Say it in a {{word}}');
    const asked = await desk.run(['review', 'out', '--apply']);
    expect(asked.stderr).toMatch(
      /3 succeeded: .*; 1 with a changed prompt; 2 because of what they come after/,
    );
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(runSteps));
    await expectPaidOnce(desk, 9);
    const lines = await desk.lines('out');
    const [caption, still] = ['caption', 'still'].map((output) =>
      lines.find(({ brief_id }) => brief_id === `lamp/${output}`),
    );
    expect(caption).toMatchObject({
      ...{ attempt: 2, prompt: 'Say it in a {{word}}', input_prompt: 'Caption for A lamp' },
    });
    expect(still?.prompt).toContain(caption?.text?.trim().slice(0, 100));
    // A step with words of its own: the text of the one before is no part of them.
    await say(desk, 'lamp/still', 'again', 'Nothing but a lamp');
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(runSteps));
    await expectPaidOnce(desk, 11);
    expect((await endsOf(desk)).filter((end) => end.startsWith('lamp'))).toEqual([
      'lamp/caption succeeded 2',
      'lamp/film succeeded 3',
      'lamp/still succeeded 3',
    ]);
    expectEnded(await desk.run(runSteps));
    await expectPaidOnce(desk, 11);
    // Made anew with what comes before it, it keeps them.
    await say(desk, 'lamp/caption', 'again');
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(runSteps));
    await expectPaidOnce(desk, 14);
    const again = (await desk.lines('out')).find(({ brief_id }) => brief_id === 'lamp/still');
    expect(again).toMatchObject({ attempt: 4, prompt: 'Nothing but a lamp' });
  });

  test('what waits for a yes waits for that of the new attempt, and a yes lets the film go (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, twoSteps({ still: '\n    approve: true' }), ['lamp', 'rug']);
    expectEnded(await desk.run(runSteps), 4);
    await say(desk, 'lamp/still', 'again', 'A better lamp');
    await say(desk, 'rug/still', 'approved');
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(runSteps), 4);
    await expectPaidOnce(desk, 4);
    expect(await endsOf(desk)).toEqual([
      'lamp/still succeeded 2',
      'rug/film succeeded 1',
      'rug/still succeeded 1',
    ]);
    expectEnded(await desk.run(apply));
    await say(desk, 'lamp/still', 'approved');
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(runSteps));
    await expectPaidOnce(desk, 5);
  });
});
