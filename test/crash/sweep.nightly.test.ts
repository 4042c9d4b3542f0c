import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { beforeAll, describe, expect } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment, stoppedOrEnded } from '../support/crash-points.js';
import { apply, say } from '../support/decisions.js';
import { openSteps, runSteps, stepFaults, stepRow, threeSteps } from '../support/steps.js';

/**
 * Kills (and freezes) the real command at every point that an await can go through, in turn, and lets the
 * same command go on. The points are recorded from a run, not typed by hand: see `crash-hook.mjs`.
 *
 * SWEEP=all for every point, SWEEP=2/4 for the second of four parts; otherwise SWEEP_POINTS of them (16), evenly
 * spread, from SWEEP_OFFSET (0) on.
 * SWEEP_STORY for the stories alone that have this text in their name.
 * SWEEP_AT_ONCE (16) runs at a time: nearly all of their time they wait for the dead one's locks to end.
 */
const {
  SWEEP,
  SWEEP_STORY = '',
  SWEEP_POINTS = '16',
  SWEEP_OFFSET = '0',
  SWEEP_AT_ONCE = '16',
} = process.env;

const briefs = 2;
const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
const chat = [
  ...['run', 'in.csv', '--out', 'out', '--id', 'sku', '--model', 'gpt-5-2-chat'],
  ...['--prompt', 'Alt text for {{title}}', ...fast],
];
const retry = ['retry', 'out', '--yes'];
const words = 'A {{red}} one';
/** The same briefs with other content. */
const changed = [...run, '--prompt', 'Sketch of {{title}}'];

interface Story {
  faults: string[];
  /** A recipe, where it is not of briefs that are all alike. */
  recipe?: string;
  /** Where it is not `briefs`. */
  briefs?: number;
  /** Commands that come before. */
  before: string[][];
  /** A brief that a person sends back after that, with other words. */
  sentBack?: string;
  /** The one that is struck. */
  command: string[];
  /** What a person does after that; with it, all is finished and in order. */
  after: string[][];
  tasks: number;
}

const plain = { before: [], command: run, after: [run], tasks: briefs };
const retried = {
  faults: ['task-fails=nsfw/refunded:1x'],
  before: [run],
  command: retry,
  tasks: briefs + 1,
};

/** Between them, they lead through every step of a brief, and of one that is tried again. */
const stories: Record<string, Story> = {
  'an answer is lost': { ...plain, faults: ['lose-answer-after-accept:1x'] },
  'everything is refused or broken once': {
    ...plain,
    faults: [
      'rate-limited=1:1x:endpoint=submit',
      'api-disabled:1x:endpoint=submit',
      'early-404=300:1x',
      'drop-read:1x',
      'expire-first-url',
      'download-truncated:1x',
    ],
  },
  'a chat answers': {
    ...{ faults: ['lose-answer-after-accept:1x'], before: [], tasks: briefs },
    ...{ command: chat, after: [chat] },
  },
  'a failed brief is retried': { ...retried, after: [retry, run] },
  'a failed brief is retried, and run before the retry is given again': {
    ...retried,
    after: [run, retry, run],
  },
  'all briefs have changed': {
    ...{ faults: [], before: [run], command: changed, after: [changed] },
    tasks: 2 * briefs,
  },
  'each comes after another': {
    ...{ faults: ['lose-answer-after-accept:1x:model=kling-2-6'], before: [] },
    ...{ recipe: threeSteps(), command: runSteps, after: [runSteps] },
    ...{ briefs: 3, tasks: 3 },
  },
  'what was sent back is opened': {
    ...{ faults: [], before: [run], sentBack: '00002' },
    ...{ command: apply, after: [apply, run], tasks: briefs + 1 },
  },
  'what was sent back is opened, and run before it is applied again': {
    ...{ faults: [], before: [run], sentBack: '00002' },
    ...{ command: apply, after: [run, apply, run], tasks: briefs + 1 },
  },
  'what others come after is sent back': {
    ...{ faults: [], before: [runSteps], sentBack: 'p001/caption' },
    ...{ recipe: threeSteps(), command: apply, after: [apply, runSteps] },
    ...{ briefs: 3, tasks: 6 },
  },
  'what others come after is retried': {
    ...{ faults: ['task-fails:1x:model=z-image'], before: [runSteps] },
    ...{ recipe: threeSteps(), command: retry, after: [retry, runSteps] },
    ...{ briefs: 3, tasks: 4 },
  },
};

const limit = pLimit(Number(SWEEP_AT_ONCE));

interface Point {
  story: string;
  name: string;
}

type Verdict =
  | { kind: 'survived' }
  | { kind: 'not_reached' }
  | { kind: 'harmed'; faults: string[] };

function storyOf(name: string): Story {
  const story = stories[name];
  if (!story) throw new Error(`no story is called ${name}`);
  return story;
}

async function openDesk({ faults, before, recipe, sentBack }: Story): Promise<Desk> {
  const desk = await Desk.open({ faults });
  await desk.write('in.csv', productsCsv(briefs));
  if (recipe !== undefined) await openSteps(desk, recipe, stepRow(1));
  for (const command of before) await desk.run(command);
  if (sentBack !== undefined) await say(desk, sentBack, 'again', words);
  return desk;
}

/** Does what comes after, and tells what is not in order then. */
async function goOn(desk: Desk, { after }: Story): Promise<string[]> {
  let last: Awaited<ReturnType<Desk['run']>> | undefined;
  for (const command of after) last = await desk.run(command);
  return last?.code === 0 ? [] : [`exit code ${last?.code}: ${last?.stdout}${last?.stderr}`];
}

async function audit(desk: Desk, told: Story): Promise<string[]> {
  const { tasks, command, recipe, sentBack, briefs: made = briefs } = told;
  try {
    const audited = await auditRun(desk, { out: 'out', batch: 'out', briefs: made, tasks });
    // A step that was not made has no credits in its line.
    const other = /^credits on the bill and in the manifest/;
    const faults =
      recipe === undefined
        ? audited
        : [...audited.filter((fault) => !other.test(fault)), ...(await stepFaults(desk, tasks))];
    if (isRun(command)) return faults;
    if (sentBack !== undefined) {
      const again = (await desk.lines('out')).find(({ brief_id: id }) => id === sentBack);
      if (again?.prompt !== words) faults.push(`${sentBack} was made of ${again?.prompt}`);
    }
    const moved = movedBy(told);
    const history = (await desk.read('out/history.jsonl')).trimEnd().split('\n');
    return history.length === moved
      ? faults
      : [...faults, `history.jsonl has ${history.length} lines`];
  } catch (error) {
    return [String(error)];
  }
}

/** How many lines are in the history then. */
function movedBy({ command, recipe }: Story): number {
  if (command === changed) return briefs;
  if (recipe === undefined) return 1;
  // A still that was not made and its film; or all of its row.
  return command === retry ? 2 : 3;
}

/** Whether it makes everything by itself. */
function isRun(command: string[]): boolean {
  return command === run || command === runSteps || command === chat;
}

/** The names of all points that this story passes, in the order in which they first appear. */
async function recordPoints(story: Story): Promise<string[]> {
  const desk = await openDesk(story);
  try {
    const record = join(desk.folder, 'points');
    const environment = crashEnvironment(desk, { record });
    expect(await desk.run(story.command, { environment })).toMatchObject({ code: 0 });
    expect(await goOn(desk, story)).toEqual([]);
    expect(await audit(desk, story)).toEqual([]);
    const names = (await readFile(record, 'utf8')).trimEnd().split('\n');
    return [...new Set(names.map((name) => JSON.parse(name) as string))];
  } finally {
    await desk.close();
  }
}

/** A point that two stories of one command pass is struck in the first of them. */
async function derivePoints(): Promise<Point[]> {
  const recorded = await Promise.all(
    Object.entries(stories)
      .filter(([story]) => story.includes(SWEEP_STORY))
      .map(async ([story, told]) => ({
        story,
        names: await recordPoints(told),
      })),
  );
  const known = new Set<string>();
  const points: Point[] = [];
  for (const { story, names } of recorded) {
    for (const name of names) {
      const { command, after } = storyOf(story);
      const key = JSON.stringify([command, after, name]);
      if (!known.has(key)) points.push({ story, name });
      known.add(key);
    }
  }
  return points;
}

function choose(points: Point[], count: number): Point[] {
  if (SWEEP === 'all') return points;
  const [part, parts] = SWEEP?.split('/').map(Number) ?? [];
  if (part && parts) return points.filter((_, index) => index % parts === part - 1);
  const spacing = Math.max(1, points.length / count);
  const chosen: Point[] = [];
  for (let at = Number(SWEEP_OFFSET) % spacing; at < points.length; at += spacing) {
    const point = points[Math.floor(at)];
    if (point) chosen.push(point);
  }
  return chosen;
}

/** Kills the story's command at this point, and goes on. */
async function killAt({ story, name }: Point): Promise<Verdict> {
  const told = storyOf(story);
  const desk = await openDesk(told);
  try {
    const environment = crashEnvironment(desk, { point: name });
    const killed = await desk.run(told.command, { environment });
    const faults = [...(await goOn(desk, told)), ...(await audit(desk, told))];
    if (faults.length > 0) return { kind: 'harmed', faults };
    return { kind: killed.signal === 'SIGKILL' ? 'survived' : 'not_reached' };
  } finally {
    await desk.close();
  }
}

/** Freezes the story's command at this point until others have finished its briefs, and wakes it. */
async function freezeAt({ story, name }: Point): Promise<Verdict> {
  const told = storyOf(story);
  const desk = await openDesk(told);
  try {
    const environment = crashEnvironment(desk, { point: name, signal: 'SIGSTOP' });
    const frozen = desk.start(told.command, environment);
    const reached = await stoppedOrEnded(frozen);
    const faults = [...(await goOn(desk, told)), ...(await audit(desk, told))];
    frozen.kill('SIGCONT');
    const { code, stderr } = await frozen.finished;
    if (isRun(told.command) && code !== 0) faults.push(`woken: exit code ${code}: ${stderr}`);
    faults.push(...(await audit(desk, told)).map((fault) => `after it woke: ${fault}`));
    if (faults.length > 0) return { kind: 'harmed', faults };
    return { kind: reached === 'stopped' ? 'survived' : 'not_reached' };
  } finally {
    await desk.close();
  }
}

/** Which of two things happens first may differ from run to run: a point that was passed once comes again. */
async function untilReached(strike: (point: Point) => Promise<Verdict>, point: Point) {
  let verdict: Verdict = { kind: 'not_reached' };
  for (let tries = 0; tries < 3 && verdict.kind === 'not_reached'; tries += 1) {
    verdict = await limit(() => strike(point));
  }
  // Told at once: all points take long, and the first harm is news.
  if (verdict.kind !== 'survived') console.log(JSON.stringify({ ...point, ...verdict }));
  return { ...point, ...verdict };
}

async function sweep(points: Point[], strike: (point: Point) => Promise<Verdict>) {
  const startedAt = performance.now();
  const verdicts = await Promise.all(points.map((point) => untilReached(strike, point)));
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`${strike.name}: ${points.length} of ${all.length} derived points in ${seconds} s`);
  return verdicts.filter(({ kind }) => kind !== 'survived');
}

let all: Point[] = [];
const hourMs = 3_600_000;

describe.concurrent('at any point of a run', () => {
  beforeAll(async () => {
    all = await derivePoints();
  });

  test(
    'kill -9: the same command finishes, and nothing is paid twice (S1, S3, S4, S5)',
    async () => {
      expect(await sweep(choose(all, Number(SWEEP_POINTS)), killAt)).toEqual([]);
    },
    hourMs,
  );

  test(
    'frozen until another has finished its briefs: the woken one does no harm (S1, S4)',
    async () => {
      const count = Math.ceil(Number(SWEEP_POINTS) / 2);
      expect(await sweep(choose(all, count), freezeAt)).toEqual([]);
    },
    hourMs,
  );
});
