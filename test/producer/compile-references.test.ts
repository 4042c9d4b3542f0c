import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { compileInput, type InputOptions } from '../../src/producer/compile-input.js';
import { parseBody } from '../../src/shared/brief.js';
import { picture, sha256Of } from '../support/reference-desk.js';
import { compilePaths, models } from './compile-files.js';

const [base] = models;
if (!base) throw new Error('there are models to test with');
const limits = { maxFiles: 2, fileKinds: ['image'], limits: [] };
const known: InputOptions['models'] = [
  { ...base, id: 'edits', referenceMedia: limits },
  { ...base, id: 'uploads', requiresFilesApi: true },
];

/** An input beside a folder of pictures, and somewhere else than where the test runs. */
async function openFolder(rows: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-references-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'photos'));
  for (const number of [1, 2]) {
    await writeFile(join(folder, 'photos', `${number}.png`), picture(number));
  }
  await writeFile(join(folder, 'copy of 1.png'), picture(1));
  const file = join(folder, 'in.csv');
  await writeFile(file, `id,model,prompt,references\n${rows.join('\n')}\n`);
  return { folder, file };
}

const itemsOf = (body: string | undefined) => parseBody(body ?? '{}').params?.referenceMediaItems;
const placeholder = (number: number) => ({
  kind: 'image',
  url: `sha256:${sha256Of(picture(number))}`,
});

describe('an input that refers to files', () => {
  it('S1: is compiled to bodies that name them by content, in their order', async () => {
    const { file } = await openFolder([
      'a,edits,A,photos/2.png|photos/1.png',
      'b,edits,B,copy of 1.png|https://a.example/x.png',
    ]);
    const { briefs, rejections } = await compilePaths([file], { models: known });
    expect(rejections).toEqual([]);
    expect(itemsOf(briefs[0]?.body)).toEqual([placeholder(2), placeholder(1)]);
    const url = { kind: 'image', url: 'https://a.example/x.png' };
    expect(itemsOf(briefs[1]?.body)).toEqual([placeholder(1), url]);
    expect(briefs[0]?.origin.references).toEqual(['photos/2.png', 'photos/1.png']);
  });

  it('takes equal content under another path for the same brief', async () => {
    const same = await openFolder(['a,edits,A,photos/1.png', 'a,edits,A,./copy of 1.png']);
    expect((await compilePaths([same.file], { models: known })).counts).toMatchObject({
      duplicates: 1,
      rejected: 0,
    });
    const other = await openFolder(['a,edits,A,photos/1.png', 'a,edits,A,photos/2.png']);
    expect((await compilePaths([other.file], { models: known })).counts).toMatchObject({
      duplicates: 0,
      rejected: 1,
    });
  });

  it('counts an upload for each content and model, of rows that are good', async () => {
    const { file } = await openFolder([
      'a,edits,A,photos/1.png|copy of 1.png',
      'b,uploads,B,photos/1.png',
      'c,edits,C,photos/2.png|photos/2.png|photos/2.png',
    ]);
    const options = { format: null, delimiter: null, model: null, prompt: null, id: null };
    const more = { params: [], variants: 1, limit: null, models: known };
    const input = await compileInput({ ...options, ...more, files: [file] });
    onTestFinished(() => input.dispose());
    expect(input.counts.rejected).toBe(1);
    expect(input.uploads).toBe(2);
    expect(input.files.map(({ sha256 }) => sha256)).toEqual([sha256Of(picture(1))]);
  });

  it('begins relative paths where it is told, and nowhere where there is no folder', async () => {
    const { file, folder } = await openFolder(['a,edits,A,1.png']);
    const photos = { models: known, folders: [join(folder, 'photos')] };
    expect((await compilePaths([file], photos)).briefs).toHaveLength(1);
    const nowhere = await compilePaths([file], { models: known, folders: [null] });
    expect(nowhere.rejections[0]?.reason).toMatch(/fetched from a URL cannot refer to files/);
  });

  it('is told of a model that makes nothing without one', async () => {
    const { file } = await openFolder(['a,uploads,A,', 'b,edits,B,']);
    const { rejections } = await compilePaths([file], { models: known });
    expect(rejections).toMatchObject([
      { id: 'a', column: 'references', reason: 'uploads needs at least one reference' },
    ]);
  });

  it('has URLs fetched for models that take none, each once', async () => {
    const { file, folder } = await openFolder([
      'a,uploads,A,https://a.example/1.png',
      'b,uploads,B,https://a.example/1.png',
      'c,edits,C,https://a.example/1.png',
    ]);
    const fetched: string[] = [];
    const fetchReference: InputOptions['fetchReference'] = async (url) => {
      fetched.push(url);
      const path = join(folder, 'photos', '1.png');
      const { length: bytes } = picture(1);
      const sha256 = sha256Of(picture(1));
      return { kind: 'file', file: { sha256, path, bytes, mediaType: 'image/png', name: '1.png' } };
    };
    const { briefs } = await compilePaths([file], { models: known, fetchReference });
    expect(fetched).toEqual(['https://a.example/1.png']);
    expect(briefs.map(({ body }) => itemsOf(body))).toEqual([
      [placeholder(1)],
      [placeholder(1)],
      [{ kind: 'image', url: 'https://a.example/1.png' }],
    ]);
    const without = await compilePaths([file], { models: known });
    expect(without.rejections.map(({ row }) => row)).toEqual([2, 3]);
  });
});
