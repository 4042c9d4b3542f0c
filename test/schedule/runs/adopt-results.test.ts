import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Journal } from '../../../src/results/journal.js';
import { adoptResults, previousBatch } from '../../../src/schedule/runs/adopt-results.js';
import type { PreparedBrief } from '../../../src/shared/brief.js';
import { contentFingerprint } from '../../../src/shared/brief.js';
import type { ManifestLine } from '../../../src/shared/manifest-line.js';
import { assetOf, briefLine } from '../../results/results-folder.js';
import { temporaryFolder } from '../../worker/stages/stage-bench.js';

const origin = 'https://api.test';

function header(batch: string, createdAt: number) {
  return { batch, origin, account: 'acc', nonce: '', createdAt, requestIds: 'given' as const };
}

/** A batch's folder with a line and a picture for each of these ids. */
async function night(nights: string, name: string, ids: string[], createdAt = 1) {
  const folder = join(nights, name);
  await mkdir(join(folder, 'assets'), { recursive: true });
  await (await Journal.open(folder, header(name, createdAt))).close();
  const lines: ManifestLine[] = [];
  for (const [index, id] of ids.entries()) {
    await writeFile(join(folder, `assets/${id}.png`), `picture of ${id}`);
    const asset = assetOf(`assets/${id}.png`, `picture of ${id}`);
    lines.push({ ...briefLine(id, index + 1, [asset]), batch: name });
  }
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  await writeFile(join(folder, 'manifest.jsonl'), text);
  return { name, folder, lines };
}

function briefOf({ brief_id: id, model, prompt, params, references }: ManifestLine): PreparedBrief {
  const fingerprint = contentFingerprint({ model, prompt, params, references });
  const place = { row: 9, source: 'new.csv', references, metadata: null, input: { note: 'new' } };
  return { id, fingerprint, origin: JSON.stringify(place), body: '{}', waits: false };
}

async function* each(briefs: PreparedBrief[]) {
  yield* briefs;
}

async function linesIn(out: string): Promise<ManifestLine[]> {
  const text = await readFile(join(out, 'manifest.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ManifestLine);
}

const stopping = new AbortController().signal;

it('S1, S5: takes over what succeeded with the same content and whole pictures, in the order of the input', async () => {
  const nights = await temporaryFolder();
  const previous = await night(nights, 'n@1', ['a', 'b', 'c', 'd', 'e']);
  const [a, b, c, d, e] = previous.lines.map(briefOf);
  if (!a || !b || !c || !d || !e) throw new Error('five lines were written');
  await writeFile(join(previous.folder, 'assets/b.png'), 'picture of x');
  const failed = { ...previous.lines[3], status: 'failed', assets: [] };
  const lines = previous.lines.map((line) => (line.brief_id === 'd' ? failed : line));
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  await writeFile(join(previous.folder, 'manifest.jsonl'), text);
  const out = join(nights, 'n@2');
  const taking = { previous, header: header('n@2', 5), out, nowMs: 5, stopping };
  const input = [e, { ...c, fingerprint: 'ff' }, b, d, a];
  // What a try that was cut off has left: a picture that is not whole.
  await mkdir(join(out, 'assets'), { recursive: true });
  await writeFile(join(out, 'assets/e.png'), 'pict');
  expect(await adoptResults(taking, each(input))).toBe('done');
  expect(await linesIn(out)).toMatchObject([
    { brief_id: 'e', seq: 1, batch: 'n@2', from: 'n@1', run: null, row: 9, input: { note: 'new' } },
    { brief_id: 'a', seq: 2, credits: { reserved: 0, final: 0 } },
  ]);
  expect((await readdir(join(out, 'assets'))).sort()).toEqual(['a.png', 'e.png']);
  expect(await readFile(join(out, 'assets/e.png'), 'utf8')).toBe('picture of e');
  const inode = async (folder: string) => (await stat(join(folder, 'assets/a.png'))).ino;
  expect(await inode(out)).toBe(await inode(previous.folder));
  expect((await readdir(out)).sort()).toEqual(['assets', 'journal.jsonl', 'manifest.jsonl']);

  // A repetition leaves what is there, however the batch has gone on since.
  await writeFile(join(out, 'manifest.jsonl'), '{"batch":"n@2"}\n');
  expect(await adoptResults(taking, each(input))).toBe('done');
  expect(await readFile(join(out, 'manifest.jsonl'), 'utf8')).toBe('{"batch":"n@2"}\n');
});

it('finds the batch of the schedule that was opened last and has lines', async () => {
  const nights = await temporaryFolder();
  const schedule = { name: 'n', out: nights };
  const look = (from = origin, known: string[] = []) =>
    previousBatch(schedule, 'n@2026-11-22', { origin: from, known });
  expect(await look()).toBeNull();
  await night(nights, 'n@2026-11-21', ['a'], 20);
  // The first tick of a date may come after a run by hand.
  await night(nights, 'n@2026-11-21T0900', ['a'], 10);
  await night(nights, 'other@2026-11-21', ['a'], 30);
  await mkdir(join(nights, 'n@refused'));
  expect((await look())?.name).toBe('n@2026-11-21');
  await night(nights, 'n@2026-11-22', ['a'], 40);
  expect((await look())?.name).toBe('n@2026-11-21');
  expect(await look('https://other.test')).toBeNull();
  // Where the schedule had another folder before.
  const { folder } = await night(await temporaryFolder(), 'n@2026-11-20', ['a'], 50);
  expect((await look(origin, [folder]))?.folder).toBe(folder);
  // Of a schedule whose name begins like this one's.
  await night(nights, 'n@2026-11-21@2026-11-22', ['a'], 60);
  expect((await look())?.name).toBe('n@2026-11-21');
});
