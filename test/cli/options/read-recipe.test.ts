import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ReadRecipe, readRecipe } from '../../../src/cli/options/recipe.js';
import { BatchError } from '../../../src/shared/errors.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rivya-batch-recipe-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(text: string, name = 'r.yaml'): Promise<ReadRecipe> {
  await writeFile(join(folder, name), text);
  return readRecipe(join(folder, name));
}

async function faultOf(text: string): Promise<string> {
  try {
    await read(text);
  } catch (error) {
    if (error instanceof BatchError && error.code === 'bad_input') {
      return error.message.replaceAll(join(folder, 'r.yaml'), 'R');
    }
    throw error;
  }
  throw new Error('the recipe was taken');
}

it('keeps scalars as they are written, and their types for checking', async () => {
  const { written, recipe } = await read(
    'params: { ratio: 1:1, sku: 00123, on: yes, off: false }\nlimit: 10\n',
  );
  expect(written.params).toEqual({ ratio: '1:1', sku: '00123', on: 'yes', off: 'false' });
  expect(recipe.limit).toBe(10);
});

it('reads JSON, an empty file and a byte order mark', async () => {
  expect((await read('{"model": "z-image", "limit": 3}', 'r.json')).recipe).toEqual({
    model: 'z-image',
    limit: 3,
  });
  expect((await read('# nothing yet\n')).recipe).toEqual({});
  expect((await read('\ufeffmodel: z-image\n')).recipe).toEqual({ model: 'z-image' });
});

it.each([
  ['model: z-image\nlimits: 3\n', 'R, line 2: there is no setting "limits".'],
  ['model: z-image\n\nlimit: many\n', 'R, line 3: limit must be a number.'],
  ['outputs:\n  white:\n    promt: x\n', 'R, line 3: there is no setting "outputs.white.promt".'],
  ['outputs:\n  a/b: {}\n', 'R, line 2: outputs.a/b may not be empty or hold a slash.'],
  ['model: [a\nlimit: 2\n', /^R, line \d: /],
  ['model: a\nmodel: b\n', /^R, line 2: Map keys must be unique/],
  ['- a\n', 'R, line 1: A recipe must be names with values.'],
  [
    'limit: 0\nvariants: 1.5\nnotify-on: [done]\nmodel: []\nmax-credits: some\n',
    [
      'R, line 1: limit must be more than 0.',
      'R, line 2: variants must be a whole number.',
      'R, line 3: notify-on must be text or "finished", "failed", "waiting", "approval".',
      'R, line 4: model must be a list that is not empty.',
      'R, line 5: max-credits must be a number or "none".',
    ].join('\n'),
  ],
])('names the line of every fault of %j', async (text, message) => {
  const fault = await faultOf(text);
  if (typeof message === 'string') expect(fault).toBe(message);
  else expect(fault).toMatch(message);
});

it('says so where there is no such file, and bounds what aliases can blow up', async () => {
  expect(() => readRecipe(join(folder, 'none.yaml'))).toThrow(/none\.yaml: no such file/);
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((name, at) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[at]}`).join(',')}]`).join('\n')}\n`;
  await expect(read(bomb)).rejects.toThrow(BatchError);
});
