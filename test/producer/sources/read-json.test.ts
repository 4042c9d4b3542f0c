import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { badInputOf, compileFiles, compilePaths, faultsOf } from '../compile-files.js';

const brief = { id: 'a', model: 'z-image', prompt: 'a lamp' };

it.each([
  ['a list', [brief]],
  ['an object with briefs', { briefs: [brief] }],
  ['the only list of an object', { count: 1, tags: ['a'], products: [brief] }],
])('reads %s', async (_, value) => {
  const { briefs } = await compileFiles({ 'x.json': `\ufeff${JSON.stringify(value)}` });
  expect(briefs).toMatchObject([{ id: 'a', origin: { row: 1, source: 'x.json' } }]);
});

it.each([
  ['data.products.edges', { data: { products: { edges: [brief] } }, other: [brief] }],
  ['1', [[], [brief]]],
])('reads the list at %s', async (items, value) => {
  const { briefs } = await compileFiles({ 'x.json': JSON.stringify(value) }, { items });
  expect(briefs).toMatchObject([{ id: 'a' }]);
});

it.each([
  [
    'data.products',
    { data: { product: [brief] } },
    /nothing at --items data.products: no "product/,
  ],
  ['data', { data: { product: [brief] } }, /no list at --items data\.$/],
  [null, { a: [brief], b: [brief] }, /several lists: say which with --items a or --items b/],
])('refuses --items %s where there is no list', async (items, value, message) => {
  const compiling = compileFiles({ 'x.json': JSON.stringify(value) }, { items });
  expect(await badInputOf(compiling)).toMatch(message);
});

it.each([
  [JSON.stringify(brief)],
  ['{"briefs":[],"defaults":{}}'],
  ['{"briefs":{}}'],
  ['"text"'],
  ['null'],
])('%s is no list of briefs', async (content) => {
  expect(await badInputOf(compileFiles({ 'x.json': content }))).toMatch(/must be a list of briefs/);
});

it('names line and column of a syntax error', async () => {
  expect(await badInputOf(compileFiles({ 'x.json': '[{"id":"é"},\n {"id" 2}]' }))).toMatch(
    /x\.json: is not JSON \(line 2, column 8: unexpected 2\)\.$/,
  );
});

it('counts positions from 1 over groups, and rejects items that are no objects', async () => {
  const items: unknown[] = Array.from({ length: 600 }, (_, position) => ({
    ...brief,
    id: `${position}`,
  }));
  items[300] = 'text';
  items[301] = null;
  items[302] = [brief];
  const compiled = await compileFiles({ 'x.json': JSON.stringify(items) });
  expect(faultsOf(compiled)).toEqual([
    '301 - not_an_object',
    '302 - not_an_object',
    '303 - not_an_object',
  ]);
  expect(compiled.briefs.at(-1)).toMatchObject({ id: '599', origin: { row: 600 } });
});

it('refuses a file that no string can hold, and recommends JSON Lines', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
  const path = join(folder, 'huge.json');
  await writeFile(path, '[');
  await truncate(path, 512_000_001);
  expect(await badInputOf(compilePaths([path]))).toMatch(/larger than 512 MB; use JSON Lines/);
  await rm(folder, { recursive: true });
});

it('keeps types, and nested values in input', async () => {
  const item = {
    ...brief,
    id: 7,
    params: { seed: 3, flag: true, list: [1, { b: 2, a: 1 }], none: null },
    'params.style': 2.5,
    'params.unset': null,
    metadata: { campaign: ['x'] },
    product: { title: 'Lamp', tags: [1, null] },
    price: 49.9,
  };
  const { briefs } = await compileFiles({ 'x.json': JSON.stringify([item]) });
  expect(briefs).toMatchObject([
    {
      id: '7',
      body: '{"model":"z-image","prompt":"a lamp","params":{"flag":true,"list":[1,{"a":1,"b":2}],"none":null,"seed":3,"style":2.5}}',
    },
  ]);
  expect(briefs[0]?.origin).toMatchObject({
    metadata: { campaign: ['x'] },
    input: { product: { title: 'Lamp', tags: [1, null] }, price: 49.9 },
  });
});

it.each([
  [{ id: 2 ** 60 }, 'id'],
  [{ id: true }, 'id'],
  [{ model: 4 }, 'model'],
  [{ prompt: ['x'] }, 'prompt'],
  [{ params: [] }, 'params'],
  [{ params: '{}' }, 'params'],
  [{ references: [1] }, 'references'],
])('rejects an item whose %j has the wrong type', async (fields, column) => {
  const compiled = await compileFiles({ 'x.json': JSON.stringify([{ ...brief, ...fields }]) });
  expect(faultsOf(compiled)).toEqual([`1 ${column} wrong_type`]);
  expect(compiled.rejections[0]?.reason).toMatch(new RegExp(`^${column} (must|is)`));
});

it("leaves keys that an option made the user's alone", async () => {
  const item = { id: { any: 'thing' }, prompt: 4, sku: 'S-1', model: 'z-image' };
  const { briefs } = await compileFiles(
    { 'x.json': JSON.stringify([item]) },
    { id: 'sku', prompt: 'photo {{prompt}}' },
  );
  expect(briefs).toMatchObject([
    { id: 'S-1', origin: { input: { id: { any: 'thing' }, prompt: 4, sku: 'S-1' } } },
  ]);
  expect(briefs[0]?.body).toContain('photo 4');
});

it('survives keys that are special to objects', async () => {
  const content =
    '[{"model":"z-image","prompt":"p","__proto__":{"x":1},"params":{"__proto__":"y"},"constructor":"c"}]';
  const { briefs } = await compileFiles({ 'x.json': content });
  expect(briefs[0]?.body).toContain('"params":{"__proto__":"y"}');
  expect(Object.keys(briefs[0]?.origin.input ?? {})).toEqual(['__proto__', 'constructor']);
});
