import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readText } from '../../../src/producer/sources/read-text.js';
import type { Source } from '../../../src/producer/sources/source.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function readAll(content: Buffer): Promise<Buffer[]> {
  const path = join(folder, 'text');
  await writeFile(path, content);
  const { size } = await stat(path);
  const source: Source = {
    label: 'text',
    name: 'text',
    folder: null,
    path,
    bytes: size,
    skipBytes: 0,
    format: 'csv',
    table: null,
    items: null,
  };
  const pieces: Buffer[] = [];
  for await (const piece of readText(source)) pieces.push(Buffer.from(piece));
  return pieces;
}

it.each([['é'], ['猫'], ['😀'], ['a']])(
  'never cuts a %s, wherever a read ends',
  async (character) => {
    for (let shift = 0; shift < Buffer.byteLength(character); shift++) {
      const text = 'x'.repeat(shift) + character.repeat(200_000);
      const pieces = await readAll(Buffer.from(text));
      expect(pieces.length).toBeGreaterThan(character === 'a' ? 0 : 1);
      expect(pieces.map((piece) => piece.toString()).join('')).toBe(text);
    }
  },
);

it.each([
  ['a lone continuation byte', [0x80]],
  ['a character cut by a line end', [0xe7, 0x8c, 0x0a]],
  ['an overlong form', [0xc0, 0xaf]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['a byte that begins nothing', [0xff]],
])('finds %s in the line where it is', async (_, bytes) => {
  const before = Buffer.from('é\n'.repeat(150_000));
  const content = Buffer.concat([before, Buffer.from(bytes), Buffer.from('\nrest\n')]);
  await expect(readAll(content)).rejects.toThrow(/see line 150001/);
});
