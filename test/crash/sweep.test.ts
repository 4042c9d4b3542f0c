import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { beforeAll, describe, expect } from 'vitest';
import { auditRun } from '../support/audit-run.js';
import { Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { crashEnvironment, stoppedOrEnded } from '../support/crash-points.js';

/**
 * Kills (and freezes) the real command at every point that an await can go through, in turn, and lets the
 * same command go on. The points are recorded from a run, not typed by hand: see `crash-hook.mjs`.
 *
 * SWEEP=all for every point, SWEEP=2/4 for the second of four parts; otherwise SWEEP_POINTS of them (16), evenly
 * spread, from SWEEP_OFFSET (0) on.
 * SWEEP_AT_ONCE (16) runs at a time: nearly all of their time they wait for the dead one's locks to end.
 */
const { SWEEP, SWEEP_POINTS = '16', SWEEP_OFFSET = '0', SWEEP_AT_ONCE = '16' } = process.env;

/** What happens to the recorded runs: between them, they lead through every step of a brief. */
const stories: Record<string, string[]> = {
  'an answer is lost': ['lose-answer-after-accept:1x'],
  'everything is refused or broken once': [
    'rate-limited=1:1x:endpoint=submit',
    'api-disabled:1x:endpoint=submit',
    'early-404=300:1x',
    'drop-read:1x',
    'expire-first-url',
    'download-truncated:1x',
  ],
};
const briefs = 2;
const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
const auditOf = (desk: Desk) => auditRun(desk, { out: 'out', batch: 'in', briefs });
const limit = pLimit(Number(SWEEP_AT_ONCE));

interface Point {
  story: string;
  name: string;
}

type Verdict =
  | { kind: 'survived' }
  | { kind: 'not_reached' }
  | { kind: 'harmed'; faults: string[] };

async function openDesk(story: string): Promise<Desk> {
  const desk = await Desk.open({ faults: stories[story] ?? [] });
  await desk.write('in.csv', productsCsv(briefs));
  return desk;
}

/** The names of all points that a run of this story passes, in the order in which they first appear. */
async function recordPoints(story: string): Promise<string[]> {
  const desk = await openDesk(story);
  try {
    const record = join(desk.folder, 'points');
    const recorded = await desk.run(run, { environment: crashEnvironment(desk, { record }) });
    expect(recorded).toMatchObject({ code: 0 });
    expect(await auditOf(desk)).toEqual([]);
    const names = (await readFile(record, 'utf8')).trimEnd().split('\n');
    return [...new Set(names.map((name) => JSON.parse(name) as string))];
  } finally {
    await desk.close();
  }
}

async function derivePoints(): Promise<Point[]> {
  const recorded = await Promise.all(
    Object.keys(stories).map(async (story) => ({ story, names: await recordPoints(story) })),
  );
  const storyOf = new Map<string, string>();
  for (const { story, names } of recorded) {
    for (const name of names) if (!storyOf.has(name)) storyOf.set(name, story);
  }
  return [...storyOf].map(([name, story]) => ({ name, story }));
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

/** Kills a run at this point, and lets the same command go on. */
async function killAt({ story, name }: Point): Promise<Verdict> {
  const desk = await openDesk(story);
  try {
    const environment = crashEnvironment(desk, { point: name });
    const killed = await desk.run(run, { environment });
    const continued = await desk.run(run);
    const faults = await auditOf(desk).catch((error) => [String(error)]);
    if (continued.code !== 0) faults.push(`exit code ${continued.code}: ${continued.stderr}`);
    if (faults.length > 0) return { kind: 'harmed', faults };
    return { kind: killed.signal === 'SIGKILL' ? 'survived' : 'not_reached' };
  } finally {
    await desk.close();
  }
}

/** Freezes a run at this point until another has finished its briefs, and wakes it. */
async function freezeAt({ story, name }: Point): Promise<Verdict> {
  const desk = await openDesk(story);
  try {
    const environment = crashEnvironment(desk, { point: name, signal: 'SIGSTOP' });
    const frozen = desk.start(run, environment);
    const reached = await stoppedOrEnded(frozen);
    const other = await desk.run(run);
    const faults = await auditOf(desk).catch((error) => [String(error)]);
    frozen.process.kill('SIGCONT');
    const woken = await frozen.finished;
    for (const fault of await auditOf(desk).catch((error) => [String(error)])) {
      faults.push(`after it woke: ${fault}`);
    }
    for (const { code, signal, stderr } of [other, woken]) {
      if (code !== 0) faults.push(`exit code ${code ?? signal}: ${stderr}`);
    }
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
