import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { claimOutputFolder, ownerOf } from '../../src/shared/output-folder.js';
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
