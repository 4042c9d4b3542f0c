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
    steps: [],
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
  const sample = await sampleInput(inputOf(Array<string>(100).fill('a')), { size: 4, variants: 1 });
  expect(await idsOf(sample)).toEqual(['12', '27', '68', '83']);
  expect(await idsOf(sample)).toEqual(['12', '27', '68', '83']);
});

it('takes some of every model, in proportion, and counts what it takes', async () => {
  const sample = await sampleInput(inputOf(mixed), { size: 10, variants: 1 });
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
  const sample = await sampleInput(inputOf(mixed), { size: 2, variants: 1 });
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
  expect(await idsOf(await sampleInput(input, { size: 2, variants: 3 }))).toEqual(['1/1', '2/1']);
  expect(await idsOf(await sampleInput(input, { size: 6, variants: 3 }))).toHaveLength(6);
});

it.each([1, 2, 3, 5, 11, 50, 97, 99])('takes exactly %i', async (size) => {
  const sample = await sampleInput(inputOf(mixed), { size, variants: 1 });
  const ids = await idsOf(sample);
  expect(ids).toHaveLength(size);
  expect(new Set(ids).size).toBe(size);
});

it('is the whole input where that is no larger', async () => {
  const input = inputOf(mixed);
  expect(await sampleInput(input, { size: 100, variants: 1 })).toBe(input);
});

/** Rows of a caption and a still after it, and of every fourth row a film after that; row 2 shares the caption of row 1. */
function inputWithSteps(rows: number): CompiledInput {
  const briefs = Array.from({ length: rows }, (_, row) => {
    const brief = (output: string, model: string, after: string[]): PreparedBrief => {
      const origin = {
        row,
        source: 'x.csv',
        output,
        after: after.map((id) => ({ output: '', id, fingerprint: '' })),
      };
      const body = JSON.stringify({ model });
      const waits = after.length > 0;
      return {
        id: `${row}/${output}`,
        fingerprint: '',
        origin: JSON.stringify(origin),
        body,
        waits,
      };
    };
    const caption = row === 2 ? '1/caption' : `${row}/caption`;
    return [
      ...(row === 2 ? [] : [brief('caption', 'a', [])]),
      brief('still', 'b', [caption]),
      ...(row % 4 === 0 ? [brief('film', 'c', [`${row}/still`])] : []),
    ];
  }).flat();
  const step = { approve: false, models: [] };
  const steps = [
    { ...step, output: 'caption', after: [] },
    { ...step, output: 'still', after: ['caption'] },
    { ...step, output: 'film', after: ['still'] },
  ];
  const input = inputOf([]);
  return {
    ...input,
    counts: { ...input.counts, rows, briefs: briefs.length },
    steps,
    async *briefs() {
      yield* briefs;
    },
  };
}

it('takes whole rows where their briefs come after one another, and what other rows have of them', async () => {
  const sample = await sampleInput(inputWithSteps(8), { size: 4, variants: 1 });
  // Of 17 briefs in 8 rows, 4 are two rows.
  expect(await idsOf(sample)).toEqual([
    ...['1/caption', '2/still', '4/caption', '4/still', '4/film'],
  ]);
  expect(sample.counts.briefs).toBe(5);
  expect(Object.fromEntries(sample.outputs)).toEqual({ caption: 2, still: 2, film: 1 });
  expect(Object.fromEntries(sample.modelUse)).toEqual({ a: 2, b: 2, c: 1 });
  expect(sample.steps.map(({ output, models }) => [output, models])).toEqual([
    ['caption', [{ model: 'a', briefs: 2 }]],
    ['still', [{ model: 'b', briefs: 2 }]],
    ['film', [{ model: 'c', briefs: 1 }]],
  ]);
  const least = await sampleInput(inputWithSteps(8), { size: 1, variants: 1 });
  expect(await idsOf(least)).toEqual(['4/caption', '4/still', '4/film']);
});
