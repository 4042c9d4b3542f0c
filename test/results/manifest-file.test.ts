import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { describe, expect, it, onTestFinished } from 'vitest';
import { latestLines, ManifestFile, type ManifestFormat } from '../../src/results/manifest.js';
import type { ManifestLine } from '../../src/shared/manifest-line.js';
import { manifestLine } from '../shared/manifest-lines.js';

async function manifestWith(content: string): Promise<ManifestFile> {
  return ManifestFile.read(await folderWith(content));
}

async function folderWith(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'manifest-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'manifest.jsonl'), content);
  return folder;
}

const jsonl = (...lines: ManifestLine[]) =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('');

async function exported(manifest: ManifestFile, format: ManifestFormat): Promise<string> {
  let text = '';
  for await (const piece of manifest.export(format)) text += piece;
  return text;
}

const third = manifestLine({ seq: 3, brief_id: 'c', prompt: 'drei 🦊' });
const first = manifestLine({ seq: 1, brief_id: 'a', input: { sku: '1', size: 'größer' } });
const second = manifestLine({ seq: 2, brief_id: 'b', input: { sku: '2', note: 'x' } });

describe('ManifestFile', () => {
  it('is empty where there is no file', async () => {
    const manifest = await ManifestFile.read(join(tmpdir(), 'there-is-no-such-manifest'));
    expect(manifest.size).toBe(0);
    expect(await exported(manifest, 'jsonl')).toBe('');
    expect(JSON.parse(await exported(manifest, 'json'))).toEqual([]);
    expect(parse(await exported(manifest, 'csv'))).toHaveLength(1);
  });

  it('gives lines in the order of the input, whatever order they were finished in', async () => {
    const manifest = await manifestWith(jsonl(third, first, second));
    const ids: string[] = [];
    for await (const line of manifest.lines()) ids.push(line.brief_id);
    expect(ids).toEqual(['a', 'b', 'c']);
    expect(manifest.inputColumns).toEqual(['sku', 'size', 'note']);
  });

  it('gives the rows of a trial where the input has them, file by file', async () => {
    const lines = [
      manifestLine({ seq: 1, brief_id: 'trial a', source: 'a.csv', row: 5 }),
      manifestLine({ seq: 2, brief_id: 'trial b', source: 'b.csv', row: 3 }),
      manifestLine({ seq: 3, brief_id: 'a/1', source: 'a.csv', row: 2 }),
      manifestLine({ seq: 4, brief_id: 'a/2', source: 'a.csv', row: 2 }),
      manifestLine({ seq: 5, brief_id: 'b', source: 'b.csv', row: 2 }),
    ];
    const manifest = await manifestWith(jsonl(...lines));
    const ids: string[] = [];
    for await (const line of manifest.lines()) ids.push(line.brief_id);
    expect(ids).toEqual(['a/1', 'a/2', 'trial a', 'b', 'trial b']);
  });

  it('leaves out a last line that was cut off, even inside a character', async () => {
    const whole = jsonl(first, second);
    const torn = Buffer.from(jsonl(third)).subarray(0, 40).toString('latin1');
    const manifest = await manifestWith(whole + torn);
    expect(await exported(manifest, 'jsonl')).toBe(whole);
  });

  it('refuses a line that is no manifest line', async () => {
    await expect(manifestWith('{"brief_id":"a"}\n')).rejects.toThrow();
  });

  it('exports the same lines in every format', async () => {
    const manifest = await manifestWith(jsonl(second, third, first));
    expect(await exported(manifest, 'jsonl')).toBe(jsonl(first, second, third));
    expect(JSON.parse(await exported(manifest, 'json'))).toEqual([first, second, third]);
    const rows = parse(await exported(manifest, 'csv'), { columns: true }) as object[];
    expect(rows).toMatchObject([
      { brief_id: 'a', sku: '1', size: 'größer', note: '' },
      { brief_id: 'b', sku: '2', size: '', note: 'x' },
      { brief_id: 'c', prompt: 'drei 🦊' },
    ]);
  });

  it('writes more rows than it holds at once', async () => {
    const lines = Array.from({ length: 1_201 }, (_, index) =>
      manifestLine({ seq: index + 1, brief_id: `b${index + 1}` }),
    );
    const manifest = await manifestWith(jsonl(...lines.toReversed()));
    const rows = parse(await exported(manifest, 'csv'), { columns: true }) as object[];
    expect(rows).toHaveLength(1_201);
    expect(rows[1_200]).toMatchObject({ brief_id: 'b1201' });
  });
});

describe('the latest lines', () => {
  it('are those at the end, the newest first, however much of them has to be read', async () => {
    const long = 'x'.repeat(30_000);
    const lines = Array.from({ length: 20 }, (_, index) =>
      manifestLine({ seq: index + 1, brief_id: `b${index + 1}`, prompt: long }),
    );
    const end = `not JSON\n{"brief_id":"torn`;
    const out = await folderWith(jsonl(...lines) + end);
    const ids = (await latestLines(out, 10)).map(({ brief_id }) => brief_id);
    // What cannot be read counts as one of them.
    expect(ids).toEqual(['b20', 'b19', 'b18', 'b17', 'b16', 'b15', 'b14', 'b13', 'b12']);
    expect(await latestLines(out, 100)).toHaveLength(20);
    expect(await latestLines(join(out, 'nowhere'), 3)).toEqual([]);
  });
});
