import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { type Desk, fast, test } from '../support/cli.js';
import { crashEnvironment } from '../support/crash-points.js';
import {
  decide,
  endsOf,
  leftWaiting,
  openSteps,
  rowsCsv,
  runSteps,
  stepFaults,
  stepRow,
  takeDecisions,
  threeSteps,
  twoSteps,
} from '../support/steps.js';

/** STEPS_ROWS for another number of rows in the long one, such as 300. */
const rows = Number(process.env.STEPS_ROWS ?? '40');

/** Ends the desk's private Redis without a word. */
async function killRedis(desk: Desk): Promise<void> {
  const pidFile = join(desk.folder, '.rivya-batch/redis/redis.pid');
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => '0'));
  if (pid > 1) process.kill(pid, 'SIGKILL');
}

async function succeeds(desk: Desk, command: string[], code = 0): Promise<void> {
  const ended = await desk.run(command);
  expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code });
}

/** Runs until so many tasks are made, and is killed then. */
async function killedAt(desk: Desk, tasks: number, environment: Record<string, string> = {}) {
  const running = desk.start(runSteps, environment);
  while (desk.simulator.bill().total.tasks < tasks && !running.hasEnded()) await sleep(20);
  running.kill('SIGKILL');
  await running.finished;
}

describe.concurrent('rows of three steps', () => {
  test('are paid once through kills, a lost Redis, lost answers, a failing step, a retry and an edit (S1, S3, S4)', async ({
    openDesk,
  }) => {
    const names = stepRow(rows);
    const whole = 3 * rows;
    const desk = await openDesk({
      redis: 'private',
      credits: 100 * whole,
      faults: [
        `lose-answer-after-accept:${Math.ceil(rows / 8)}x:0.1`,
        `error-after-accept:${Math.ceil(rows / 8)}x:0.1`,
        'task-fails:1x:model=z-image:prompt=p002',
      ],
    });
    await openSteps(desk, threeSteps(), names);
    await killedAt(desk, rows);
    const running = desk.start(runSteps);
    await desk.tasksMade(Math.floor(1.5 * rows));
    await killRedis(desk);
    await desk.tasksMade(2 * rows);
    running.kill('SIGKILL');
    await running.finished;
    await desk.losePrivateRedis();
    await killedAt(desk, Math.floor(2.5 * rows));
    await killRedis(desk);
    await succeeds(desk, runSteps, 3);
    // The film of the still that failed is not made.
    expect(await stepFaults(desk, whole - 1)).toEqual([]);
    expect((await endsOf(desk)).filter((end) => !end.includes('succeeded'))).toEqual([
      'p002/film cancelled 1 step_before_failed',
      'p002/still failed 1 generation_failed',
    ]);
    await succeeds(desk, ['retry', 'out', '--yes']);
    await killedAt(desk, whole);
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, whole + 1)).toEqual([]);
    await desk.write('shop.csv', rowsCsv(names).replace('A p003', 'A red p003'));
    await killedAt(desk, whole + 2);
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, whole + 4)).toEqual([]);
    expect((await endsOf(desk)).filter((end) => end.endsWith(' 2'))).toEqual([
      'p002/film succeeded 2',
      'p002/still succeeded 2',
      ...['caption', 'film', 'still'].map((output) => `p003/${output} succeeded 2`),
    ]);
  }, 3_600_000);
});

/** Between every two of a step's own moves, in their order. */
const points = [
  ['in the ledger, before its job', 'after redis rivya:admit*'],
  ['its job added, before it is registered', 'before redis rivya:follow*'],
  [
    'what it comes after has its line, before it is looked at',
    'before redis rivya:follow < ResultLedger.follow < settleSteps < StageFeed*',
  ],
  [
    'let go, and still where steps wait',
    'before redis removeJob waiting < StageQueues.remove < settleSteps < StageFeed*',
  ],
  [
    'its draft filled, before its body is saved',
    'before redis rivya:move < BriefLedger.set < BriefLedger.move < fix*',
  ],
  [
    'its body saved, before it is sent',
    'after redis rivya:move < BriefLedger.set < BriefLedger.move < fix*',
  ],
  [
    'its files kept, before its body is saved',
    'after redis hset < ReferenceLedger.keepFiles < fix*',
  ],
] as const;

describe.concurrent('kill -9 of a step', () => {
  test.for([
    ...points.map(([where, point]) => [where, 'stays', point] as const),
    ...points.map(([where, point]) => [where, 'is lost', point] as const),
  ])(
    '%s, and Redis %s: the same command makes each once (S1, S4)',
    async ([, redis, point], { openDesk }) => {
      const faults = ['lose-answer-after-accept:1x:model=z-image'];
      const desk = await openDesk({ faults, ...(redis === 'is lost' && { redis: 'private' }) });
      await openSteps(desk, threeSteps(), stepRow(2));
      const killed = await desk.run(runSteps, { environment: crashEnvironment(desk, { point }) });
      expect(killed.signal).toBe('SIGKILL');
      if (redis === 'is lost') await desk.losePrivateRedis();
      await succeeds(desk, runSteps);
      expect(await stepFaults(desk, 6)).toEqual([]);
    },
  );
});

describe.concurrent('Redis that is lost with steps in it', () => {
  test('after the stills: films are made of what the manifest says, and nothing is paid again (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await openSteps(desk, twoSteps({ still: '\n    approve: true' }), stepRow(3));
    await succeeds(desk, runSteps, 4);
    await desk.losePrivateRedis();
    await succeeds(desk, runSteps, 4);
    for (const row of stepRow(3)) await decide(desk, `${row}/still`, 'approved');
    await takeDecisions(desk);
    await desk.losePrivateRedis();
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 6)).toEqual([]);
  });

  test('after a film was sent: its body is the one of the journal, whatever the still is by then (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({
      redis: 'private',
      faults: ['lose-answer-after-accept:2x:model=kling-2-6'],
    });
    await openSteps(desk, twoSteps(), stepRow(2));
    await killedAt(desk, 3);
    await desk.losePrivateRedis();
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 4)).toEqual([]);
  });

  test('and is put back as it was before the films were made (S1, S4)', async ({ openDesk }) => {
    const desk = await openDesk({ redis: 'private' });
    await openSteps(desk, threeSteps({ still: '\n    approve: true' }), stepRow(3));
    await succeeds(desk, runSteps, 4);
    await desk.keepPrivateRedis();
    for (const row of stepRow(3)) await decide(desk, `${row}/still`, 'approved');
    await takeDecisions(desk);
    await succeeds(desk, runSteps);
    await desk.turnBackPrivateRedis();
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 9)).toEqual([]);
  });

  test('a retry needs no input, and opens both (S1)', async ({ openDesk }) => {
    const desk = await openDesk({
      redis: 'private',
      faults: ['task-fails:1x:model=z-image:prompt=p002'],
    });
    await openSteps(desk, threeSteps(), stepRow(3));
    await succeeds(desk, runSteps, 3);
    await desk.losePrivateRedis();
    await succeeds(desk, runSteps, 3);
    await succeeds(desk, ['retry', 'out', '--yes', '--run']);
    expect(await stepFaults(desk, 10)).toEqual([]);
    expect((await endsOf(desk)).filter((end) => end.startsWith('p002'))).toEqual([
      'p002/caption succeeded 1',
      'p002/film succeeded 2',
      'p002/still succeeded 2',
    ]);
  });

  test('an output that is added later is made of what the manifest says (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await openSteps(desk, threeSteps().replace(/ {2}film:[\s\S]*/, ''), stepRow(2));
    await succeeds(desk, runSteps);
    await desk.write('steps.yaml', threeSteps());
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 6)).toEqual([]);
  });
});

describe.concurrent('a person’s yes', () => {
  const approving = twoSteps({ still: '\n    approve: true' });

  test('is found by two workers while they run, within seconds (S1)', async ({ openDesk }) => {
    const desk = await openDesk();
    await openSteps(desk, approving, stepRow(4));
    await succeeds(desk, ['enqueue', '--recipe', 'steps.yaml']);
    const workers = [1, 2].map(() => desk.start(['worker', ...fast]));
    await desk.tasksMade(4);
    await expect.poll(() => desk.lines('out').catch(() => [])).toHaveLength(4);
    for (const row of stepRow(4)) await decide(desk, `${row}/still`, 'approved');
    await takeDecisions(desk);
    await expect
      .poll(() => desk.report('out').catch(() => null))
      .toMatchObject({ state: 'finished' });
    for (const worker of workers) worker.kill('SIGTERM');
    await Promise.all(workers.map((worker) => worker.finished));
    expect(await stepFaults(desk, 8)).toEqual([]);
    expect(await leftWaiting(desk)).toEqual([]);
  });

  test('counts for no other attempt than the one that was looked at (S1)', async ({ openDesk }) => {
    const desk = await openDesk();
    await openSteps(desk, approving, ['lamp', 'rug']);
    await succeeds(desk, runSteps, 4);
    await decide(desk, 'lamp/still', 'approved');
    await takeDecisions(desk);
    await desk.run(['retry', 'out', '--ids', 'lamp/still', '--yes']);
    await succeeds(desk, runSteps, 4);
    expect(await endsOf(desk)).toEqual(['lamp/still succeeded 2', 'rug/still succeeded 1']);
    for (const name of ['lamp', 'rug']) await decide(desk, `${name}/still`, 'approved');
    await takeDecisions(desk);
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 5)).toEqual([]);
  });

  test('that is “again” waits for another attempt, and the run ends with 4 (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, approving, ['lamp', 'rug']);
    await succeeds(desk, runSteps, 4);
    await decide(desk, 'lamp/still', 'again');
    await decide(desk, 'rug/still', 'approved');
    await takeDecisions(desk);
    await succeeds(desk, runSteps, 4);
    await succeeds(desk, ['retry', 'out', '--ids', 'lamp/still', '--yes']);
    await succeeds(desk, runSteps, 4);
    await decide(desk, 'lamp/still', 'approved');
    await takeDecisions(desk);
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 5)).toEqual([]);
  });

  test('after a no: a retry makes it, and a no of each kind is final until then (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, approving, ['lamp']);
    await succeeds(desk, runSteps, 4);
    await decide(desk, 'lamp/still', 'rejected');
    await takeDecisions(desk);
    await succeeds(desk, runSteps, 3);
    expect(await endsOf(desk)).toEqual([
      'lamp/film cancelled 1 not_approved',
      'lamp/still succeeded 1',
    ]);
    await decide(desk, 'lamp/still', 'approved');
    await takeDecisions(desk);
    await succeeds(desk, ['retry', 'out', '--status', 'cancelled', '--yes']);
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 2)).toEqual([]);
  });

  test.for([
    ['changed to a no', 'rejected', 3],
    ['taken back', 'undecided', 4],
  ] as const)(
    'that is %s before anybody has gone on with it makes nothing (S1)',
    async ([, other, code], { openDesk }) => {
      const desk = await openDesk();
      await openSteps(desk, approving, ['lamp', 'rug']);
      await succeeds(desk, runSteps, 4);
      for (const name of ['lamp', 'rug']) await decide(desk, `${name}/still`, 'approved');
      await takeDecisions(desk);
      await succeeds(desk, ['pause', 'out']);
      const running = desk.start(runSteps);
      while ((await leftWaiting(desk)).length > 0) await sleep(20);
      running.kill('SIGKILL');
      await running.finished;
      for (const name of ['lamp', 'rug']) await decide(desk, `${name}/still`, other);
      await takeDecisions(desk);
      await succeeds(desk, ['resume', 'out']);
      await succeeds(desk, runSteps, code);
      expect(await stepFaults(desk, 2)).toEqual([]);
    },
  );

  test('is heard by a worker where the batch was queued by one that is gone, and Redis is lost in between (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ redis: 'private' });
    await openSteps(desk, approving, stepRow(2));
    await succeeds(desk, runSteps, 4);
    for (const row of stepRow(2)) await decide(desk, `${row}/still`, 'approved');
    await takeDecisions(desk);
    await desk.losePrivateRedis();
    await succeeds(desk, ['enqueue', '--recipe', 'steps.yaml']);
    const worker = desk.start(['worker', ...fast]);
    await expect
      .poll(() => desk.report('out').catch(() => null))
      .toMatchObject({ state: 'finished' });
    worker.kill('SIGTERM');
    await worker.finished;
    expect(await stepFaults(desk, 4)).toEqual([]);
  });

  test('is asked for where fewer briefs than those of a row may be open at once', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, approving, stepRow(5));
    const environment = { RIVYA_BATCH_HIGH_WATER: '2' };
    const first = await desk.run(runSteps, { environment });
    expect({ code: first.code, stderr: first.stderr }).toMatchObject({ code: 4 });
    for (let turn = 0; turn < 5; turn += 1) {
      for (const line of await desk.lines('out')) {
        if (line.output === 'still') await decide(desk, line.brief_id, 'approved');
      }
      await takeDecisions(desk);
      const { code } = await desk.run(runSteps, { environment });
      if (code === 0) break;
    }
    expect(await stepFaults(desk, 10)).toEqual([]);
  });
});

describe.concurrent('steps that are steered', () => {
  test('cancelled in the middle: each has its line, and no job waits any more (S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ durationMs: 60_000 });
    await openSteps(desk, threeSteps(), stepRow(6));
    const running = desk.start(runSteps);
    await desk.tasksMade(8);
    await succeeds(desk, ['cancel', 'out', '--yes']);
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 3 });
    expect(await desk.lines('out')).toHaveLength(18);
    expect(await leftWaiting(desk)).toEqual([]);
    const made = desk.simulator.bill().total.tasks;
    expect(await stepFaults(desk, made)).toEqual([]);
    await succeeds(desk, ['retry', 'out', '--status', 'cancelled', '--yes', '--run']);
    expect(await stepFaults(desk, 18)).toEqual([]);
    expect(await leftWaiting(desk)).toEqual([]);
  });

  test('cancelled without a run, with what is under way left behind (S4)', async ({ openDesk }) => {
    const desk = await openDesk({ durationMs: 200_000 });
    await openSteps(desk, threeSteps(), stepRow(4));
    await killedAt(desk, 6);
    await succeeds(desk, ['cancel', 'out', '--abandon', '--yes']);
    expect(await desk.lines('out')).toHaveLength(12);
    expect(await leftWaiting(desk)).toEqual([]);
    await succeeds(desk, ['forget', 'out']);
    expect(await leftWaiting(desk)).toEqual([]);
  });

  test('paused and resumed, with two runs of it at once (S1)', async ({ openDesk }) => {
    const desk = await openDesk({ faults: ['lose-answer-after-accept:3x'] });
    await openSteps(desk, threeSteps(), stepRow(5));
    const runs = [1, 2].map(() => desk.start(runSteps));
    await desk.tasksMade(4);
    await succeeds(desk, ['pause', 'out']);
    await sleep(1_000);
    await succeeds(desk, ['resume', 'out']);
    const ends = await Promise.all(runs.map((running) => running.finished));
    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    expect(await stepFaults(desk, 15)).toEqual([]);
  });

  test('made again by --force, killed in their middle: once each, the later of what the earlier has become (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, threeSteps(), stepRow(3));
    await succeeds(desk, runSteps);
    const force = [...runSteps, '--force', '--yes'];
    const running = desk.start(force);
    await desk.tasksMade(13);
    running.kill('SIGKILL');
    await running.finished;
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 18)).toEqual([]);
  });

  test('edited while films wait or run: what is made again is of the new row (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ durationMs: 40_000 });
    await openSteps(desk, threeSteps(), stepRow(3));
    await killedAt(desk, 5);
    await desk.write('shop.csv', rowsCsv(stepRow(3)).replace('A p002', 'A red p002'));
    const { code, stderr } = await desk.run(runSteps);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const again = await desk.run(runSteps);
    expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 0 });
    const made = desk.simulator.bill().total.tasks;
    expect(made).toBeGreaterThanOrEqual(10);
    expect(made).toBeLessThanOrEqual(12);
    expect(await stepFaults(desk, made)).toEqual([]);
  });

  test('made by workers of which two collect nothing: none fails for want of a file (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, threeSteps().replace('out: out\n', 'batch: out\n'), stepRow(8));
    await succeeds(desk, ['enqueue', '--recipe', 'steps.yaml']);
    const without = ['--stages', 'submit,status'];
    const workers = [['--out', 'out', '--stages', 'collect'], without, without].map((flags) =>
      desk.start(['worker', ...flags, ...fast]),
    );
    await expect
      .poll(() => desk.report('out').catch(() => null), { timeout: 120_000 })
      .toMatchObject({ state: 'finished' });
    for (const worker of workers) worker.kill('SIGTERM');
    await Promise.all(workers.map((worker) => worker.finished));
    expect((await endsOf(desk)).filter((end) => !end.includes('succeeded'))).toEqual([]);
    expect(await stepFaults(desk, 24)).toEqual([]);
  });

  test('a cap in their middle ends the run with 4, and the same command goes on (S6)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, threeSteps(), stepRow(4));
    const capped = await desk.run([...runSteps, '--max-credits', '8']);
    expect({ code: capped.code, stderr: capped.stderr }).toMatchObject({ code: 4 });
    expect(desk.simulator.bill().total.spent).toBeLessThanOrEqual(8);
    await succeeds(desk, [...runSteps, '--max-credits', 'none']);
    expect(await stepFaults(desk, 12)).toEqual([]);
  });

  test('fewer than the steps of a row may be open at once, through a kill (S1, S4)', async ({
    openDesk,
  }) => {
    const desk = await openDesk();
    await openSteps(desk, threeSteps(), stepRow(5));
    const environment = { RIVYA_BATCH_HIGH_WATER: '2' };
    await killedAt(desk, 7, environment);
    const { code, stderr } = await desk.run(runSteps, { environment });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await stepFaults(desk, 15)).toEqual([]);
  });

  test('a trial makes whole rows, and the rest follows (S1)', async ({ openDesk }) => {
    const desk = await openDesk();
    await openSteps(desk, threeSteps(), stepRow(6));
    const trial = await desk.run([...runSteps, '--trial', '3']);
    expect({ code: trial.code, stderr: trial.stderr }).toMatchObject({ code: 0 });
    await succeeds(desk, runSteps);
    expect(await stepFaults(desk, 18)).toEqual([]);
  });
});
