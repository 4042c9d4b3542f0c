import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compileInput } from '../../src/producer/compile-input.js';
import { contentFingerprint } from '../../src/shared/brief.js';
import { badInputOf, compileFiles, faultsOf, models } from './compile-files.js';

it('reads our own columns without any option and keeps every other one verbatim', async () => {
  const content = [
    'id,model,prompt,params,params.seed,references,metadata,Title (en),2024',
    '00123,ideogram-v3, a lamp ,"{""style"":""REALISTIC"",""seed"":1}",42,https://a.example/1.png|https://a.example/2.mp4,"{""team"":[1]}", Lamp ,x',
    '',
  ].join('\n');
  const { briefs, modelUse } = await compileFiles({ 'spring.csv': content });
  expect(briefs).toHaveLength(1);
  expect(briefs[0]).toMatchObject({
    id: '00123',
    body: '{"model":"ideogram-v3","prompt":" a lamp ","params":{"referenceMediaItems":[{"kind":"image","url":"https://a.example/1.png"},{"kind":"video","url":"https://a.example/2.mp4"}],"seed":42,"style":"REALISTIC"}}',
    origin: {
      row: 2,
      source: 'spring.csv',
      references: ['https://a.example/1.png', 'https://a.example/2.mp4'],
      metadata: { team: [1] },
      input: { 'Title (en)': ' Lamp ', '2024': 'x' },
    },
  });
  expect(briefs[0]?.fingerprint).toBe(
    contentFingerprint({
      model: 'ideogram-v3',
      prompt: ' a lamp ',
      params: { style: 'REALISTIC', seed: 42 },
      references: ['https://a.example/1.png', 'https://a.example/2.mp4'],
    }),
  );
  expect(modelUse).toEqual({ 'ideogram-v3': 1 });
});

it('leaves prompt and params out of the body where there are none', async () => {
  const { briefs } = await compileFiles({
    'x.csv': 'model,prompt,params\nsome-new-model,p,\nz-image,p,{}\n',
    'y.json': JSON.stringify([
      { model: 'elevenlabs-dialogue-v3', params: { dialogue: [{ voice: 'Adam', text: 'Hi.' }] } },
    ]),
  });
  expect(briefs.map(({ body }) => body)).toEqual([
    '{"model":"some-new-model","prompt":"p"}',
    '{"model":"z-image","prompt":"p"}',
    '{"model":"elevenlabs-dialogue-v3","params":{"dialogue":[{"text":"Hi.","voice":"Adam"}]}}',
  ]);
});

it.each([
  ['{"team": 1}', { team: 1 }],
  ['[1, 2]', [1, 2]],
  ['{not json', '{not json'],
  ['42', '42'],
  ['plain words', 'plain words'],
  ['', null],
])('reads the metadata cell %j', async (cell, metadata) => {
  const quoted = `"${cell.replaceAll('"', '""')}"`;
  const { briefs } = await compileFiles({
    'x.csv': `model,prompt,metadata\nz-image,p,${quoted}\n`,
  });
  expect(briefs[0]?.origin.metadata).toEqual(metadata);
});

it('lets --prompt win, and treats --model and --param as defaults', async () => {
  const content = [
    'sku,model,prompt,params.aspect_ratio,params,shape',
    'A,,ignored,,,4:3',
    'B,ideogram-v3,ignored,1:1,,4:3',
    'C,,ignored,,"{""aspect_ratio"":""9:16""}",4:3',
    'D,,ignored,16:9,"{""aspect_ratio"":""9:16""}",4:3',
  ].join('\n');
  const { briefs } = await compileFiles(
    { 'x.csv': content },
    {
      id: 'sku',
      model: 'z-image',
      prompt: 'Photo of {{sku}}',
      params: [{ key: 'aspect_ratio', template: '{{shape}}' }],
    },
  );
  expect(briefs.map(({ body }) => body)).toEqual([
    '{"model":"z-image","prompt":"Photo of A","params":{"aspect_ratio":"4:3"}}',
    '{"model":"ideogram-v3","prompt":"Photo of B","params":{"aspect_ratio":"1:1"}}',
    '{"model":"z-image","prompt":"Photo of C","params":{"aspect_ratio":"9:16"}}',
    '{"model":"z-image","prompt":"Photo of D","params":{"aspect_ratio":"16:9"}}',
  ]);
  expect(briefs[0]?.origin.input).toEqual({ sku: 'A', prompt: 'ignored', shape: '4:3' });
});

it("takes --id as a column or a template; `id` is then the user's column", async () => {
  const files = { 'x.csv': 'id,sku,size,model,prompt\n1, S-1 ,L,z-image,p\n' };
  const byColumn = await compileFiles(files, { id: 'sku' });
  expect(byColumn.briefs).toMatchObject([
    { id: 'S-1', origin: { input: { id: '1', sku: ' S-1 ', size: 'L' } } },
  ]);
  const byTemplate = await compileFiles(files, { id: '{{sku}}-{{size}}' });
  expect(byTemplate.briefs[0]?.id).toBe('S-1 -L');
  const byDefault = await compileFiles(files, { id: 'id' });
  expect(byDefault.briefs).toMatchObject([
    { id: '1', origin: { input: { sku: ' S-1 ', size: 'L' } } },
  ]);
});

it('takes --model as a template', async () => {
  const files = { 'x.csv': 'engine,prompt\nz,p\n,q\n' };
  const compiled = await compileFiles(files, { model: '{{engine}}-image' });
  expect(compiled.modelUse).toEqual({ 'z-image': 1 });
  expect(faultsOf(compiled)).toEqual(['3 engine empty_value']);
});

it('types text with the catalogue: numbers where the model wants them, text for all else', async () => {
  const content = [
    'id,model,params.seed,params.expand_prompt,params.unknown',
    '1,ideogram-v3, 42 ,true,7',
    '2,ideogram-v3,-1.5e3,false,',
    '3,ideogram-v3,"1,5",,',
    '4,ideogram-v3,0x10,,',
    '5,ideogram-v3,1e999,,',
    '6,some-new-model,42,,',
  ].join('\n');
  const compiled = await compileFiles({ 'x.csv': content }, { prompt: 'p' });
  expect(compiled.briefs.map(({ body }) => JSON.parse(body).params)).toEqual([
    { seed: 42, expand_prompt: 'true', unknown: '7' },
    { seed: -1500, expand_prompt: 'false' },
    { seed: '42' },
  ]);
  expect(faultsOf(compiled)).toEqual([
    '4 params.seed not_a_number',
    '5 params.seed not_a_number',
    '6 params.seed not_a_number',
  ]);
});

it('types --param as well, and names the column that was no number', async () => {
  const files = { 'x.csv': 'prompt,s\np,1\nq,one\n' };
  const compiled = await compileFiles(files, {
    model: 'ideogram-v3',
    params: [
      { key: 'seed', template: '{{s}}' },
      { key: 'empty', template: '' },
    ],
  });
  expect(compiled.briefs[0]?.body).toContain('"params":{"seed":1}}');
  expect(faultsOf(compiled)).toEqual(['3 s not_a_number']);
});

it.each([
  [
    {
      params: [
        { key: 'a', template: '1' },
        { key: 'a', template: '2' },
      ],
    },
    /--param a is given more/,
  ],
  [{ params: [{ key: '__proto__', template: '1' }] }, /cannot be the name/],
  [{ prompt: 'x {{y' }, /--prompt: a "{{" has no closing/],
  [
    { id: 'skuu', prompt: 'of {{Titel}}' },
    /--id needs a column "skuu".*"sku"\?\n.*--prompt.*"title"\?$/,
  ],
])('refuses the options %j', async (options, message) => {
  const files = { 'x.csv': 'sku,title,model,prompt\n1,t,z-image,p\n' };
  expect(await badInputOf(compileFiles(files, options))).toMatch(message);
});

it('says which needed column is missing altogether', async () => {
  const withoutModel = { 'x.csv': 'prompt\np\n' };
  expect(await badInputOf(compileFiles(withoutModel))).toMatch(/x\.csv: no row says which model/);
  const withoutPrompt = { 'x.csv': 'model\nz-image\n' };
  expect(await badInputOf(compileFiles(withoutPrompt))).toMatch(/x\.csv: no row has a prompt/);
  const json = { 'x.json': '[{"title":"t"}]' };
  expect((await badInputOf(compileFiles(json))).split('\n')).toHaveLength(2);
  const dialogue = {
    'x.csv': 'model,params.dialogue\nelevenlabs-dialogue-v3,"[{""text"":""Hi.""}]"\n',
  };
  expect((await compileFiles(dialogue)).counts.briefs).toBe(1);
});

it('does not read a large table to its end to find a column missing', async () => {
  const rows = Array.from({ length: 30_000 }, (_, position) => `${position},z-image,a lamp`);
  const files = { 'x.csv': `id,model,prompt\n${rows.join('\n')}\n1,"never closed` };
  const sentence = await badInputOf(compileFiles(files, { prompt: 'of {{title}}' }));
  expect(sentence).toMatch(/needs a column "title"/);
});

it('reports every fault of every row at once', async () => {
  const content = [
    'id,model,prompt,params.seed,references',
    ',,,x,',
    '2,ideogram-v3,,1,',
    `3,z-image,${'x'.repeat(1001)},,./a.png|http://b.example/c.png`,
    '4,ideogram-v3,fine,1,',
  ].join('\n');
  const compiled = await compileFiles({ 'x.csv': content });
  expect(faultsOf(compiled)).toEqual([
    '2 id bad_id',
    '2 model no_model',
    '2 prompt no_prompt',
    '3 prompt no_prompt',
    '4 prompt prompt_too_long',
    '4 references bad_reference',
    '4 references bad_reference',
  ]);
  expect(compiled.counts).toEqual({ rows: 4, briefs: 1, rejected: 3, duplicates: 0, leftOut: 0 });
  expect(compiled.rejections[3]).toMatchObject({ source: 'x.csv', id: '2' });
});

it('counts prompts in characters, not in halves of an emoji', async () => {
  const files = {
    'x.csv': `id,model,prompt\n1,z-image,${'😀'.repeat(1000)}\n2,z-image,${'😀'.repeat(1001)}\n`,
  };
  expect(faultsOf(await compileFiles(files))).toEqual(['3 prompt prompt_too_long']);
});

it('lets models through that the catalogue does not know', async () => {
  const files = { 'x.csv': `model,prompt\nbrand-new,${'x'.repeat(30_000)}\n` };
  expect((await compileFiles(files)).modelUse).toEqual({ 'brand-new': 1 });
});

it('refuses a body above 256 KiB, counted in bytes', async () => {
  const row = (length: number) => `new-model,${'é'.repeat(length)}`;
  const overhead = Buffer.byteLength('{"model":"new-model","prompt":""}');
  const most = Math.floor((256 * 1024 - overhead) / 2);
  const files = { 'x.csv': `model,prompt\n${row(most)}\n${row(most + 1)}\n` };
  expect(faultsOf(await compileFiles(files))).toEqual(['3 - body_too_large']);
});

it.each([
  ['a'.repeat(200), 1, true],
  ['a'.repeat(201), 1, false],
  ['a'.repeat(198), 9, true],
  ['a'.repeat(198), 10, false],
  ['tab\there', 1, false],
  ['line\u0085end', 1, false],
  ['  猫 \u00a0', 1, true],
])('the id %j with %i variants', async (id, variants, isTaken) => {
  const files = { 'x.json': JSON.stringify([{ id, model: 'z-image', prompt: 'p' }]) };
  const { counts } = await compileFiles(files, { variants });
  expect(counts.rejected).toBe(isTaken ? 0 : 1);
});

it('S4: generates same id with same content once, and rejects same id with other content', async () => {
  const files = {
    'a.csv': 'id,model,prompt,note\n7,z-image,p,first\n7,z-image,p,second\n8,z-image,p,\n',
    'b.csv': 'id,model,prompt\n7,z-image,other\n7,z-image,p\n',
  };
  const compiled = await compileFiles(files);
  expect(compiled.counts).toEqual({ rows: 5, briefs: 2, rejected: 1, duplicates: 2, leftOut: 0 });
  expect(compiled.briefs[0]?.origin.input).toEqual({ note: 'first' });
  expect(compiled.rejections).toEqual([
    {
      source: 'b.csv',
      row: 2,
      id: '7',
      column: 'id',
      kind: 'id_clash',
      reason: 'row 2 of a.csv has the same id "7" with other content',
    },
  ]);
});

it('makes ids of the content where there are none: equal content is generated once', async () => {
  const files = { 'x.csv': 'model,prompt,note\nz-image,p,1\nz-image,p,2\nz-image,q,3\n' };
  const { briefs, counts } = await compileFiles(files);
  expect(counts).toEqual({ rows: 3, briefs: 2, rejected: 0, duplicates: 1, leftOut: 0 });
  expect(briefs[0]?.id).toBe(briefs[0]?.fingerprint.slice(0, 16));
});

it('S4: makes variants of equal content under ids of their own', async () => {
  const files = {
    'x.csv': 'id,model,prompt\na,z-image,p\na/1,z-image,q\na,z-image,p\na,z-image,r\n',
  };
  const { briefs, counts, modelUse } = await compileFiles(files, { variants: 2 });
  expect(briefs.map(({ id }) => id)).toEqual(['a/1', 'a/2', 'a/1/1', 'a/1/2']);
  expect(new Set(briefs.map(({ fingerprint }) => fingerprint)).size).toBe(2);
  expect(briefs[0]?.body).toBe(briefs[1]?.body);
  expect(counts).toEqual({ rows: 4, briefs: 4, rejected: 1, duplicates: 1, leftOut: 0 });
  expect(modelUse).toEqual({ 'z-image': 4 });
});

it('reads the first rows of the whole input and no further', async () => {
  const files = {
    'a.csv': 'id,model,prompt\n1,z-image,p\n2,,p\n',
    'b.csv': 'id,model,prompt\n3,z-image,p\n4,z-image,p\n5,z-image,p\n',
    'c.csv': '',
  };
  const { briefs, counts } = await compileFiles(files, { limit: 3 });
  expect(counts).toEqual({ rows: 3, briefs: 2, rejected: 1, duplicates: 0, leftOut: 0 });
  expect(briefs.map(({ id }) => id)).toEqual(['1', '3']);
});

it('writes the same bytes for the same content, whatever the order of columns and keys', async () => {
  const first = { model: 'z-image', prompt: 'p', params: { b: { y: 1, x: 2 }, a: 1 } };
  const second = { params: { a: 1, b: { x: 2, y: 1 } }, prompt: 'p', model: 'z-image' };
  const compiled = await compileFiles({
    'a.json': JSON.stringify([{ ...first, id: '1' }]),
    'b.json': JSON.stringify([{ ...second, id: '2' }]),
  });
  expect(compiled.briefs[0]?.body).toBe(compiled.briefs[1]?.body);
  expect(compiled.briefs[0]?.fingerprint).toBe(compiled.briefs[1]?.fingerprint);
});

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

it('holds the input on disk until it is disposed of, to be read more than once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rivya-batch-test-'));
  const file = join(folder, 'x.csv');
  await writeFile(file, 'id,prompt\n1,p\n2,\n');
  const input = await compileInput({
    files: [file],
    format: null,
    delimiter: null,
    model: 'z-image',
    prompt: null,
    id: null,
    params: [],
    variants: 1,
    limit: null,
    models,
  });
  await rm(folder, { recursive: true });
  for (let pass = 0; pass < 2; pass++) {
    expect(await collect(input.briefs())).toHaveLength(1);
    expect(await collect(input.rejections())).toHaveLength(1);
  }
  await input.dispose();
  await expect(collect(input.briefs())).rejects.toThrow(/ENOENT/);
});
