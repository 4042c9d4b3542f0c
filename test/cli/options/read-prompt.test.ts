import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPrompt } from '../../../src/cli/options/compile.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-prompt-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(content: string | Buffer): Promise<string> {
  const path = join(folder, 'prompt.txt');
  await writeFile(path, content);
  return path;
}

it.each([
  [null, null],
  ['Photo of {{title}}', 'Photo of {{title}}'],
  ['@@home', '@home'],
  ['', ''],
])('%j is itself', async (given, text) => {
  expect(await readPrompt(given)).toEqual({ text, file: null });
});

it.each([
  ['two\nlines\n', 'two\nlines'],
  ['two\r\nlines\r\n', 'two\r\nlines'],
  ['one\n\n', 'one\n'],
  ['\uFEFFÖl', 'Öl'],
])('reads %j without its final line break', async (content, text) => {
  const path = await file(content);
  expect(await readPrompt(`@${path}`)).toEqual({ text, file: path });
});

it.each([
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x41])],
  ['far too much', 'x'.repeat(300_000)],
])('refuses %s', async (_what, content) => {
  await expect(readPrompt(`@${await file(content)}`)).rejects.toMatchObject({ code: 'bad_input' });
});

it('says that a file is not there, and how to write an @', async () => {
  await expect(readPrompt('@nowhere.txt')).rejects.toThrow(
    '--prompt @nowhere.txt: no such file; text that begins with @ is written @@.',
  );
});
