import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { groupRejections, rejectedFiles, writeRejected } from '../../src/producer/rejected-file.js';
import type { Rejection } from '../../src/producer/rejection.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

function rejection(row: number, facts: Partial<Rejection> = {}): Rejection {
  return {
    source: 'x.csv',
    row,
    id: `id ${row}`,
    column: 'prompt',
    kind: 'prompt_too_long',
    reason: `the prompt has ${1000 + row} characters`,
    ...facts,
  };
}

async function* rejections(count: number): AsyncGenerator<Rejection> {
  for (let row = 2; row < count + 2; row++) yield rejection(row);
}

it('writes one line for each fault and replaces an older file', async () => {
  const path = join(folder, 'rejected.jsonl');
  await writeFile(path, 'old');
  expect(await writeRejected(rejectedFiles(path), rejections(3000))).toBe(3000);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines).toHaveLength(3000);
  expect(lines[0]).toBe(
    '{"source":"x.csv","row":2,"id":"id 2","column":"prompt","rule":"prompt_too_long","reason":"the prompt has 1002 characters"}',
  );
});

it('leaves the older file, and nothing else, when it cannot finish', async () => {
  const own = await mkdtemp(join(folder, 'broken-'));
  const path = join(own, 'rejected.jsonl');
  await writeFile(path, 'old');
  async function* broken(): AsyncGenerator<Rejection> {
    yield rejection(2);
    throw new Error('the spool is gone');
  }
  await expect(writeRejected(rejectedFiles(path), broken())).rejects.toThrow('the spool is gone');
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(own)).toEqual(['rejected.jsonl']);
});

it('groups by kind and column, the most frequent first', async () => {
  async function* mixed(): AsyncGenerator<Rejection> {
    yield rejection(2, { kind: 'empty_value', column: 'title', reason: 'empty' });
    yield* rejections(9);
    yield rejection(12, { kind: 'empty_value', column: 'colour', reason: 'empty' });
    yield rejection(13, { kind: 'empty_value', column: 'title', reason: 'empty' });
  }
  const groups = await groupRejections(mixed());
  expect(groups.map(({ kind, column, count }) => [kind, column, count])).toEqual([
    ['prompt_too_long', 'prompt', 9],
    ['empty_value', 'title', 2],
    ['empty_value', 'colour', 1],
  ]);
  expect(groups[0]).toMatchObject({ example: 'the prompt has 1002 characters' });
  expect(groups[0]?.firstRows.map(({ row }) => row)).toEqual([2, 3, 4, 5, 6]);
});

it('counts rows, however many faults of one kind a row has', async () => {
  async function* twice(): AsyncGenerator<Rejection> {
    for (const row of [2, 2, 2, 3]) yield rejection(row, { kind: 'bad_reference' });
  }
  const [group] = await groupRejections(twice());
  expect(group?.count).toBe(2);
  expect(group?.firstRows.map(({ row }) => row)).toEqual([2, 3]);
});

it('writes the same faults for a spreadsheet, which runs none of them as a formula', async () => {
  const files = rejectedFiles(join(folder, 'faults.jsonl'));
  async function* one(): AsyncGenerator<Rejection> {
    yield rejection(2, { id: '=HYPERLINK("x")', reason: 'the id is, "so to say", odd' });
  }
  await writeRejected(files, one());
  expect(await readFile(files.csv, 'utf8')).toBe(
    'source,row,id,column,rule,reason\nx.csv,2,"\'=HYPERLINK(""x"")",prompt,prompt_too_long,"the id is, ""so to say"", odd"\n',
  );
});

it.each([
  ['out/rejected.jsonl', 'out/rejected.jsonl', 'out/rejected.csv'],
  ['bad.csv', 'bad.jsonl', 'bad.csv'],
  ['faults', 'faults', 'faults.csv'],
  ['faults.txt', 'faults.txt', 'faults.txt.csv'],
])('puts the two files of %s beside each other', (path, jsonl, csv) => {
  expect(rejectedFiles(path)).toEqual({ jsonl, csv });
});
