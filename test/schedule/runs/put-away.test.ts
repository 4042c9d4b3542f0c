import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forgetFinished } from '../../../src/batch/clear-batch.js';
import { decidedHash } from '../../../src/results/decisions.js';
import { type KeptRun, runsToPutAway } from '../../../src/schedule/runs/put-away.js';
import type { Schedule } from '../../../src/schedule/schedule.js';
import type { ManifestLine } from '../../../src/shared/manifest-line.js';
import {
  dayMs,
  keepOf,
  known,
  makeNight,
  nights,
  openNights,
  settle,
  wholeNight,
} from './nights.js';
import { tickMs } from './schedule-bench.js';

function pastRun(day: number, made = true): KeptRun {
  return { batch: `shots@${day}`, begunMs: day * dayMs, endedMs: day * dayMs, made };
}

function goneOf(
  runs: KeptRun[],
  keep: Partial<Schedule['keep']>,
  { today = 10, comparedWith = null }: { today?: number; comparedWith?: string | null } = {},
): number[] {
  const at = { nowMs: today * dayMs, comparedWith };
  const goes = runsToPutAway(runs, { runs: null, days: null, ...keep }, at);
  return goes.map(({ begunMs }) => begunMs / dayMs);
}

describe('what a schedule does not keep', () => {
  const runs = [3, 1, 5, 2, 4].map((day) => pastRun(day));

  it('is nothing where nothing is said', () => {
    expect(goneOf(runs, {})).toEqual([]);
  });

  it('is what came before the last runs, the oldest first', () => {
    expect(goneOf(runs, { runs: 2 })).toEqual([1, 2, 3]);
    expect(goneOf(runs, { runs: 5 })).toEqual([]);
  });

  it('is what is older than so many days, and never the last one that made something', () => {
    expect(goneOf(runs, { days: 7 })).toEqual([1, 2]);
    expect(goneOf(runs, { days: 1 })).toEqual([1, 2, 3, 4]);
  });

  it('is what neither of both keeps', () => {
    expect(goneOf(runs, { runs: 1, days: 7 })).toEqual([1, 2]);
    expect(goneOf(runs, { runs: 4, days: 1 })).toEqual([1]);
  });

  it('is no run with a result because of later ones that have none', () => {
    const nights = [pastRun(1), pastRun(2), ...[3, 4, 5, 6].map((day) => pastRun(day, false))];
    expect(goneOf(nights, { runs: 2 })).toEqual([]);
    expect(goneOf(nights, { runs: 1 })).toEqual([1]);
    expect(goneOf([...nights, pastRun(7)], { runs: 1 })).toEqual([1, 2, 3, 4, 5, 6]);
    expect(goneOf(nights, { days: 1 })).toEqual([1, 3, 4, 5, 6]);
  });

  it('is never the one that the next run is compared with', () => {
    const nights = [pastRun(1), pastRun(2, false), pastRun(3)];
    expect(goneOf(nights, { runs: 1 }, { comparedWith: 'shots@2' })).toEqual([1]);
  });
});

describe('when a run has ended', () => {
  it('what is not kept is put away, folder and state, and its record says when', async () => {
    const bench = await openNights({ runs: 2 });
    const names: string[] = [];
    for (let number = 0; number < 4; number += 1) names.push(await wholeNight(bench, number));
    expect(await nights(bench)).toEqual(names.slice(2));
    expect((await known(bench)).sort()).toEqual(names.slice(2));
    const { runs } = await bench.ledger.runs('shots');
    const put = runs.map(({ run }) => run.stage === 'ended' && run.putAwayMs !== null);
    expect(put).toEqual([true, true, false, false]);
  });

  it('what is open stays, and so does what a person has still to do something with', async () => {
    const bench = await openNights({ runs: 9 });
    const unknown = await wholeNight(bench, 0, ['succeeded', 'unknown']);
    const reopened = await wholeNight(bench, 1);
    await bench.batch(reopened).set({ 'lines:succeeded': 0 });
    const [again, approved, rejected] = [
      await wholeNight(bench, 2),
      await wholeNight(bench, 3),
      await wholeNight(bench, 4),
    ];
    for (const [batch, decision] of [
      [again, 'again'],
      [approved, 'approved'],
      [rejected, 'rejected'],
    ] as const) {
      await decide(join(bench.folder, batch), decision);
    }
    await writeFile(join(bench.folder, rejected, 'mine.psd'), 'mine');
    await keepOf(bench, { runs: 1 });
    const last = await wholeNight(bench, 5);
    const stay = [unknown, reopened, again, approved, last];
    expect((await nights(bench)).sort()).toEqual([...stay, rejected].sort());
    expect((await known(bench)).sort()).toEqual(stay.sort());
    // What is not ours is nobody's to delete.
    expect(await readdir(join(bench.folder, rejected))).toEqual(['mine.psd']);

    // Once it was handed over, it goes: what was handed over stays.
    await handOver(join(bench.folder, approved));
    const newest = await wholeNight(bench, 6);
    expect(await nights(bench)).not.toContain(last);
    expect((await readdir(join(bench.folder, approved))).sort()).toEqual([
      'approved',
      'delivered.jsonl',
    ]);
    expect(await known(bench)).not.toContain(approved);
    expect(await known(bench)).toContain(newest);
  });

  it('what the next run is compared with stays, however little of it succeeded', async () => {
    const bench = await openNights({ days: 1 }, { makes: 'only_changed' });
    const good = await wholeNight(bench, 0);
    const bad = await wholeNight(bench, 5, ['failed']);
    expect(await nights(bench)).toEqual([good, bad].sort());
    bench.time.nowMs += 90 * dayMs;
    await settle(bench, tickMs + 5 * dayMs);
    expect(await nights(bench)).toEqual([good, bad].sort());
  });

  it('folders that no history knows go as well: after a lost Redis, or of one that was added again', async () => {
    const bench = await openNights({ runs: 1 });
    const first = await wholeNight(bench, 0);
    await bench.ledger.remove('shots');
    await forgetFinished(bench.context.batches, first);
    await bench.ledger.add(bench.schedule, 'none');
    // Batches are dated by the ledger's clock, which no test sets.
    const journal = join(bench.folder, first, 'journal.jsonl');
    const dated = (await readFile(journal, 'utf8')).replace(
      /"createdAt":\d+/,
      `"createdAt":${tickMs}`,
    );
    await writeFile(journal, dated);
    // Of somebody else, however like its name.
    await mkdir(join(bench.folder, 'shots@2026-11-01'));
    await writeFile(join(bench.folder, 'shots@2026-11-01', 'manifest.csv'), 'mine');
    const second = await wholeNight(bench, 1);
    expect(await nights(bench)).toEqual(['shots@2026-11-01', second].sort());
  });

  it('what a refused run has left goes with its time', async () => {
    const bench = await openNights({ runs: 1 });
    await bench.write('sku,title\n1,\n');
    await settle(bench, tickMs);
    expect(await bench.run()).toMatchObject({ stage: 'refused' });
    expect(await nights(bench)).toHaveLength(1);
    const second = await wholeNight(bench, 1);
    expect(await nights(bench)).toEqual([second]);
    expect(await bench.run()).toMatchObject({ putAwayMs: expect.any(Number) });
  });
});

async function lineIn(out: string): Promise<ManifestLine> {
  const [text = ''] = (await readFile(join(out, 'manifest.jsonl'), 'utf8')).split('\n');
  return JSON.parse(text) as ManifestLine;
}

async function decide(out: string, decision: 'again' | 'approved' | 'rejected'): Promise<void> {
  const line = await lineIn(out);
  const { brief_id, attempt } = line;
  const said = { brief_id, attempt, sha256: decidedHash(line), decision };
  await writeFile(
    join(out, 'decisions.jsonl'),
    `${JSON.stringify({ ...said, note: null, prompt: null, at: '2026-11-21T08:00:00Z' })}\n`,
  );
}

async function handOver(out: string): Promise<void> {
  const line = await lineIn(out);
  const sha256 = decidedHash(line);
  await mkdir(join(out, 'approved'));
  await writeFile(join(out, 'approved/fox.png'), 'fox');
  const file = { file: 'fox.png', brief_id: line.brief_id, from: sha256, how: 'copies' };
  const noted = { ...file, bytes: 3, sha256, modified_ms: 1 };
  await writeFile(join(out, 'delivered.jsonl'), `${JSON.stringify(noted)}\n`);
}

describe('killed, or done by several', () => {
  it('between state and folder, it is done by whoever comes next', async () => {
    const bench = await openNights({ runs: 1 });
    const first = await wholeNight(bench, 0);
    await makeNight(bench, 1, ['succeeded']);
    await forgetFinished(bench.context.batches, first);
    await settle(bench, tickMs + dayMs);
    expect(await nights(bench)).not.toContain(first);
    expect(await bench.run()).toMatchObject({ putAwayMs: expect.any(Number) });
  });

  it('between folder and record, too', async () => {
    const bench = await openNights({ runs: 1 });
    const first = await wholeNight(bench, 0);
    await makeNight(bench, 1, ['succeeded']);
    await rm(join(bench.folder, first), { recursive: true });
    await settle(bench, tickMs + dayMs);
    expect(await known(bench)).not.toContain(first);
    expect(await bench.run()).toMatchObject({ putAwayMs: expect.any(Number) });
  });

  it('two workers at once put away the same, and nothing else', async () => {
    const bench = await openNights({ runs: 1 });
    await keepOf(bench, { runs: 9 });
    for (let number = 0; number < 3; number += 1) await wholeNight(bench, number);
    await keepOf(bench, { runs: 1 });
    const last = await makeNight(bench, 3, ['succeeded']);
    const at = tickMs + 3 * dayMs;
    await Promise.all([settle(bench, at), settle(bench, at), settle(bench, at)]);
    await settle(bench, at);
    expect(await nights(bench)).toEqual([last]);
    expect(await known(bench)).toEqual([last]);
  });

  it('a worker without the folder leaves it to one that has it, and to the next run in the end', async () => {
    const bench = await openNights({ runs: 1 });
    const first = await wholeNight(bench, 0);
    await makeNight(bench, 1, ['succeeded']);
    const at = tickMs + dayMs;
    const elsewhere = `${bench.folder}-elsewhere`;
    await rename(bench.folder, elsewhere);
    await settle(bench, at);
    expect(await bench.step(at)).toEqual({ kind: 'again', afterMs: 5_000 });
    expect(await known(bench)).toContain(first);
    bench.time.nowMs += 11 * 60_000;
    expect(await bench.step(at)).toEqual({ kind: 'done' });
    await rename(elsewhere, bench.folder);
    expect(await bench.step(at)).toEqual({ kind: 'done' });
    expect(await known(bench)).not.toContain(first);
    expect(existsSync(join(bench.folder, first))).toBe(false);
  });
});
