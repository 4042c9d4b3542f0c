import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { type FileLine, readLines } from '../../src/shared/read-lines.js';

const chunkBytes = 256 * 1024;

async function fileWith(content: string | Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'read-lines-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'lines');
  await writeFile(path, content);
  return path;
}

async function all(path: string, fromOffset = 0): Promise<FileLine[]> {
  const lines: FileLine[] = [];
  for await (const line of readLines(path, fromOffset)) lines.push(line);
  return lines;
}

it('gives nothing for a file that is not there, and for an empty one', async () => {
  expect(await all(join(tmpdir(), 'there-is-no-such-file'))).toEqual([]);
  expect(await all(await fileWith(''))).toEqual([]);
});

it('throws what else is wrong with a file', async () => {
  await expect(all(tmpdir())).rejects.toMatchObject({ code: 'EISDIR' });
});

it('tells a line that was cut off from one that ended, with places in bytes', async () => {
  const path = await fileWith('é\n\nlast');
  expect(await all(path)).toEqual([
    { text: 'é', offset: 0, length: 3, end: 'newline' },
    { text: '', offset: 3, length: 1, end: 'newline' },
    { text: 'last', offset: 4, length: 4, end: 'torn' },
  ]);
  expect(await all(path, 3)).toHaveLength(2);
});

it.each([-3, -2, -1, 0, 1, 2])(
  'keeps a character of four bytes whole that begins %i bytes off the end of a chunk',
  async (shift) => {
    const line = `${'a'.repeat(chunkBytes + shift)}🦊`;
    const path = await fileWith(`${line}\nnext\n`);
    const [first, second] = await all(path);
    expect(first?.text).toBe(line);
    expect(second).toMatchObject({ text: 'next', offset: chunkBytes + shift + 5 });
  },
);

it('reads a line longer than several chunks', async () => {
  const long = 'ü'.repeat(chunkBytes * 2);
  expect(await all(await fileWith(`${long}\nx`))).toMatchObject([
    { text: long, end: 'newline' },
    { text: 'x', offset: chunkBytes * 4 + 1, end: 'torn' },
  ]);
});

it('every line stands where it says', async () => {
  const texts = fc.array(fc.string({ unit: 'binary', maxLength: 20 }).map(withoutNewline));
  await fc.assert(
    fc.asyncProperty(texts, async (lines) => {
      const content = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const found = await all(await fileWith(content));
      expect(found.map(({ text }) => text)).toEqual(lines);
      for (const { text, offset, length } of found) {
        expect(content.toString('utf8', offset, offset + length)).toBe(`${text}\n`);
      }
    }),
    { numRuns: 50 },
  );
});

function withoutNewline(text: string): string {
  return Buffer.from(text.replaceAll('\n', '')).toString('utf8');
}
