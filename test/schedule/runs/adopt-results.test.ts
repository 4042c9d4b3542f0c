import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Bucket } from '../../../src/bucket/bucket.js';
import { Journal } from '../../../src/results/journal.js';
import { openOutput } from '../../../src/results/output-places.js';
import { adoptResults, previousBatch } from '../../../src/schedule/runs/adopt-results.js';
import type { PreparedBrief } from '../../../src/shared/brief.js';
import { contentFingerprint } from '../../../src/shared/brief.js';
import type { ManifestLine } from '../../../src/shared/manifest-line.js';
import { assetOf, briefLine } from '../../results/results-folder.js';
import { S3Server } from '../../support/s3-server.js';
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
  return { name, out: folder, lines };
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
const places = { home: '', s3Endpoint: null };

it('S1, S5: takes over what succeeded with the same content and whole pictures, in the order of the input', async () => {
  const nights = await temporaryFolder();
  const previous = await night(nights, 'n@1', ['a', 'b', 'c', 'd', 'e']);
  const [a, b, c, d, e] = previous.lines.map(briefOf);
  if (!a || !b || !c || !d || !e) throw new Error('five lines were written');
  await writeFile(join(previous.out, 'assets/b.png'), 'picture of x');
  const failed = { ...previous.lines[3], status: 'failed', assets: [] };
  const lines = previous.lines.map((line) => (line.brief_id === 'd' ? failed : line));
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  await writeFile(join(previous.out, 'manifest.jsonl'), text);
  const out = join(nights, 'n@2');
  const taking = { previous, places, header: header('n@2', 5), out, nowMs: 5, stopping };
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
  expect(await inode(out)).toBe(await inode(previous.out));
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
    previousBatch(schedule, 'n@2026-11-22', { places, origin: from, known });
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
  const { out } = await night(await temporaryFolder(), 'n@2026-11-20', ['a'], 50);
  expect((await look(origin, [out]))?.out).toBe(out);
  // Of a schedule whose name begins like this one's.
  await night(nights, 'n@2026-11-21@2026-11-22', ['a'], 60);
  expect((await look())?.name).toBe('n@2026-11-21');
});

describe('with a bucket (S1, S5)', () => {
  let server: S3Server;
  beforeEach(async () => {
    server = await S3Server.start('cat');
    onTestFinished(() => server.stop());
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
  });

  /** What one machine has of the bucket. */
  async function machine() {
    return { home: await temporaryFolder(), s3Endpoint: server.endpoint };
  }

  async function putThere(name: string, content: string | Buffer) {
    const bucket = Bucket.open('s3://cat/n', { endpoint: server.endpoint });
    const text = content.toString();
    await bucket.put(name, { text }, { onlyIf: 'any', mediaType: 'image/png' });
    await bucket.close();
  }

  /** A night of folders, put into the bucket. */
  async function nightThere(name: string, ids: string[], createdAt: number) {
    const made = await night(await temporaryFolder(), name, ids, createdAt);
    const put = async (path: string) =>
      putThere(`${name}/${path}`, await readFile(join(made.out, path)));
    for (const path of ['journal.jsonl', 'manifest.jsonl']) await put(path);
    for (const id of ids) await put(`assets/${id}.png`);
    return made;
  }

  it.each([true, false])(
    'pictures are copied there, and seen to be whole by what the service has read: %s',
    async (reckonsCopies) => {
      server.reckonsCopies = reckonsCopies;
      const { lines } = await nightThere('n@2026-11-21', ['a', 'b', 'c'], 10);
      await putThere('n@2026-11-21/assets/b.png', 'picture of x');
      const [a, b, c] = lines.map(briefOf);
      if (!a || !b || !c) throw new Error('three lines were written');
      await nightThere('n@2026-11-20', ['a'], 5);
      await nightThere('other@2026-11-21', ['a'], 30);
      const here = await machine();
      const where = { places: here, origin, known: [] };
      const schedule = { name: 'n', out: 's3://cat/n' };
      const previous = await previousBatch(schedule, 'n@2026-11-22', where);
      expect(previous).toEqual({ name: 'n@2026-11-21', out: 's3://cat/n/n@2026-11-21' });
      if (previous === null) throw new Error('there is one');

      const { folder: out } = await openOutput(here, 's3://cat/n/n@2026-11-22');
      const taking = { previous, places: here, header: header('n@2026-11-22', 40), out };
      const before = server.seen.length;
      expect(await adoptResults({ ...taking, nowMs: 5, stopping }, each([c, b, a]))).toBe('done');
      const there = await linesThere('n@2026-11-22');
      expect(there).toMatchObject([
        { brief_id: 'c', from: 'n@2026-11-21', batch: 'n@2026-11-22' },
        { brief_id: 'a', seq: 2 },
      ]);
      expect((await server.keys('cat')).filter((key) => key.includes('11-22'))).toEqual(
        ['assets/a.png', 'assets/c.png', 'journal.jsonl', 'manifest.jsonl'].map(
          (name) => `n/n@2026-11-22/${name}`,
        ),
      );
      expect(await server.text('cat', 'n/n@2026-11-22/assets/a.png')).toBe('picture of a');
      const read = server.seen
        .slice(before)
        .filter(({ method, key }) => method === 'GET' && key.includes('/assets/'));
      expect(read).toHaveLength(reckonsCopies ? 0 : 3);

      // Another machine, after a kill: what is there counts.
      const elsewhere = await machine();
      const { folder } = await openOutput(elsewhere, 's3://cat/n/n@2026-11-22');
      const again = { ...taking, places: elsewhere, out: folder, nowMs: 9, stopping };
      expect(await adoptResults(again, each([a, b, c]))).toBe('done');
      expect(await linesThere('n@2026-11-22')).toEqual(there);
    },
  );

  it('a picture comes from the disk that the schedule had before, and goes back to one', async () => {
    const here = await machine();
    const disk = await night(await temporaryFolder(), 'n@2026-11-20', ['a'], 1);
    const [a] = disk.lines.map(briefOf);
    if (!a) throw new Error('a line was written');
    const { folder: out } = await openOutput(here, 's3://cat/n/n@2026-11-21');
    const to = { places: here, nowMs: 5, stopping };
    const first = { ...to, previous: disk, header: header('n@2026-11-21', 5), out };
    expect(await adoptResults(first, each([a]))).toBe('done');
    expect(await server.text('cat', 'n/n@2026-11-21/assets/a.png')).toBe('picture of a');

    const back = join(await temporaryFolder(), 'n@2026-11-22');
    const previous = { name: 'n@2026-11-21', out: 's3://cat/n/n@2026-11-21' };
    const second = { ...to, previous, header: header('n@2026-11-22', 6), out: back };
    expect(await adoptResults(second, each([a]))).toBe('done');
    expect(await linesIn(back)).toMatchObject([{ brief_id: 'a', from: 'n@2026-11-20' }]);
    expect(await readFile(join(back, 'assets/a.png'), 'utf8')).toBe('picture of a');
  });

  async function linesThere(name: string): Promise<ManifestLine[]> {
    const text = await server.text('cat', `n/${name}/manifest.jsonl`);
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ManifestLine);
  }
});
