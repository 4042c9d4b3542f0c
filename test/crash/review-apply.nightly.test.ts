import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment, held, release, stoppedOrEnded } from '../support/crash-points.js';
import { apply, expectEnded, expectPaidOnce, promptsOf, say } from '../support/decisions.js';
import { openSteps, runSteps, stepFaults, stepRow, threeSteps } from '../support/steps.js';

const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
const words = 'A {{red}} one';

/** Two made, of which the second was sent back with other words. */
async function openSentBack(desk: Desk): Promise<void> {
  await desk.write('in.csv', productsCsv(2));
  expectEnded(await desk.run(run));
  await say(desk, '00002', 'again', words);
}

/** Whatever happened: made once more, with these words, and never of its row again (S1). */
async function expectMadeOnce(desk: Desk): Promise<void> {
  await expectPaidOnce(desk, 3);
  expect(await promptsOf(desk)).toEqual([
    '00001 1 Photo of Product 1',
    `00002 2 ${words} ("Photo of Product 2")`,
  ]);
  expect((await desk.read('out/history.jsonl')).trimEnd().split('\n')).toHaveLength(1);
}

async function strike(desk: Desk, command: string[], point: string): Promise<void> {
  const killed = await desk.run(command, { environment: crashEnvironment(desk, { point }) });
  expect(killed.signal).toBe('SIGKILL');
}

/** What the command that opens does, in its order. */
const opening = [
  ['before it is open', 'before redis rivya:reopen*'],
  ['open in the ledger alone', 'after redis rivya:reopen*'],
  ['its words noted', 'after file close journal.jsonl < Journal.close < noteReopened*'],
  ['the new files written', 'after file close .rewrite-*/history.jsonl*'],
  ['between the two renames', 'after file rename .rewrite-*/history.jsonl*'],
  ['its line gone', 'after file rename .rewrite-*/manifest.jsonl*'],
  ['its job added', 'after redis addStandardJob submit*'],
  ['settled in the ledger', 'after redis rivya:settle-reopened*'],
  ['settled in the folder', 'after file close journal.jsonl < Journal.close < note < settle*'],
] as const;

/** What the run that makes it does. */
const making = [
  ['leave to send', 'after redis rivya:begin-submit*'],
  ['sent', 'after http POST /api/v1/generations <*'],
  ['its task known', 'after redis rivya:move < BriefLedger.set < BriefLedger.move < saveTaken*'],
  ['its file there', 'after file rename assets/*'],
  ['its line on its way', 'after redis rivya:move < BriefLedger.set < BriefLedger.finish*'],
  ['its line there', 'after redis rivya:mark-written*'],
] as const;

const struck = [
  ...opening.map(([where, point]) => [where, apply, point] as const),
  ...making.map(([where, point]) => [where, run, point] as const),
];

describe.concurrent('what was sent back, and is killed', () => {
  test.for([
    ...struck.map((at) => ['stays', ...at] as const),
    ...struck.map((at) => ['is lost', ...at] as const),
  ])(
    'Redis %s: %s: made once, with its words (S1, S4)',
    async ([redis, , command, point], { openDesk }) => {
      const desk = await openDesk({ redis: redis === 'is lost' ? 'private' : 'shared' });
      await openSentBack(desk);
      if (command === run) expectEnded(await desk.run(apply));
      await strike(desk, command, point);
      if (redis === 'is lost') {
        await desk.losePrivateRedis();
        // Redis has to know it before anything of it can be opened.
        expectEnded(await desk.run(run));
      }
      expectEnded(await desk.run(apply));
      expectEnded(await desk.run(run));
      await expectMadeOnce(desk);
      expectEnded(await desk.run(apply));
      expectEnded(await desk.run(run));
      await expectMadeOnce(desk);
    },
  );

  test.for(opening)(
    'frozen: %s: the one who was overtaken does no harm (S1, S4)',
    async ([, point], { openDesk }) => {
      const desk = await openDesk();
      await openSentBack(desk);
      const environment = crashEnvironment(desk, { point, signal: 'SIGSTOP' });
      const frozen = desk.start(apply, environment);
      expect(await stoppedOrEnded(frozen)).toBe('stopped');
      expectEnded(await desk.run(apply));
      expectEnded(await desk.run(run));
      await expectMadeOnce(desk);
      frozen.kill('SIGCONT');
      await frozen.finished;
      expectEnded(await desk.run(run));
      await expectMadeOnce(desk);
    },
  );
});

describe.concurrent('what was sent back, and Redis goes back', () => {
  const moments = ['before it was opened', 'before it was sent'] as const;
  test.for(moments)('to %s: nothing is paid twice (S1)', async (moment, { openDesk }) => {
    const desk = await openDesk({ redis: 'private' });
    await openSentBack(desk);
    if (moment === 'before it was opened') await desk.keepPrivateRedis();
    expectEnded(await desk.run(apply));
    if (moment === 'before it was sent') await desk.keepPrivateRedis();
    expectEnded(await desk.run(run));
    await expectMadeOnce(desk);
    await desk.turnBackPrivateRedis();
    expectEnded(await desk.run(run));
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(run));
    await expectMadeOnce(desk);
  });

  test('while it is open: its words are those of the folder (S1)', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private' });
    await openSentBack(desk);
    await desk.keepPrivateRedis();
    expectEnded(await desk.run(apply));
    await desk.turnBackPrivateRedis();
    // What is open has left the folder's manifest: nothing is opened a second time, whatever Redis knows.
    const again = await desk.run(apply);
    expectEnded(again);
    expect(again.stdout).toContain('1 brief of it has no result yet');
    expectEnded(await desk.run(run));
    await expectMadeOnce(desk);
  });
});

describe.concurrent('what was sent back, and others are at it', () => {
  test('a decision that is taken back, or said in other words, while it is opened (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await desk.write('in.csv', productsCsv(3));
    expectEnded(await desk.run(run));
    await say(desk, '00001', 'again', words);
    await say(desk, '00002', 'again', words);
    await say(desk, '00003', 'again');
    const hold = 'before redis rivya:hold-manifest < ReopenedLedger.hold < holdManifest*';
    const applying = desk.start(apply, crashEnvironment(desk, { hold }));
    await held(desk, [applying]);
    await say(desk, '00001', 'approved');
    await say(desk, '00002', 'again', 'Others');
    await release(desk);
    const applied = await applying.finished;
    expectEnded(applied);
    expect(applied.stdout).toMatch(/2 have changed meanwhile/);
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 4);
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(run));
    await expectPaidOnce(desk, 5);
    expect(await promptsOf(desk)).toEqual([
      '00001 1 Photo of Product 1',
      '00002 2 Others ("Photo of Product 2")',
      '00003 2 Photo of Product 3',
    ]);
  });

  test('a folder that is lost: what was made with its words is asked for with them (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSentBack(desk);
    expectEnded(await desk.run(apply));
    expectEnded(await desk.run(run));
    await desk.write('in.csv', productsCsv(3));
    expectEnded(await desk.run(['enqueue', 'in.csv', '--out', 'out', ...mapping]));
    await rm(join(desk.folder, 'out'), { recursive: true });
    const anew = ['run', 'in.csv', '--batch', 'out', '--out', 'new', ...mapping, ...fast];
    expectEnded(await desk.run(anew));
    const { total, billedTwice } = desk.simulator.bill();
    expect({ tasks: total.tasks, billedTwice }).toEqual({ tasks: 4, billedTwice: [] });
    expect(await promptsOf(desk, 'new')).toEqual([
      '00001 1 Photo of Product 1',
      `00002 2 ${words} ("Photo of Product 2")`,
      '00003 1 Photo of Product 3',
    ]);
  });
});

describe.concurrent('steps that were sent back, and are killed', () => {
  test.for([
    ...opening.map(([where, point]) => ['stays', where, point] as const),
    ...opening.map(([where, point]) => ['is lost', where, point] as const),
  ])(
    'Redis %s: %s: made once with what comes after (S1, S4)',
    async ([redis, , point], { openDesk }) => {
      const desk = await openDesk({ redis: redis === 'is lost' ? 'private' : 'shared' });
      await openSteps(desk, threeSteps(), stepRow(1));
      expectEnded(await desk.run(runSteps));
      await say(desk, 'p001/still', 'again', words);
      await strike(desk, apply, point);
      if (redis === 'is lost') {
        await desk.losePrivateRedis();
        expectEnded(await desk.run(runSteps));
      }
      expectEnded(await desk.run(apply));
      expectEnded(await desk.run(runSteps));
      // Made of these words alone: nothing of the caption is in it.
      const faults = await stepFaults(desk, 5);
      expect(faults).toEqual(['p001/still is of no p001/caption']);
      const still = (await desk.lines('out')).find(({ brief_id: id }) => id === 'p001/still');
      expect(still).toMatchObject({ attempt: 2, prompt: words });
    },
  );
});
