import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { writeFileDurably } from '../../src/shared/write-file-durably.js';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'durably-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

it('replaces a file by text or by pieces, in a folder that it makes', async () => {
  const folder = join(await newFolder(), 'a', 'b');
  const path = join(folder, 'run.json');
  await writeFileDurably(path, 'longer than the next');
  await writeFileDurably(path, pieces('new', '\n', 'ü'));
  expect(await readFile(path, 'utf8')).toBe('new\nü');
  expect(await readdir(folder)).toEqual(['run.json']);
});

it('S5: leaves the old file and no other behind when the content fails half-way', async () => {
  const folder = await newFolder();
  const path = join(folder, 'manifest.csv');
  await writeFile(path, 'old');
  const failing = (async function* () {
    yield 'half';
    throw new Error('the disk of the source is gone');
  })();
  await expect(writeFileDurably(path, failing)).rejects.toThrow('the disk of the source is gone');
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['manifest.csv']);
});

it('S5: leaves nothing behind when it cannot take the place', async () => {
  const folder = await newFolder();
  await mkdir(join(folder, 'taken', 'inside'), { recursive: true });
  await expect(writeFileDurably(join(folder, 'taken'), 'text')).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['taken']);
});

it('S5: several writers at once leave one whole file', async () => {
  const folder = await newFolder();
  const path = join(folder, 'run.json');
  const texts = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000));
  await Promise.all(texts.map((text) => writeFileDurably(path, text)));
  expect(texts).toContain(await readFile(path, 'utf8'));
  expect(await readdir(folder)).toEqual(['run.json']);
});

async function* pieces(...texts: string[]) {
  yield* texts;
}
