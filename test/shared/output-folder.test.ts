import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Journal } from '../../src/shared/journal.js';
import { claimOutputFolder, FolderWatch, ownerOf } from '../../src/shared/output-folder.js';
import { manifestLine } from './manifest-lines.js';

const journalHeader = {
  batch: 'spring',
  origin: 'https://a.test',
  account: 'a',
  nonce: '',
  createdAt: 1,
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
