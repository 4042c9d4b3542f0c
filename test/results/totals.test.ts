import { rm } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sumCosts } from '../../src/results/costs.js';
import type { RunReport } from '../../src/results/run-report.js';
import { readTotals } from '../../src/results/totals.js';
import { lineStatusSchema, type ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { ResultsFolder } from './results-folder.js';

type Patch = Partial<ManifestLine>;

const jsonl = (lines: Patch[]) =>
  lines.map((line) => `${JSON.stringify(manifestLine(line))}\n`).join('');

const error = { code: 'nsfw', message: 'no', request_id: null };
const paid = (final: number | null, reserved: number | null = final) => ({
  credits: { reserved, final },
});
/** Seconds after noon. */
const at = (second: number | null) =>
  second === null ? null : new Date(Date.UTC(2026, 5, 1, 12, 0, 0, second * 1000)).toISOString();
const times = (
  submitted: number | null,
  completed: number | null,
  collected: number | null,
  ended?: number,
) => ({
  times: {
    admitted: at(0) as string,
    submitted: at(submitted),
    ...(ended !== undefined && { ended: at(ended) as string }),
    completed: at(completed),
    collected: at(collected),
  },
});

async function folderOf(
  manifest: Patch[],
  { history = [], report = {} }: { history?: Patch[]; report?: Partial<RunReport> | null } = {},
) {
  const folder = await ResultsFolder.make();
  await folder.write('manifest.jsonl', jsonl(manifest));
  if (history.length > 0) await folder.write('history.jsonl', jsonl(history));
  if (report === null) await rm(folder.at('run.json'));
  else await folder.report({}, report);
  return folder;
}

async function totalsOf(...given: Parameters<typeof folderOf>) {
  return readTotals((await folderOf(...given)).path);
}

describe('where the money went', () => {
  it('is told apart by what came of it: succeeded, failed but charged, and earlier attempts', async () => {
    const { money, briefs, models } = await totalsOf(
      [
        { task_id: 't1', model: 'a', ...paid(4) },
        { task_id: 't2', model: 'a', ...paid(2) },
        { task_id: 't3', model: 'a', status: 'failed', error, ...paid(2) },
        { task_id: 't4', model: 'a', status: 'failed', error, ...paid(0, 2) },
        { task_id: 't5', model: 'b', status: 'unknown', error, ...paid(null, 7) },
        { task_id: 't6', model: 'b', ...paid(10) },
        { task_id: null, model: 'b', status: 'cancelled', error, ...paid(null) },
      ],
      {
        history: [
          { task_id: 't0', model: 'b', ...paid(9) },
          // Looked at again: its line in the manifest counts.
          { task_id: 't5', model: 'b', status: 'unknown', error, ...paid(null, 7) },
        ],
      },
    );
    expect(money).toEqual({
      ...{ spent: 27, succeeded: 16, failed: 2, earlier: 9, chargedThoughFailed: 1 },
      inDoubt: { attempts: 1, reserved: 7 },
    });
    expect(briefs).toEqual({ succeeded: 3, failed: 2, unknown: 1, cancelled: 1 });
    expect(models).toMatchObject([
      { model: 'b', briefs: 3, succeeded: 1, spent: 19, price: { mean: 10, least: 10, most: 10 } },
      {
        ...{ model: 'a', briefs: 4, succeeded: 2, spent: 8 },
        price: { mean: 3, least: 2, most: 4 },
        chargedThoughFailed: { lines: 1, credits: 2 },
      },
    ]);
  });

  it('leaves to an earlier batch what was taken over from it, and tells of what cannot be read', async () => {
    const folder = await folderOf([
      { task_id: 't1', ...paid(3) },
      { from: 'monday', ...paid(5) },
    ]);
    await folder.write(
      'manifest.jsonl',
      `${jsonl([{ from: 'monday', ...paid(5) }, paid(3)])}{"x":\n`,
    );
    const totals = await readTotals(folder.path);
    expect(totals).toMatchObject({ takenOver: 1, unreadable: 1, money: { spent: 3 } });
    expect(totals.briefs.succeeded).toBe(1);
  });

  it('is what costs say of any folder, in all and over time', async () => {
    const credits = fc.option(fc.nat({ max: 400 }).map((quarters) => quarters / 4));
    const second = fc.option(fc.nat({ max: 100_000 }));
    const line = fc.record({
      status: fc.constantFrom(...lineStatusSchema.options),
      model: fc.constantFrom('a', 'b', 'c'),
      task_id: fc.option(fc.nat({ max: 12 }).map((task) => `t${task}`)),
      from: fc.constantFrom(null, null, null, 'monday'),
      error: fc.constantFrom(null, error, { ...error, code: 'abandoned' }),
      credits: fc.record({ reserved: credits, final: credits }),
      seconds: fc.tuple(second, second, second),
    });
    const lines = fc.array(
      line.map(({ seconds, ...patch }): Patch => ({ ...patch, ...times(...seconds) })),
      { maxLength: 20 },
    );
    const folder = await ResultsFolder.make();
    await fc.assert(
      fc.asyncProperty(lines, lines, async (manifest, history) => {
        await folder.write('manifest.jsonl', jsonl(manifest));
        await folder.write('history.jsonl', jsonl(history));
        const { money, briefs, models, series, untimed, takenOver } = await readTotals(folder.path);
        const costs = await sumCosts([folder.path], ({ model }) => model);
        expect(money.spent).toBe(costs.total.spent);
        expect(money.succeeded + money.failed + money.earlier).toBe(costs.total.spent);
        expect(money.earlier).toBe(costs.total.spentOnEarlier);
        expect(money.inDoubt).toEqual(costs.total.inDoubt);
        expect(briefs.succeeded).toBe(costs.total.succeeded);
        const ended = Object.values(briefs).reduce((all, count) => all + count, 0);
        expect(ended).toBe(costs.total.briefs);
        expect(ended + takenOver).toBe(manifest.length);
        expect(new Map(models.map(({ model, spent }) => [model, spent]))).toEqual(
          new Map([...costs.groups].map(([model, { spent }]) => [model, spent])),
        );
        const points = series.stretches.flatMap((stretch) => stretch.points);
        const sum = (of: (point: (typeof points)[number]) => number) =>
          points.reduce((all, point) => all + of(point), 0);
        expect(sum((point) => point.credits) + untimed.credits).toBe(costs.total.spent);
        expect(sum((point) => point.succeeded + point.otherwise) + untimed.lines).toBe(ended);
      }),
      { numRuns: 100 },
    );
  });
});

describe('where the time went', () => {
  it('is told of an average brief, from its admission to its files', async () => {
    const { time } = await totalsOf([
      { task_id: 't1', ...times(10, 30, 31, 28) },
      { task_id: 't2', ...times(20, 60, 63, 56) },
      // Nothing of these came to its end.
      { task_id: 't3', status: 'failed', error, ...times(500, 600, null) },
      { task_id: 't4', ...times(7, null, 9) },
    ]);
    expect(time).toEqual({
      ...{ briefs: 2, unsentMs: 15_000, stepsMs: 0 },
      ...{ makingMs: 27_000, unnoticedMs: 3_000, fetchingMs: 2_000 },
    });
  });

  it('says that nobody knows how late ends were noticed, of lines of earlier versions', async () => {
    const { time } = await totalsOf([times(10, 30, 31)]);
    expect(time).toMatchObject({ makingMs: 20_000, unnoticedMs: null });
  });

  it('keeps apart what steps wait for', async () => {
    const after = [{ output: 'still', id: 'x', fingerprint: 'f' }];
    const { time, limit } = await totalsOf([
      { task_id: 't1', ...times(10, 20, 21) },
      { task_id: 't2', after, ...times(100, 110, 111) },
    ]);
    expect(time).toMatchObject({ unsentMs: 5_000, stepsMs: 50_000 });
    expect(limit).toBe('steps');
  });

  it('has median and 90th percentile of each model as times that were measured', async () => {
    const { models } = await totalsOf(
      Array.from({ length: 10 }, (_, index) => ({
        task_id: `t${index}`,
        ...times(0, 10 + index, 10 + index + (index === 9 ? 100 : 1)),
      })),
    );
    expect(models).toMatchObject([
      { making: { median: 14_000, p90: 18_000 }, fetching: { median: 1_000, p90: 1_000 } },
    ]);
  });

  it('has none of it where nothing has succeeded, or where no run is at its end', async () => {
    expect(await totalsOf([], { report: null })).toMatchObject({
      ...{ run: null, time: null, models: [], limit: null },
      series: { stretches: [] },
      money: { spent: 0 },
    });
  });
});

describe('what limited a run', () => {
  const requests = { submits: 100, status_checks: 100, downloads: 50, uploads: 0, refused: 9 };
  const refused = (kind: 'rate' | 'places' | 'other', count: number) => ({
    requests,
    refusals: [
      { at: at(60) as string, seconds: 30, ...{ rate: 0, places: 0, other: 0 }, [kind]: count },
    ],
  });
  const briefly = times(1, 90, 91, 89);

  it('was the pace, or the places, where the API said so more than now and then', async () => {
    const limited = async (...given: Parameters<typeof refused>) =>
      (await totalsOf([briefly], { report: refused(...given) })).limit;
    expect(await limited('rate', 2)).toBe('rate');
    expect(await limited('rate', 1)).toBe('api');
    expect(await limited('places', 2)).toBe('places');
    expect(await limited('other', 50)).toBe('api');
  });

  it('was the places where as many tasks as ever were in flight while briefs waited', async () => {
    const lines = (waits: number) =>
      Array.from({ length: 8 }, (_, index) => {
        const submitted = Math.floor(index / 2) * 10 * waits;
        return { task_id: `t${index}`, ...times(submitted, submitted + 10, submitted + 10) };
      });
    expect(await totalsOf(lines(1))).toMatchObject({
      limit: 'places',
      occupancy: { most: 2, nearMostShare: 1 },
    });
    expect((await totalsOf(lines(0))).limit).toBe('api');
  });

  it('stands over time as the report has it', async () => {
    const { series, run } = await totalsOf([briefly], { report: refused('rate', 2) });
    expect(run?.refusals).toEqual({ rate: 2, places: 0, other: 0 });
    const counts = series.stretches.flatMap(({ points }) =>
      points.map((point) => point.refusedRate),
    );
    expect(counts.filter((count) => count > 0)).toEqual([2]);
    expect(series.seconds).toBeGreaterThanOrEqual(30);
  });

  it('is not known of reports that kept no times', async () => {
    const { run } = await totalsOf([briefly], { report: { requests } });
    expect(run).toMatchObject({ refusals: null, requests: { refused: 9 } });
  });
});
