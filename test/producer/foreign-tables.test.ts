import { expect, it } from 'vitest';
import { bundledModels } from '../../src/rivya/catalogue.js';
import { badInputOf, compileFiles, faultsOf } from './compile-files.js';

const options = { model: 'z-image', models: bundledModels() };

/** `rule: reason` of every warning. */
async function warningsOf(contents: Record<string, string>, more = {}) {
  const { warnings } = await compileFiles(contents, { ...options, ...more });
  return warnings.map(({ rule, reason }) => `${rule}: ${reason}`);
}

async function sentenceOf(name: string, content: string, more = {}): Promise<string> {
  const sentence = await badInputOf(compileFiles({ [name]: content }, { ...options, ...more }));
  return sentence.replaceAll(/^\S*\/(?=[^/]*: )/gm, '');
}

it('names the columns that would do as an id', async () => {
  const named = 'no column is called "id", so files are named by a hash';
  const prompt = '{{Title}}';
  expect(await warningsOf({ 'a.csv': 'ID,prompt\n1,A\n2,B\n' })).toEqual([
    `no_id: ${named}; --id ID would name them by that column`,
  ]);
  expect(
    await warningsOf({ 'a.csv': 'Colour,Product SKU,Title\nred,a1,A\nred,a2,B\n' }, { prompt }),
  ).toEqual([`no_id: ${named}; --id 'Product SKU' or --id Title would name them by that column`]);
  expect(await warningsOf({ 'a.csv': 'SKU,prompt\na,A\na,B\n' })).toEqual([
    `no_id: ${named}; --id COLUMN would name them`,
  ]);
  for (const silent of [
    { content: 'id,Title\n1,A\n', more: { prompt } },
    { content: 'SKU,Title\n1,A\n', more: { prompt, id: 'SKU' } },
    { content: 'SKU,Title\n1,A\n', more: { prompt, fileName: '{{Title}}' } },
    { content: 'prompt,params.aspect_ratio\nA,1:1\n', more: {} },
  ]) {
    expect(await warningsOf({ 'a.csv': silent.content }, silent.more)).toEqual([]);
  }
});

it('names the column that is nearly ours where a prompt or a model is missing', async () => {
  expect(await sentenceOf('a.csv', 'id,Prompt\n1,A\n')).toBe(
    `a.csv: no row has a prompt: the column "Prompt" is taken by --prompt '{{Prompt}}'.`,
  );
  expect(await sentenceOf('a.csv', 'id,MODEL,prompt\n1,z-image,A\n', { model: null })).toBe(
    `a.csv: no row says which model: the column "MODEL" is taken by --model '{{MODEL}}'.`,
  );
  expect(await sentenceOf('a.csv', 'id,Name *\n1,A\n')).toBe(
    `a.csv: no row has a prompt: add a column "prompt", or give --prompt, such as 'Photo of {{Name *}}'.`,
  );
});

it.each([
  ['aspect_ratio', '16:9', `'aspect_ratio={{aspect_ratio}}'`],
  ['Aspect Ratio', '16:09', `'aspect_ratio={{Aspect Ratio}}'`],
  ['param.aspect_ratio', '1:1', `'aspect_ratio={{param.aspect_ratio}}'`],
])('warns of a column %s that is not sent', async (column, value, typed) => {
  expect(await warningsOf({ 'a.csv': `id,prompt,${column}\n1,A,${value}\n2,B,\n` })).toEqual([
    `unsent_param: the column "${column}" is not sent: call it "params.aspect_ratio", or give --param ${typed}`,
  ]);
});

it.each([
  [
    'where it is used',
    'id,prompt,aspect_ratio\n1,A,1:1\n',
    { params: [{ key: 'aspect_ratio', template: '{{aspect_ratio}}' }] },
  ],
  ['where its cells could not be meant', 'id,prompt,Aspect Ratio\n1,A,wide\n', {}],
  ['where the model has no such param', 'id,prompt,Style,Size,Quality\n1,A,Modern,L,good\n', {}],
])('does not warn of a column that is called as a param %s', async (_where, content, more) => {
  expect(await warningsOf({ 'a.csv': content }, more)).toEqual([]);
});

it('refuses rows that use an error of a spreadsheet, and warns of words for nothing (S1)', async () => {
  const content = [
    'id,title,colour,params.aspect_ratio,References',
    '1,Lamp,#N/A,,',
    '2, #REF! ,red,,',
    '3,Lamp,red,#DIV/0!,',
    '#NAME?,Lamp,red,,',
    '5,Lamp,Err:502,,',
    '6,Lamp,#BEZUG!,,',
    '7,NaN,red,,#N/A',
    '8,Lamp,NULL,,#VALUE!',
    '9,Lamp,None,,nan',
    '10,#1 Lamp,#fff,,',
    '11,Lamp,red,,#REF!',
  ].join('\n');
  const compiled = await compileFiles(
    { 'x.csv': content },
    { ...options, prompt: '{{title}} in {{colour}}' },
  );
  expect(faultsOf(compiled)).toEqual([
    '2 colour error_value',
    '3 title error_value',
    '4 params.aspect_ratio error_value',
    '5 id error_value',
    '6 colour error_value',
    '7 colour error_value',
  ]);
  expect(compiled.rejections[1]?.reason).toBe(
    '"title" holds #REF!, an error of the spreadsheet: correct its formula, or empty the cell',
  );
  expect(compiled.briefs.map(({ id }) => id)).toEqual(['7', '8', '9', '10', '11']);
  expect(compiled.warnings).toMatchObject([
    { rule: 'nothing_word', column: 'colour', count: 2, firstRows: [{ row: 9 }, { row: 10 }] },
    { rule: 'nothing_word', column: 'title', count: 1, firstRows: [{ row: 8 }] },
  ]);
});

it('does not count invisible characters at the ends of names, ids and cells, and says so', async () => {
  const content =
    '\ufeffsku\u00a0,title\u200b\nA1\u00a0,Red lamp\nA1,\u200bRed lamp\u00a0\n\u200e\ufeffA1,Blue lamp\nA2,\u200b\nA3,\u00a0 \n';
  const compiled = await compileFiles(
    { 'x.csv': content },
    { ...options, id: 'sku', prompt: '{{title}}' },
  );
  expect(compiled.counts).toMatchObject({ briefs: 1, duplicates: 1, rejected: 3 });
  expect(compiled.briefs[0]?.body).toContain('"prompt":"Red lamp"');
  expect(faultsOf(compiled)).toEqual([
    '4 sku id_clash',
    '5 title empty_value',
    '6 title empty_value',
  ]);
  expect(compiled.warnings).toMatchObject([{ rule: 'invisible_ends', column: 'sku', count: 2 }]);
});

const titled = 'Product report,,\nGenerated 2026-01-05,,\n\nid,title,colour\n1,Red lamp,red\n';

it('proposes the header row where the header is elsewhere', async () => {
  const proposal = 'a.csv: the header seems to be in row 4: --header-row 4.';
  expect(await sentenceOf('a.csv', titled, { prompt: '{{title}}' })).toBe(
    `a.csv: --prompt needs a column "title", and there is none.\n${proposal}`,
  );
  expect((await sentenceOf('a.csv', titled)).split('\n')[1]).toBe(proposal);
  expect(await warningsOf({ 'a.csv': titled }, { prompt: 'A lamp' })).toContain(
    'header_row: the header seems to be in row 4: --header-row 4',
  );
  const { briefs } = await compileFiles(
    { 'a.csv': titled },
    { ...options, prompt: '{{title}}', headerRow: 4 },
  );
  expect(briefs.map(({ id, origin }) => [id, origin.row])).toEqual([['1', 5]]);
});

it('names --delimiter where a table seems to be one column', async () => {
  expect(await sentenceOf('a.csv', 'id^title\n1^Lamp\n', { id: 'id' })).toBe(
    'a.csv: --id needs a column "id", and there is none: the only column is "id^title". If that is several, name what stands between them with --delimiter.',
  );
});

it.each([
  ['a.csv', '<!DOCTYPE html><html><body>Sign in, please', /is a web page \(HTML\)/],
  ['a.json', '\ufeff \n<html lang="en">', /is a web page/],
  ['a.csv', '<?xml version="1.0"?>\n<rss>', /is XML/],
  ['a.csv', '%PDF-1.7\n', /is a PDF/],
  ['a.csv', '[{"id":"1"}]', /is JSON, not a table: name it \.json/],
  ['a.tsv', '{"id":"1"}\n{"id":"2"}\n', /is JSON, not a table/],
  [
    'a.json',
    '{"id":"1"}\n{"id":"2"}\n',
    /is JSON Lines \(a brief a line\): name it \.jsonl, or give --format jsonl/,
  ],
  ['a.jsonl', '[{"id":"1"},\n{"id":"2"}]', /is a JSON list, not JSON Lines: name it \.json/],
  ['a.jsonl', '{\n  "id": "1"\n}', /is JSON over several lines/],
])('says what %s is that begins with %j', async (name, content, sentence) => {
  expect(await sentenceOf(name, content)).toMatch(sentence);
});

it('knows the columns of a Shopify export, and the rows of its variants', async () => {
  const shop = [
    'Handle,Title,Body (HTML),Option1 Value,Variant SKU',
    'lamp,Lamp,,red,a1',
    'lamp,,,blue,a2',
    'rug,Rug,,,b1',
  ].join('\n');
  const proposal =
    'these are the columns of a Shopify export: --id Handle names its products, and --fill-down Title --fill-down-within Handle gives the rows of their variants the title';
  expect(await sentenceOf('a.csv', shop)).toContain(`\na.csv: ${proposal}.`);
  const prompt = '{{Title}}';
  const below = `empty_below: "Title" is empty below a row of the same "Handle" that has it: --fill-down Title --fill-down-within Handle`;
  expect(await warningsOf({ 'a.csv': shop }, { prompt })).toEqual([`no_id: ${proposal}`, below]);
  expect(await warningsOf({ 'a.csv': shop }, { prompt, id: 'Variant SKU' })).toEqual([below]);
  const filled = { prompt, id: 'Variant SKU', fillDown: ['Title'], fillDownWithin: 'Handle' };
  expect(await warningsOf({ 'a.csv': shop }, filled)).toEqual([]);
  expect(await sentenceOf('a.csv', shop, { prompt, id: 'SKU' })).toMatch(
    /none: did you mean "Variant SKU"\?$/,
  );
});

it('lists the values that there are where a condition holds for no row', async () => {
  const content = 'id,prompt,Status\n1,A,active\n2,B,Active\n3,C,active\n4,D,draft\n5,E,\n';
  expect(await sentenceOf('a.csv', content, { where: ['Status = actve'] })).toBe(
    'No row is left to make a brief of, 5 rows left out: --where "Status = actve" holds for no row: "Status" is "active", "Active", "draft", empty; did you mean "active"?',
  );
  const output = {
    ...{ name: 'o', model: null, prompt: null, params: [], references: null, variants: null },
    ...{ after: [], approve: false },
  };
  const outputs = [
    { ...output, when: [] },
    { ...output, name: 'p', when: ['Status = sold'] },
  ];
  expect(await warningsOf({ 'a.csv': content }, { outputs })).toEqual([
    'unmet_condition: output p: when "Status = sold" holds for no row: "Status" is "active", "Active", "draft", empty',
  ]);
  expect(await warningsOf({ 'a.csv': content }, { where: ['Status = draft'] })).toEqual([]);
});

it('says the way out where an id is a list', async () => {
  const skus = Array.from({ length: 40 }, (_, at) => `SKU-${at}`).join(',');
  const compiled = await compileFiles(
    { 'a.csv': `SKU,prompt\n"${skus}",A\n` },
    { ...options, id: 'SKU' },
  );
  expect(compiled.rejections[0]?.reason).toBe(
    `the id has 269 characters, at most 200 are possible; it seems to be a list: --id '{{ SKU | split: "," | first }}' takes the first, or name another column`,
  );
});
