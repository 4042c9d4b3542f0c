import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { csvParse } from 'd3-dsv';
import { describe, expect } from 'vitest';
import type { Decision } from '../../src/results/decisions.js';
import { type Desk, fast, mapping, productsCsv, test } from '../support/cli.js';
import { servedBy } from '../support/served-review.js';
import { endsOf, openSteps, runSteps, stepFaults, twoSteps } from '../support/steps.js';

const products = ['lamp', 'rug', 'chair', 'vase', 'desk', 'bed'];

/** A decision about a brief as it is now. */
async function said(
  desk: Desk,
  id: string,
  decision: Decision['decision'],
  patch: Partial<Decision> = {},
): Promise<Omit<Decision, 'at'>> {
  const line = (await desk.lines('out')).find(({ brief_id: one }) => one === id);
  const { attempt = 1, assets = [] } = line ?? {};
  const sha256 = assets[0]?.sha256 ?? '';
  return { brief_id: id, attempt, sha256, decision, note: null, prompt: null, ...patch };
}

/** By way of a file, as a page that works from disk saves it. */
async function takeFile(desk: Desk, decisions: readonly object[]) {
  const rows = decisions.map((one) => JSON.stringify({ ...one, at: '2026-06-01T12:00:00Z' }));
  await desk.write('said.jsonl', `${rows.join('\n')}\n`);
  const { code, stdout } = await desk.run(['review', 'out', '--take', 'said.jsonl', '--json']);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

const apply = ['review', 'out', '--apply', '--yes', '--json'];

async function applied(desk: Desk, code = 0) {
  const ended = await desk.run(apply);
  expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code });
  return JSON.parse(ended.stdout);
}

/** What stands in `approved/`, beside its table. */
async function approvedFiles(desk: Desk): Promise<string[]> {
  const names = await readdir(join(desk.folder, 'out/approved'));
  return names.filter((name) => name !== 'approved.csv').sort();
}

async function approvedTable(desk: Desk) {
  return csvParse(await desk.read('out/approved/approved.csv'));
}

/** The column `decision`, of a table that is there only when the batch has ended. */
async function decided(desk: Desk): Promise<Record<string, string>> {
  const { stdout } = await desk.run(['manifest', 'out', '--format', 'csv']);
  const table = csvParse(stdout);
  return Object.fromEntries(
    table.map(({ brief_id: id = '', decision = '' }) => [id, decision] as const),
  );
}

describe.concurrent('what people decide', () => {
  test('goes through looks, words and a second attempt to films and a folder for the shop, and is paid once (S1, S4, S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ tinyMedia: false });
    await openSteps(desk, twoSteps({ still: '\n    approve: true' }), products);
    expect(await desk.run(runSteps)).toMatchObject({ code: 4 });
    expect(desk.simulator.bill().total.tasks).toBe(6);

    // By a file: three verdicts, and what is about something else.
    const oak = 'A chair of oak, seen from the left';
    const taken = await takeFile(desk, [
      await said(desk, 'lamp/still', 'approved'),
      await said(desk, 'rug/still', 'rejected', { note: 'the fringe is cut off' }),
      await said(desk, 'chair/still', 'again', { prompt: oak }),
      await said(desk, 'vase/still', 'again', { attempt: 2 }),
      await said(desk, 'vase/still', 'again', { sha256: 'e'.repeat(64) }),
      await said(desk, 'sofa/still', 'approved', { sha256: 'e'.repeat(64) }),
    ]);
    expect(taken).toMatchObject({
      taken: { approved: 1, rejected: 1, again: 1 },
      left_out: {
        unknown_brief: { count: 1 },
        other_attempt: { count: 1 },
        other_file: { count: 1 },
      },
    });

    // Two reviewers at one page: the last word counts.
    const glass = 'A desk of glass';
    const served = await servedBy(desk.start(['review', 'out', '--port', '0']));
    const first = [
      await said(desk, 'vase/still', 'rejected'),
      await said(desk, 'desk/still', 'approved'),
      await said(desk, 'bed/still', 'approved'),
    ];
    expect(await served.decide(first)).toMatchObject({ status: 200 });
    const second = [
      await said(desk, 'vase/still', 'approved'),
      await said(desk, 'desk/still', 'again', { prompt: glass }),
      { ...(await said(desk, 'bed/still', 'approved')), decision: 'undecided' as const },
      await said(desk, 'desk/still', 'rejected', { attempt: 7 }),
    ];
    expect(await served.decide(second)).toMatchObject({ status: 200 });
    expect(await served.close()).toBe(0);

    // Twice: what is to be made again is opened once.
    const once = await applied(desk);
    expect(once.again).toMatchObject({ reopened: 2, new_attempts: 2, changed_prompts: 2 });
    expect(await approvedFiles(desk)).toEqual(['lamp_still.png', 'vase_still.png']);
    expect((await applied(desk)).again).toMatchObject({ reopened: 0 });

    expect(await desk.run(runSteps)).toMatchObject({ code: 4 });
    expect(await desk.run(runSteps)).toMatchObject({ code: 4 });
    const bill = desk.simulator.bill();
    for (const words of [oak, glass]) expect(bill.byPrompt[words]).toMatchObject({ tasks: 1 });
    // Six stills, two of them again, and the films of lamp and vase.
    expect(bill.total.tasks).toBe(10);
    expect((await applied(desk)).again).toMatchObject({ reopened: 0 });

    // Of the new attempts nothing was said yet.
    expect(await decided(desk)).toMatchObject({
      'lamp/still': 'approved',
      'rug/still': 'rejected',
    });
    await takeFile(desk, [
      await said(desk, 'chair/still', 'approved'),
      await said(desk, 'desk/still', 'approved'),
      await said(desk, 'bed/still', 'rejected'),
      await said(desk, 'lamp/film', 'approved'),
    ]);
    // Rejected stills let no film go: two are cancelled.
    expect(await desk.run(runSteps)).toMatchObject({ code: 3 });
    await applied(desk);
    expect(await endsOf(desk)).toEqual([
      'bed/film cancelled 1 not_approved',
      'bed/still succeeded 1',
      'chair/film succeeded 1',
      'chair/still succeeded 2',
      'desk/film succeeded 1',
      'desk/still succeeded 2',
      'lamp/film succeeded 1',
      'lamp/still succeeded 1',
      'rug/film cancelled 1 not_approved',
      'rug/still succeeded 1',
      'vase/film succeeded 1',
      'vase/still succeeded 1',
    ]);
    expect(await stepFaults(desk, 12)).toEqual([]);
    expect(await approvedFiles(desk)).toEqual([
      'chair_still.png',
      'desk_still.png',
      'lamp_film.mp4',
      'lamp_still.png',
      'vase_still.png',
    ]);
    const table = await approvedTable(desk);
    expect(table.map(({ sku, title, file, output }) => [sku, title, file, output])).toEqual([
      ['lamp', 'A lamp', 'lamp_still.png', 'still'],
      ['lamp', 'A lamp', 'lamp_film.mp4', 'film'],
      ['chair', 'A chair', 'chair_still.png', 'still'],
      ['vase', 'A vase', 'vase_still.png', 'still'],
      ['desk', 'A desk', 'desk_still.png', 'still'],
    ]);
    expect(await desk.read('out/manifest.csv')).toContain('decision');
    expect(await decided(desk)).toEqual({
      'bed/film': '',
      'bed/still': 'rejected',
      'chair/film': '',
      'chair/still': 'approved',
      'desk/film': '',
      'desk/still': 'approved',
      'lamp/film': 'approved',
      'lamp/still': 'approved',
      'rug/film': '',
      'rug/still': 'rejected',
      'vase/film': '',
      'vase/still': 'approved',
    });
    // Nothing is left to do, and nothing is paid for asking.
    expect(await desk.run(runSteps)).toMatchObject({ code: 3 });
    expect(desk.simulator.bill().total.tasks).toBe(12);
  });

  test('is not undone by a run, and changes of its row count more than words of a person (S1)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ tinyMedia: false });
    await desk.write('in.csv', productsCsv(4));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
    expect(await desk.run(run)).toMatchObject({ code: 0 });
    await takeFile(desk, [
      await said(desk, '00001', 'again', { prompt: 'A lamp, lit' }),
      await said(desk, '00002', 'again'),
      await said(desk, '00003', 'approved'),
    ]);
    await applied(desk);
    expect(await desk.run(run)).toMatchObject({ code: 0 });
    expect(desk.simulator.bill().total.tasks).toBe(6);
    // The same rows: made with other words, they are what they were.
    expect(await desk.run(run)).toMatchObject({ code: 0 });
    await applied(desk);
    expect(desk.simulator.bill().total.tasks).toBe(6);
    const lines = await desk.lines('out');
    expect(lines.find(({ brief_id: id }) => id === '00001')?.prompt).toBe('A lamp, lit');

    // Another row is another brief, whatever was said of what it was made from before.
    await desk.write('in.csv', productsCsv(4).replace('00001,Product 1', '00001,Product 1b'));
    expect(await desk.run(run)).toMatchObject({ code: 0 });
    const bill = desk.simulator.bill();
    expect(bill.total.tasks).toBe(7);
    expect(bill.byPrompt['Photo of Product 1b']).toMatchObject({ tasks: 1 });
    expect(bill.byPrompt['Photo of Product 2']).toMatchObject({ tasks: 2 });
    expect(bill.billedTwice).toEqual([]);
    const verified = await desk.run(['verify', 'out', '--json']);
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, problems: [] });
  });

  test('hands over nothing that is not what was approved: a file that has changed on disk is told and left out (S5)', async ({
    openDesk,
  }) => {
    const desk = await openDesk({ tinyMedia: false });
    await desk.write('in.csv', productsCsv(3));
    const run = ['run', 'in.csv', '--out', 'out', ...mapping, ...fast];
    expect(await desk.run(run)).toMatchObject({ code: 0 });
    const yes = ['00001', '00002', '00003'].map((id) => said(desk, id, 'approved'));
    await takeFile(desk, await Promise.all(yes));
    await appendFile(join(desk.folder, 'out/assets/00002.png'), 'touched');
    const ended = await desk.run(apply);
    expect(ended.code).toBe(3);
    expect(ended.stdout).toContain('00002');
    expect(await approvedFiles(desk)).toEqual(['00001.png', '00003.png']);
    expect((await approvedTable(desk)).map(({ sku }) => sku)).toEqual(['00001', '00003']);
  });
});
