import { expect, it } from 'vitest';
import type { OutputOption } from '../../src/producer/options.js';
import { badInputOf, compileFiles, faultsOf } from './compile-files.js';

function output(name: string, says: Partial<OutputOption> = {}): OutputOption {
  return {
    name,
    model: null,
    prompt: null,
    params: [],
    references: null,
    variants: null,
    when: [],
    after: [],
    approve: false,
    ...says,
  };
}

const white = output('white', { prompt: '{{title}} on white' });
const wide = output('wide', {
  prompt: '{{title}} in a {{room}}',
  model: 'ideogram-v3',
  params: [{ key: 'seed', template: '7' }],
  variants: 2,
  when: ['room'],
});
const options = { model: 'z-image', id: 'sku', outputs: [white, wide] };

function made({ briefs }: Awaited<ReturnType<typeof compileFiles>>): string[] {
  return briefs.map(({ id, body }) => `${id} ${body}`);
}

it('makes several briefs of a row, each under its own id, where its conditions hold', async () => {
  const files = { 'x.csv': 'sku,title,room\na,Lamp,study\nb,Rug,\n' };
  const compiled = await compileFiles(files, options);
  expect(made(compiled)).toEqual([
    'a/white {"model":"z-image","prompt":"Lamp on white"}',
    'a/wide/1 {"model":"ideogram-v3","prompt":"Lamp in a study","params":{"seed":7}}',
    'a/wide/2 {"model":"ideogram-v3","prompt":"Lamp in a study","params":{"seed":7}}',
    'b/white {"model":"z-image","prompt":"Rug on white"}',
  ]);
  expect(compiled.counts).toMatchObject({ rows: 2, briefs: 4, rejected: 0 });
  expect(compiled.modelUse).toEqual({ 'z-image': 2, 'ideogram-v3': 2 });
});

it('what an output says wins over the row, and the row over the options', async () => {
  const files = { 'x.csv': 'sku,model,params.seed,title\na,z-image,3,Lamp\n' };
  const compiled = await compileFiles(files, {
    ...options,
    prompt: '{{title}}',
    params: [
      { key: 'seed', template: '1' },
      { key: 'style', template: 'plain' },
    ],
    outputs: [
      output('own', { model: 'ideogram-v3', params: [{ key: 'seed', template: '9' }] }),
      output('rows'),
    ],
  });
  expect(made(compiled)).toEqual([
    'a/own {"model":"ideogram-v3","prompt":"Lamp","params":{"seed":9,"style":"plain"}}',
    'a/rows {"model":"z-image","prompt":"Lamp","params":{"seed":"3","style":"plain"}}',
  ]);
});

it('makes nothing of a row of which one output is bad, and names a fault once', async () => {
  const files = { 'x.csv': 'sku,title,room\na,,study\nb,Rug,hall\n' };
  const compiled = await compileFiles(files, options);
  expect(faultsOf(compiled)).toEqual(['2 title empty_value']);
  expect(compiled.counts).toMatchObject({ rows: 2, briefs: 3, rejected: 1 });
});

it('leaves out a row of which no output is wanted', async () => {
  const files = { 'x.csv': 'sku,title,room\na,Lamp,study\nb,Rug,\n' };
  const compiled = await compileFiles(files, { ...options, outputs: [wide] });
  expect(compiled.counts).toMatchObject({ rows: 1, briefs: 2, leftOut: 1 });
});

it('rejects a row that clashes in one output, whole, and counts repeated ones', async () => {
  const files = {
    'x.csv': 'sku,title,room\na,Lamp,study\na,Lamp,hall\na,Lamp,\na,Lamp,study\n',
  };
  const compiled = await compileFiles(files, options);
  expect(faultsOf(compiled)).toEqual(['3 sku id_clash']);
  // Row 4 repeats one output, row 5 both.
  expect(compiled.counts).toMatchObject({ rows: 4, briefs: 3, rejected: 1, duplicates: 3 });
});

it('sees that a variant of one output is called as another output', async () => {
  const files = { 'x.csv': 'sku,title,room\na,Lamp,study\na/wide,Rug,\n' };
  const one = output('1', { prompt: '{{title}}', when: ['!room'] });
  const compiled = await compileFiles(files, { ...options, outputs: [wide, one] });
  expect(faultsOf(compiled)).toEqual(['3 sku id_clash']);
});

it('refuses an output that is there twice, and says where a template is wrong', async () => {
  const files = { 'x.csv': 'sku,title\na,Lamp\n' };
  const compiling = compileFiles(files, {
    ...options,
    outputs: [white, white, output('a/b', { prompt: '{{title' })],
  });
  const message = await badInputOf(compiling);
  expect(message).toMatch(/output white is given more than once/);
  expect(message).toMatch(/output a\/b, prompt: a "\{\{" has no closing/);
});

it('refuses a name that makes the id too long, where the id is made of the content as well', async () => {
  const files = { 'x.csv': 'title\nLamp\n' };
  const outputs = [output('white'), output('x'.repeat(190))];
  const compiled = await compileFiles(files, { model: 'z-image', prompt: '{{title}}', outputs });
  expect(faultsOf(compiled)).toEqual(['2 id bad_id']);
  expect(compiled.briefs).toEqual([]);
});
