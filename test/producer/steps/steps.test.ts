import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutputOption } from '../../../src/producer/options.js';
import { readDraft, shownText } from '../../../src/shared/draft.js';
import { BatchError } from '../../../src/shared/errors.js';
import { badInputOf, type Compiled, compileFiles, faultsOf } from '../compile-files.js';

function output(name: string, says: Partial<OutputOption> = {}): OutputOption {
  return {
    ...{ name, model: 'z-image', prompt: 'A picture', params: [], references: null },
    ...{ variants: null, when: [], after: [], approve: false },
    ...says,
  };
}

const files = { 'x.csv': 'sku,title,room\na,Lamp,study\nb,Rug,\n' };
const options = { id: 'sku', model: 'z-image' };

/** A model that no list knows may answer with text. */
const caption = output('caption', { model: 'writer', prompt: 'A caption for {{title}}' });
const still = output('still', {
  prompt: '{{title}}: {{ outputs.caption.text | truncate: 100 }}',
  after: ['caption'],
});
const film = output('film', {
  model: 'ideogram-v3',
  references: '{{ outputs.still.file }}',
  after: ['still'],
});

function compile(outputs: OutputOption[], more: Parameters<typeof compileFiles>[1] = {}) {
  return compileFiles(files, { ...options, outputs, ...more });
}

function byId({ briefs }: Compiled, id: string) {
  const brief = briefs.find((one) => one.id === id);
  if (brief === undefined) throw new Error(`there is no ${id}`);
  return brief;
}

describe('outputs that come after one another', () => {
  it('are drafts, which stand behind those that they come after', async () => {
    const compiled = await compile([film, still, caption]);
    expect(compiled.briefs.map(({ id, waits }) => `${id} ${waits}`)).toEqual([
      ...['a/caption false', 'a/still true', 'a/film true'],
      ...['b/caption false', 'b/still true', 'b/film true'],
    ]);
    expect(compiled.modelUse).toEqual({ writer: 2, 'z-image': 2, 'ideogram-v3': 2 });
    const first = byId(compiled, 'a/caption');
    const second = byId(compiled, 'a/still');
    expect(second.origin).toMatchObject({
      output: 'still',
      after: [{ output: 'caption', id: 'a/caption', fingerprint: first.fingerprint }],
    });
    expect(first.origin).not.toHaveProperty('after');
    expect(readDraft(second.body)).toEqual({
      endpoint: 'generations',
      model: 'z-image',
      prompt: ['Lamp: ', { output: 'caption', text: [['truncate', 100]] }],
      params: {},
      texts: {},
      references: [],
    });
    expect(readDraft(byId(compiled, 'a/film').body)).toMatchObject({
      references: [{ output: 'still', file: true }],
    });
  });

  it('are counted one by one', async () => {
    const compiled = await compile([film, { ...still, approve: true }, caption]);
    expect(Object.fromEntries(compiled.outputs)).toEqual({ caption: 2, still: 2, film: 2 });
    expect(compiled.steps).toEqual([
      { output: 'caption', after: [], approve: false, models: [{ model: 'writer', briefs: 2 }] },
      {
        ...{ output: 'still', after: ['caption'], approve: true },
        models: [{ model: 'z-image', briefs: 2 }],
      },
      {
        ...{ output: 'film', after: ['still'], approve: false },
        models: [{ model: 'ideogram-v3', briefs: 2 }],
      },
    ]);
    expect((await compile([caption])).steps).toEqual([]);
  });

  it('change with what they come after, all the way', async () => {
    const before = await compile([caption, still, film]);
    const other = { ...caption, prompt: 'Another caption for {{title}}' };
    const after = await compile([other, still, film]);
    for (const name of ['caption', 'still', 'film']) {
      const [had, has] = [byId(before, `a/${name}`), byId(after, `a/${name}`)];
      expect(has.fingerprint, name).not.toBe(had.fingerprint);
    }
    expect(byId(after, 'a/still').body).toBe(byId(before, 'a/still').body);
    const again = await compile([still, caption, film]);
    expect(again.briefs).toEqual(before.briefs);
  });

  it('are not made of a row of which what comes before them is not made', async () => {
    const { briefs } = await compile([{ ...caption, when: ['room'] }, still, film]);
    expect(briefs.map(({ id }) => id)).toEqual(['a/caption', 'a/still', 'a/film']);
  });

  it('know what waits for a person', async () => {
    const compiled = await compile([caption, { ...still, approve: true }, film]);
    expect(byId(compiled, 'a/film').origin.after).toMatchObject([{ id: 'a/still', approve: true }]);
    expect(byId(compiled, 'a/still').origin.after?.[0]).not.toHaveProperty('approve');
  });

  it('may wait for others only because of the order, and are drafts all the same', async () => {
    const compiled = await compile([caption, output('late', { after: ['caption'] })]);
    expect(readDraft(byId(compiled, 'a/late').body)?.prompt).toEqual(['A picture']);
  });

  it('take the references of their own, none included', async () => {
    const table = { 'x.csv': 'sku,title,photo\na,Lamp,https://a.example/lamp.png\n' };
    const compiled = await compileFiles(table, {
      ...options,
      references: 'photo',
      outputs: [
        output('plain', { references: '' }),
        output('shop'),
        output('both', { references: '{{photo}}|{{ outputs.shop.file }}', after: ['shop'] }),
      ],
    });
    expect(byId(compiled, 'a/plain').body).not.toContain('lamp.png');
    expect(byId(compiled, 'a/shop').body).toContain('lamp.png');
    expect(byId(compiled, 'a/both').origin.references).toEqual([
      'https://a.example/lamp.png',
      '{{ outputs.shop.file }}',
    ]);
    expect(readDraft(byId(compiled, 'a/both').body)?.references).toEqual([
      { url: 'https://a.example/lamp.png', kind: 'image' },
      { output: 'shop', file: true },
    ]);
  });
});

describe('variants', () => {
  const two = { ...caption, variants: 2 };

  it('of the first are as many of what comes after it, each of its own', async () => {
    const compiled = await compile([two, still, { ...film, variants: 3 }], { limit: 1 });
    expect(compiled.briefs.map(({ id }) => id)).toEqual([
      ...['a/caption/1', 'a/caption/2', 'a/still/1', 'a/still/2'],
      ...['a/film/1/1', 'a/film/1/2', 'a/film/1/3', 'a/film/2/1', 'a/film/2/2', 'a/film/2/3'],
    ]);
    expect(byId(compiled, 'a/film/2/3').origin.after?.[0]?.id).toBe('a/still/2');
    expect(compiled.counts.briefs).toBe(10);
  });

  it('of all outputs are made once in a chain', async () => {
    const compiled = await compile([caption, still, film], { limit: 1, variants: 2 });
    expect(compiled.briefs.map(({ id }) => id)).toEqual([
      ...['a/caption/1', 'a/caption/2', 'a/still/1', 'a/still/2', 'a/film/1', 'a/film/2'],
    ]);
  });

  it('go with what begins them', async () => {
    const both = output('both', {
      after: ['caption', 'still'],
      prompt: '{{ outputs.caption.text }}',
    });
    const compiled = await compile([two, { ...still, variants: 2 }, both], { limit: 1 });
    expect(byId(compiled, 'a/both/2/1').origin.after?.map(({ id }) => id)).toEqual([
      'a/caption/2',
      'a/still/2/1',
    ]);
  });

  it('of two that know nothing of each other do not go together', async () => {
    const other = output('sound', { variants: 2 });
    const both = output('both', { after: ['caption', 'sound'] });
    expect(await badInputOf(compile([two, other, both]))).toBe(
      'output both, after: caption and sound have variants of their own (those of caption and sound), and nothing says which of them belong together: let one come after the other, or leave the variants to one.',
    );
  });

  it('are numbered in the names of files across the whole input', async () => {
    const compiled = await compile([two, still], { fileName: '{{room}}-{{n}}', limit: 1 });
    expect(compiled.briefs.map(({ origin }) => origin.name)).toEqual([
      ...['study-1', 'study-2', 'study-3', 'study-4'],
    ]);
  });

  it('clash with outputs that are called like them', async () => {
    const table = { 'x.csv': 'sku,title\na,Lamp\na/caption,Rug\n' };
    const outputs = [two, output('1', { prompt: '{{title}}' })];
    const compiled = await compileFiles(table, { ...options, outputs });
    expect(faultsOf(compiled)).toEqual(['3 sku id_clash']);
    const deep = [two, { ...still, variants: 2 }, output('2', { variants: 2 })];
    const clash = await compileFiles(
      { 'x.csv': 'sku,title\na,Lamp\na/still,Rug\n' },
      { ...options, outputs: deep },
    );
    expect(faultsOf(clash)).toEqual(['3 sku id_clash']);
  });

  it('count in the length of an id', async () => {
    const table = { 'x.csv': `sku,title\n${'x'.repeat(190)},Lamp\n` };
    const short = await compileFiles(table, { ...options, outputs: [two, still] });
    expect(short.briefs).toHaveLength(4);
    const outputs = [two, { ...still, variants: 100 }];
    const compiled = await compileFiles(table, { ...options, outputs });
    expect(faultsOf(compiled)).toEqual(['2 sku bad_id']);
  });
});

/** Some outputs in any order, each after some of those before it: names of digits, and those that lists give. */
const anyOutputs = fc
  .uniqueArray(fc.constantFrom('1', '2', '1/2', 'a', 'b', 'a/1', '10'), {
    minLength: 1,
    maxLength: 5,
  })
  .chain((names) =>
    fc.tuple(
      ...names.map((name, at) =>
        fc.record({
          name: fc.constant(name),
          after: fc.subarray(names.slice(0, at)),
          variants: fc.constantFrom(null, 1, 2, 3),
          when: fc.constantFrom<string[]>([], ['room']),
        }),
      ),
    ),
  )
  .chain((says) => fc.shuffledSubarray(says, { minLength: says.length }));

it('never gives two briefs one id without telling it, and each finds what it comes after before it', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyOutputs,
      fc.uniqueArray(fc.constantFrom('x', 'x/1', 'x/a', 'x/1/2', 'x/a/1', 'y'), { minLength: 1 }),
      fc.constantFrom(1, 2),
      async (says, skus, variants) => {
        const rows = skus.map((sku, at) => `${sku},${at},${at % 2 === 0 ? 'study' : ''}`);
        const table = { 'x.csv': `sku,title,room\n${rows.join('\n')}\n` };
        const outputs = says.map(({ name, ...own }) =>
          output(name, { ...own, prompt: '{{title}}' }),
        );
        const compiled = await compileFiles(table, { ...options, outputs, variants }).catch(
          (error: unknown) => {
            if (error instanceof BatchError && error.code === 'bad_input') return null;
            throw error;
          },
        );
        // Variants that do not go together, or nothing that is asked for.
        fc.pre(compiled !== null);
        if (compiled === null) return;
        const seen = new Map<string, string>();
        for (const { id, origin, waits, fingerprint } of compiled.briefs) {
          expect(seen.has(id), id).toBe(false);
          for (const before of origin.after ?? []) {
            expect(seen.get(before.id), before.id).toBe(before.fingerprint);
          }
          expect(waits).toBe(origin.after !== undefined);
          seen.set(id, fingerprint);
        }
        expect(compiled.rejections.every(({ kind }) => kind === 'id_clash')).toBe(true);
        expect(compiled.counts.rejected).toBe(compiled.rejections.length);
        expect([...compiled.outputs.values()].reduce((sum, count) => sum + count, 0)).toBe(
          compiled.counts.briefs,
        );
      },
    ),
    { numRuns: 150 },
  );
});

describe('a recipe refuses', () => {
  const ordered = output('late', { after: ['caption'] });
  it.each<[string, OutputOption[], string]>([
    [
      'itself',
      [output('a', { after: ['a'] })],
      'output a, after: an output cannot come after itself.',
    ],
    [
      'an unknown name',
      [caption, output('a', { after: ['captoin'] })],
      'output a, after: there is no output "captoin": did you mean "caption"?',
    ],
    [
      'a name of several',
      [output('a/1-1'), output('a/16-9'), output('b', { after: ['a'] })],
      'output b, after: a makes several of each row: it must be one of "a/1-1" or "a/16-9".',
    ],
    [
      'variants that are called as another output',
      [output('a', { variants: 2 }), output('a/2'), output('a/3')],
      'output a, variants: one of them is called as output a/2: give one of the two another name.',
    ],
    [
      'a circle',
      [
        caption,
        output('a', { after: ['c'] }),
        output('b', { after: ['a'] }),
        output('c', { after: ['b', 'caption'] }),
      ],
      'output a, after: a comes after c comes after b comes after a, which has no beginning.',
    ],
    [
      'a result of what it does not come after',
      [caption, output('a', { prompt: '{{ outputs.caption.text }}' })],
      'output a, prompt: "outputs.caption.text": output a does not come after it: add "after: caption" to a (character 1).',
    ],
    [
      'one of what comes before what it comes after',
      [caption, still, output('a', { after: ['still'], prompt: '{{ outputs.caption.text }}' })],
      'output a, prompt: "outputs.caption.text": output a does not come after it: add "after: [still, caption]" to a (character 1).',
    ],
    [
      'a result of its own',
      [caption, output('a', { after: ['caption'], prompt: '{{ outputs.a.text }}' })],
      'output a, prompt: "outputs.a.text": an output cannot use what it makes itself (character 1).',
    ],
    [
      'a file in a prompt',
      [caption, { ...ordered, prompt: '{{ outputs.caption.file }}' }],
      'output late, prompt: "outputs.caption.file": a file cannot stand in text: use it in references (character 1).',
    ],
    [
      'a text in references',
      [caption, { ...ordered, references: '{{ outputs.caption.text }}' }],
      'output late, references: "outputs.caption.text": a text cannot be a reference: use it in prompt or params (character 1).',
    ],
    [
      'the text of a picture',
      [output('a'), output('b', { after: ['a'], prompt: '{{ outputs.a.text }}' })],
      'output b, prompt: "outputs.a.text": a makes an image and no text (character 1).',
    ],
    [
      'the file of an answer',
      [
        output('a', { model: 'gpt-5-2-chat' }),
        output('b', { after: ['a'], references: '{{ outputs.a.file }}' }),
      ],
      'output b, references: "outputs.a.file": a answers with text, and makes no file (character 1).',
    ],
    [
      'a result in a condition of a template',
      [caption, { ...ordered, prompt: '{% if outputs.caption.text %}x{% endif %}' }],
      'output late, prompt: "outputs.caption.text" is not known before caption is made: it can only be put into the text, between braces of its own (character 1).',
    ],
    [
      'a result behind a filter',
      [caption, { ...ordered, prompt: '{{ title | append: outputs.caption.text }}' }],
      'output late, prompt: "outputs.caption.text" is not known before caption is made: it can only be put into the text, between braces of its own (character 1).',
    ],
    [
      'a column behind a filter of a result',
      [caption, { ...ordered, prompt: '{{ outputs.caption.text | append: title }}' }],
      'output late, prompt: the filter "append" takes only values in quotes and numbers here, and "title" is a column: the text comes when the row has been read (character 1).',
    ],
    [
      'a filter on a file',
      [caption, { ...ordered, references: '{{ outputs.caption.file | upper }}' }],
      'output late, references: no filter can be put on the file of caption (character 1).',
    ],
    [
      'an output that is not there',
      [caption, { ...ordered, prompt: '{{ outputs.captoin.text }}' }],
      'output late, prompt: there is no output "captoin": did you mean "caption"?; a column of this name is written {{ ["outputs.captoin.text"] }} (character 1).',
    ],
    [
      'an output without what it makes',
      [caption, { ...ordered, prompt: '{{ outputs.caption }}' }],
      'output late, prompt: "outputs.caption" is not complete: write outputs.NAME.text or outputs.NAME.file; a column of this name is written {{ ["outputs.caption"] }} (character 1).',
    ],
    [
      'a result in the condition of an output',
      [caption, { ...ordered, when: ['outputs.caption.text = x'] }],
      'output late, when: "outputs.caption.text": what an output makes can be used in prompt, params and references of an output that comes after it, and nowhere else.',
    ],
    [
      'a result in a model',
      [caption, { ...ordered, model: '{{ outputs.caption.text }}' }],
      'output late, model: "outputs.caption.text": what an output makes can be used in prompt, params and references of an output that comes after it, and nowhere else (character 1).',
    ],
  ])('%s', async (_what, outputs, sentence) => {
    expect(await badInputOf(compile(outputs))).toBe(sentence);
  });

  it('with the place of its file, once for all that a list has made of it', async () => {
    const placeOf = (name: string, key: string) => `r.yaml, line ${name.length} (${key})`;
    const outputs = [caption, output('a/1', { after: ['b'] }), output('a/2', { after: ['b'] })];
    expect((await badInputOf(compile(outputs, { placeOf }))).split('\n')).toEqual([
      'r.yaml, line 3 (after): output a/1, after: there is no output "b".',
      'r.yaml, line 3 (after): output a/2, after: there is no output "b".',
    ]);
  });
});

describe('a row is rejected', () => {
  it('where the part of a prompt that is known is too long already', async () => {
    const prompt = `${'x'.repeat(1001)}{{ outputs.caption.text }}`;
    const compiled = await compile([caption, { ...still, prompt }], { limit: 1 });
    expect(compiled.rejections[0]?.reason).toBe(
      'without the texts of other outputs, the prompt has 1001 characters, and z-image takes at most 1000',
    );
  });

  it('where its model turns out to make something else', async () => {
    const table = { 'x.csv': 'sku,kind\na,z-image\nb,writer\n' };
    const outputs = [
      output('first', { model: '{{kind}}' }),
      output('second', { after: ['first'], prompt: '{{ outputs.first.text }}' }),
    ];
    const compiled = await compileFiles(table, { ...options, outputs });
    expect(faultsOf(compiled)).toEqual(['2 - wrong_type']);
    expect(compiled.briefs.map(({ id }) => id)).toEqual(['b/first', 'b/second']);
  });

  it('where a file of another output is part of something else', async () => {
    const compiled = await compile(
      [output('a'), output('b', { after: ['a'], references: 'photos/{{ outputs.a.file }}' })],
      { limit: 1 },
    );
    expect(compiled.rejections[0]?.reason).toBe(
      '"photos/{{ outputs.a.file }}" is more than the file of another output: between references stands a |',
    );
  });
});

describe('a column that is called like a result', () => {
  const table = { 'x.json': JSON.stringify([{ sku: 'a', 'outputs.x.text': 'own' }]) };
  const uses = output('a', { prompt: '{{ outputs.x.text }}' });

  it('is one where no output is called so, and no output comes after another', async () => {
    const { briefs } = await compileFiles(table, { ...options, outputs: [uses] });
    expect(briefs[0]?.body).toContain('"prompt":"own"');
    const alone = await compileFiles(table, { ...options, prompt: '{{ outputs.x.text }}' });
    expect(alone.briefs[0]?.body).toContain('"prompt":"own"');
  });

  it('is one in brackets everywhere', async () => {
    const bracketed = '{{ ["outputs.x.text"] }} {{ outputs.x.text }}';
    const outputs = [
      output('x', { model: 'writer' }),
      output('b', { prompt: bracketed, after: ['x'] }),
    ];
    const { briefs } = await compileFiles(table, { ...options, outputs });
    const [, second] = briefs;
    const prompt = readDraft(second?.body ?? '')?.prompt;
    expect(prompt).toEqual(['own ', { output: 'x', text: [] }]);
    expect(shownText(prompt ?? [])).toBe('own {{ outputs.x.text }}');
  });
});
