import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Journal } from '../../src/results/journal.js';
import { ManifestFile } from '../../src/results/manifest.js';
import { claimOutputFolder, FolderWatch, ownerOf } from '../../src/results/output-folder.js';
import { manifestLine } from '../shared/manifest-lines.js';

const journalHeader = {
  batch: 'spring',
  origin: 'https://a.test',
  account: 'a',
  nonce: '',
  createdAt: 1,
  requestIds: 'given' as const,
};

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'out-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

it('takes a folder that is not there yet, and one that is empty', async () => {
  const out = join(await newFolder(), 'a', 'b');
  await claimOutputFolder(out, 'spring');
  expect(await ownerOf(out)).toBeNull();
});

it.each([
  ['manifest.jsonl', `${JSON.stringify(manifestLine())}\n`],
  ['run.json', '{"batch":"spring"}'],
  ['journal.jsonl', `${JSON.stringify(journalHeader)}\n`],
])('knows its own folder by %s, and refuses it to another batch', async (name, content) => {
  const out = await newFolder();
  await writeFile(join(out, name), content);
  await claimOutputFolder(out, 'spring');
  await expect(claimOutputFolder(out, 'summer')).rejects.toMatchObject({ code: 'batch_conflict' });
});

it('goes by run.json where the first line was cut off', async () => {
  const out = await newFolder();
  await writeFile(join(out, 'manifest.jsonl'), '{"brief_id":"a","batch":"spr');
  await writeFile(join(out, 'run.json'), '{"batch":"spring"}');
  expect(await ownerOf(out)).toBe('spring');
});

it('refuses a manifest that is not one of ours, and a path that cannot be a folder', async () => {
  const out = await newFolder();
  await writeFile(join(out, 'manifest.jsonl'), '[1]\n');
  await expect(claimOutputFolder(out, 'spring')).rejects.toMatchObject({ code: 'batch_conflict' });
  const inFile = join(out, 'manifest.jsonl', 'sub');
  await expect(claimOutputFolder(inFile, 'spring')).rejects.toMatchObject({
    code: 'output_unusable',
  });
});

const nested = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;

it.each([
  ['a text', 'hello\nworld\n'],
  ['an empty line', '\n\n'],
  ['other JSON Lines', '{"a":1}\n{"a":2}\n'],
  ['a list', '[1]\n'],
  ['null', 'null\n'],
  ['JSON that is nested deep', `${nested}\n`],
  ['a key that is none of its own', '{"__proto__":{"batch":"spring"}}\n'],
  ['no text', Buffer.from([0xff, 0xfe, 0x0a, 0x00, 0x0a])],
  ['one long line', Buffer.alloc(65 * 1024 * 1024, 'a')],
])("refuses a folder with somebody else's manifest.jsonl in a sentence: %s", async (_, content) => {
  const out = await newFolder();
  await writeFile(join(out, 'manifest.jsonl'), content);
  await expect(claimOutputFolder(out, 'spring')).rejects.toMatchObject({
    code: 'batch_conflict',
    message: expect.stringContaining('manifest.jsonl was not written by rivya-batch'),
  });
});

it.each([
  '{"batch":"spring","brief_id":"a"}',
  JSON.stringify({ ...manifestLine(), params: 1 }),
  JSON.stringify(manifestLine()).replace('"input":{', `"input":{"deep":${nested},`),
])('a line that only begins as one of ours ends a reader in a sentence', async (line) => {
  const out = await newFolder();
  await writeFile(join(out, 'manifest.jsonl'), `${line}\n`);
  await expect(ManifestFile.read(out)).rejects.toMatchObject({
    code: 'batch_conflict',
    message: expect.stringContaining('is not as rivya-batch wrote it'),
  });
});

it('keeps a column called __proto__ as it was written', async () => {
  const out = await newFolder();
  const line = JSON.stringify(manifestLine()).replace('"input":{', '"input":{"__proto__":"p",');
  await writeFile(join(out, 'manifest.jsonl'), `${line}\n`);
  const manifest = await ManifestFile.read(out);
  let csv = '';
  for await (const piece of manifest.export('csv')) csv += piece;
  expect(csv).toMatch(/^__proto__,.*\np,/);
});

describe('FolderWatch', () => {
  it('knows a folder by its journal, wherever it was, and makes nothing in its place (S5)', async () => {
    const at = await newFolder();
    const [out, elsewhere] = [join(at, 'out'), join(at, 'elsewhere')];
    const header = journalHeader;
    const journal = await Journal.open(out, header);
    onTestFinished(() => journal.close());
    const watch = new FolderWatch(out, header.batch);
    expect(await watch.look()).toBe('here');
    await rename(out, elsewhere);
    expect(await watch.look()).toBe('away');
    await (await Journal.open(out, { ...header, createdAt: 2 })).close();
    expect(await watch.look()).toBe('away');
    await rm(out, { recursive: true });
    await rename(elsewhere, out);
    expect(await watch.look()).toBe('here');
    await cp(out, elsewhere, { recursive: true });
    await rm(out, { recursive: true });
    await cp(elsewhere, out, { recursive: true });
    expect(await watch.look()).toBe('same_files_anew');
    expect(await watch.look()).toBe('here');
  });
});
