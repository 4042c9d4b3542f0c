import { describe, expect, it } from 'vitest';
import { sumCosts } from '../../src/results/costs.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';
import { ResultsFolder } from './results-folder.js';

type Patch = Partial<ManifestLine>;

const jsonl = (lines: Patch[]) =>
  lines.map((line) => `${JSON.stringify(manifestLine(line))}\n`).join('');

async function folderOf(manifest: Patch[], history: Patch[] = []): Promise<string> {
  const folder = await ResultsFolder.make();
  await folder.write('manifest.jsonl', jsonl(manifest));
  if (history.length > 0) await folder.write('history.jsonl', jsonl(history));
  return folder.path;
}

const byModel = ({ model }: ManifestLine) => model;

async function totalOf(manifest: Patch[], history: Patch[] = []) {
  return (await sumCosts([await folderOf(manifest, history)], byModel)).total;
}

const error = { code: 'nsfw', message: 'no', request_id: null };
const paid = (final: number | null, reserved: number | null = final) => ({
  credits: { reserved, final },
});

describe('what lines have cost', () => {
  it('adds up what was charged, failed ones apart, and who made it', async () => {
    const folder = await folderOf([
      { task_id: 't1', model: 'a', ...paid(3) },
      { task_id: 't2', model: 'b', ...paid(0.5) },
      { task_id: 't3', model: 'b', status: 'failed', error, ...paid(2) },
      { task_id: 't4', model: 'b', status: 'failed', error, ...paid(0, 2) },
    ]);
    const { groups, total } = await sumCosts([folder], byModel);
    const inDoubt = { attempts: 0, reserved: 0 };
    const spentOnEarlier = 0;
    expect([...groups]).toEqual([
      ['a', { briefs: 1, succeeded: 1, spent: 3, spentOnFailed: 0, spentOnEarlier, inDoubt }],
      ['b', { briefs: 3, succeeded: 1, spent: 2.5, spentOnFailed: 2, spentOnEarlier, inDoubt }],
    ]);
    expect(total).toMatchObject({ briefs: 4, succeeded: 2, spent: 5.5, spentOnFailed: 2 });
  });

  it('counts earlier attempts, too: failed, or succeeded and made again', async () => {
    const total = await totalOf(
      [{ task_id: 't3', attempt: 3, ...paid(1) }],
      [
        { task_id: 't1', status: 'failed', error, ...paid(2) },
        { task_id: 't2', attempt: 2, ...paid(4) },
      ],
    );
    expect(total).toMatchObject({
      ...{ briefs: 1, succeeded: 1, spent: 7 },
      ...{ spentOnFailed: 2, spentOnEarlier: 6 },
    });
  });

  it('counts a task once that was looked at again, as its latest line has it', async () => {
    const unknown = { status: 'unknown', error, ...paid(null, 9) } as const;
    const failed = { status: 'failed', error, ...paid(9) } as const;
    const total = await totalOf(
      [{ brief_id: 'a', task_id: 't1', ...paid(9) }],
      [
        { brief_id: 'a', task_id: 't1', ...unknown },
        { brief_id: 'a', task_id: 't1', ...failed },
        { brief_id: 'b', task_id: 't2', ...unknown },
        { brief_id: 'b', task_id: 't2', ...failed },
      ],
    );
    expect(total).toMatchObject({ spent: 18, spentOnFailed: 9, spentOnEarlier: 9 });
    expect(total.inDoubt).toEqual({ attempts: 0, reserved: 0 });
  });

  it('keeps apart what nobody knows the price of', async () => {
    const total = await totalOf([
      { task_id: 't1', status: 'unknown', error, ...paid(null, 5) },
      { task_id: null, status: 'unknown', error, ...paid(null) },
      { task_id: 't2', ...paid(null) },
      { task_id: 't3', status: 'failed', error, ...paid(null) },
      {
        task_id: 't4',
        status: 'cancelled',
        error: { ...error, code: 'abandoned' },
        ...paid(null),
      },
      // The API stated what it took, and nothing else since: run.json counts it as spent as well.
      { task_id: 't5', ...paid(null, 7) },
      // Clear refusals, and what was never sent, were not charged.
      { task_id: null, status: 'failed', error, ...paid(null) },
      { task_id: null, status: 'cancelled', error: { ...error, code: 'cancelled' }, ...paid(null) },
    ]);
    expect(total).toMatchObject({ briefs: 8, spent: 7, inDoubt: { attempts: 5, reserved: 5 } });
  });

  it('leaves to an earlier batch what that has made', async () => {
    const folders = [
      await folderOf([{ batch: 'n@1', task_id: 't1', ...paid(4) }]),
      await folderOf([{ batch: 'n@2', task_id: 't1', from: 'n@1', run: null, ...paid(0) }]),
    ];
    const { total, takenOver, groups } = await sumCosts(folders, ({ batch }) => batch);
    expect(total).toMatchObject({ briefs: 1, succeeded: 1, spent: 4 });
    expect(takenOver).toBe(1);
    expect([...groups.keys()]).toEqual(['n@1']);
  });

  it('names lines that cannot be read, in both files', async () => {
    const folder = await ResultsFolder.make();
    await folder.write('manifest.jsonl', `{"brief_id":\n${jsonl([{}])}`);
    await folder.write('history.jsonl', `${jsonl([{ task_id: 'old' }])}nonsense\n`);
    const { unreadable, total } = await sumCosts([folder.path], byModel);
    expect(unreadable).toEqual([
      { path: folder.at('manifest.jsonl'), row: 1 },
      { path: folder.at('history.jsonl'), row: 2 },
    ]);
    expect(total.spent).toBe(2);
  });

  it('refuses more groups than anybody reads', async () => {
    const folder = await folderOf([1, 2, 3].map((row) => ({ row, task_id: null })));
    const byRow = ({ row }: ManifestLine) => String(row);
    await expect(sumCosts([folder], byRow, 2)).rejects.toMatchObject({ code: 'usage' });
    expect((await sumCosts([folder], byRow, 3)).groups.size).toBe(3);
  });
});
