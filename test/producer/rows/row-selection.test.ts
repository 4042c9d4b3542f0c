import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Sample } from '../../../src/producer/rows/select-rows.js';
import { badInputOf, compileFiles, faultsOf } from '../compile-files.js';

/** As a shop exports it: what all variants share stands in the first row only. */
const shop = `Handle,Title,Option,Status,Price
lamp,Desk Lamp,red,active,10
lamp,,green,,12
lamp,,blue,,
chair,,oak,draft,80
chair,Chair,ash,active,90
rug,Rug,,active,5
`;
const options = {
  model: 'z-image',
  prompt: '{{title}} in {{option}}',
  id: '{{handle}}-{{option}}',
};

function promptsOf({ briefs }: Awaited<ReturnType<typeof compileFiles>>): string[] {
  return briefs.map(({ body }) => (JSON.parse(body) as { prompt: string }).prompt);
}

it('hands values down, within one product only where that is asked for', async () => {
  const fillDown = ['TITLE'];
  const where = ['Option'];
  const through = await compileFiles({ 'x.csv': shop }, { ...options, fillDown, where });
  expect(promptsOf(through)).toEqual([
    'Desk Lamp in red',
    'Desk Lamp in green',
    'Desk Lamp in blue',
    'Desk Lamp in oak',
    'Chair in ash',
  ]);
  const within = { ...options, fillDown, where, fillDownWithin: 'handle' };
  const compiled = await compileFiles({ 'x.csv': shop }, within);
  expect(promptsOf(compiled)).toEqual([
    'Desk Lamp in red',
    'Desk Lamp in green',
    'Desk Lamp in blue',
    'Chair in ash',
  ]);
  expect(faultsOf(compiled)).toEqual(['5 title empty_value']);
  expect(compiled.briefs[1]?.origin.input).toMatchObject({ Title: 'Desk Lamp', Option: 'green' });
});

it('hands nothing down from one file to the next', async () => {
  const files = { 'a.csv': 'Title,Option\nLamp,red\n', 'b.csv': 'Title,Option\n,blue\n' };
  const compiled = await compileFiles(files, {
    ...options,
    id: 'option',
    fillDown: ['Title'],
  });
  expect(promptsOf(compiled)).toEqual(['Lamp in red']);
  expect(faultsOf(compiled)).toEqual(['2 title empty_value']);
});

it('hands down what an item of JSON lacks', async () => {
  const items = [{ Title: 'Lamp', option: 'red' }, { option: 'blue' }, { Title: '', option: 'x' }];
  const compiled = await compileFiles(
    { 'x.json': JSON.stringify(items) },
    { ...options, id: 'option', fillDown: ['title'] },
  );
  expect(promptsOf(compiled)).toEqual(['Lamp in red', 'Lamp in blue', 'Lamp in x']);
});

it('takes the first row of each value, and the rows that meet every condition', async () => {
  const unique = await compileFiles(
    { 'x.csv': shop },
    { ...options, prompt: '{{handle}}', id: 'Handle', unique: 'handle' },
  );
  expect(unique.briefs.map(({ id, origin }) => [id, origin.row])).toEqual([
    ['lamp', 2],
    ['chair', 5],
    ['rug', 7],
  ]);
  expect(unique.counts).toMatchObject({ rows: 3, leftOut: 3 });
  const where = ['status = active', 'price >= 10'];
  const some = await compileFiles({ 'x.csv': shop }, { ...options, where });
  expect(some.briefs.map(({ id }) => id)).toEqual(['lamp-red', 'chair-ash']);
});

it('does not leave out a row without a word that --unique cannot judge or that cannot be read', async () => {
  const files = { 'x.csv': 'sku,t\na,1\n,2\nb\na,3\n' };
  const compiled = await compileFiles(files, {
    ...options,
    prompt: '{{t}}',
    id: 'sku',
    unique: 'SKU',
  });
  expect(faultsOf(compiled)).toEqual(['3 SKU empty_value', '4 t empty_value']);
  expect(compiled.counts).toMatchObject({ rows: 3, briefs: 1, rejected: 2, leftOut: 1 });
});

it('says so where no row is left, and where a column is not there', async () => {
  const none = compileFiles({ 'x.csv': shop }, { ...options, where: ['status = sold'] });
  expect(await badInputOf(none)).toMatch(
    /No row is left .* 6 rows left out: --where "status = sold" holds for no row: "status" is "active", empty, "draft"$/,
  );
  const misspelt = compileFiles(
    { 'x.csv': shop },
    { ...options, where: ['Statsu = sold'], unique: 'Handel', fillDown: ['Titel'] },
  );
  const message = await badInputOf(misspelt);
  expect(message).toMatch(/--where needs a column "Statsu".*"Status"/);
  expect(message).toMatch(/--unique needs a column "Handel".*"Handle"/);
  expect(message).toMatch(/--fill-down needs a column "Titel".*"Title"/);
});

it('limits the rows that are not left out, then samples them', async () => {
  const lines = Array.from({ length: 100 }, (_, at) => `${at},${at % 2 ? 'odd' : 'even'}`);
  const files = {
    'a.csv': `id,kind\n${lines.slice(0, 60).join('\n')}\n`,
    'b.csv': `id,kind\n${lines.slice(60).join('\n')}\n`,
  };
  const given = { model: 'z-image', prompt: '{{kind}}', where: ['kind = even'] };
  const limited = await compileFiles(files, { ...given, limit: 3 });
  expect(limited.briefs.map(({ id }) => id)).toEqual(['0', '2', '4']);
  const sampled = await compileFiles(files, { ...given, sample: 5 });
  expect(sampled.briefs.map(({ id }) => id)).toEqual(['10', '30', '50', '70', '90']);
  expect(sampled.counts).toMatchObject({ rows: 5, leftOut: 95 });
  const both = await compileFiles(files, { ...given, limit: 10, sample: 2 });
  expect(both.briefs.map(({ id }) => id)).toEqual(['4', '14']);
  const all = await compileFiles(files, { ...given, sample: 1000 });
  expect(all.briefs).toHaveLength(50);
});

it('tells the fault of a file once, sampled or not', async () => {
  const files = { 'a.csv': 'id,kind\n"1,x\n', 'b.csv': 'id,kind\n1,x\n' };
  const message = await badInputOf(compileFiles(files, { ...options, sample: 1 }));
  expect(message.match(/never closed/g)).toHaveLength(1);
});

it('picks exactly as many as were asked for, in every part of the input', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 500 }),
      (total, count) => {
        const sample = new Sample(total, count);
        const picked = Array.from({ length: total }, () => sample.takesNext());
        expect(picked.filter(Boolean)).toHaveLength(Math.min(total, count));
        if (count >= 2 && total >= 2 * count)
          expect(picked.indexOf(true)).toBeLessThan(total / count);
      },
    ),
  );
});
