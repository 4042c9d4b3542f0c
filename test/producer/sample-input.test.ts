import { expect, it } from 'vitest';
import type { CompiledInput } from '../../src/producer/compile-input.js';
import { sampleInput } from '../../src/producer/sample.js';
import type { PreparedBrief } from '../../src/shared/brief.js';

/** An input of these models in this order, with so many variants of each row. */
function inputOf(models: string[], variants = 1): CompiledInput {
  const briefs = models.flatMap((model, row) =>
    Array.from({ length: variants }, (_, variant): PreparedBrief => {
      const id = variants === 1 ? `${row}` : `${row}/${variant + 1}`;
      return { id, fingerprint: '', origin: '{}', body: JSON.stringify({ model }), waits: false };
    }),
  );
  const modelUse = new Map<string, number>();
  for (const model of models) modelUse.set(model, (modelUse.get(model) ?? 0) + variants);
  return {
    counts: {
      rows: models.length + 5,
      briefs: briefs.length,
      rejected: 3,
      duplicates: 2,
      leftOut: 0,
    },
    digest: 'all',
    modelUse,
    outputs: new Map(),
    warnings: [],
    files: [],
    uploads: 0,
    async *briefs() {
      yield* briefs;
    },
    async *rejections() {
      yield* [];
    },
    dispose: async () => undefined,
  };
}

async function idsOf(input: CompiledInput): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of input.briefs()) ids.push(id);
  return ids;
}

const mixed = [...Array<string>(90).fill('a'), ...Array<string>(9).fill('b'), 'c'];

it('takes briefs from the whole file, the same ones each time', async () => {
  const sample = sampleInput(inputOf(Array<string>(100).fill('a')), { size: 4, variants: 1 });
  expect(await idsOf(sample)).toEqual(['12', '27', '68', '83']);
  expect(await idsOf(sample)).toEqual(['12', '27', '68', '83']);
});

it('takes some of every model, in proportion, and counts what it takes', async () => {
  const sample = sampleInput(inputOf(mixed), { size: 10, variants: 1 });
  expect(sample.modelUse).toEqual(
    new Map([
      ['a', 8],
      ['b', 1],
      ['c', 1],
    ]),
  );
  expect(sample.counts).toEqual({ rows: 105, briefs: 10, rejected: 3, duplicates: 2, leftOut: 0 });
  expect((await idsOf(sample)).slice(-2)).toEqual(['94', '99']);
});

it('takes the most used models where there are more models than briefs', async () => {
  const sample = sampleInput(inputOf(mixed), { size: 2, variants: 1 });
  expect(sample.modelUse).toEqual(
    new Map([
      ['a', 1],
      ['b', 1],
    ]),
  );
  expect(await idsOf(sample)).toEqual(['45', '94']);
});

it('takes one variant of each row as long as there are rows enough', async () => {
  const input = inputOf(['a', 'a', 'a', 'a'], 3);
  expect(await idsOf(sampleInput(input, { size: 2, variants: 3 }))).toEqual(['1/1', '2/1']);
  expect(await idsOf(sampleInput(input, { size: 6, variants: 3 }))).toHaveLength(6);
});

it.each([1, 2, 3, 5, 11, 50, 97, 99])('takes exactly %i', async (size) => {
  const sample = sampleInput(inputOf(mixed), { size, variants: 1 });
  const ids = await idsOf(sample);
  expect(ids).toHaveLength(size);
  expect(new Set(ids).size).toBe(size);
});

it('is the whole input where that is no larger', () => {
  const input = inputOf(mixed);
  expect(sampleInput(input, { size: 100, variants: 1 })).toBe(input);
});
