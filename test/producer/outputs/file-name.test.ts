import { expect, it } from 'vitest';
import { badInputOf, compileFiles, faultsOf } from '../compile-files.js';

const options = { id: 'sku', model: 'z-image', prompt: 'x' };
const csv = 'sku,Title,n\n1,Mug,9\n2,,9\n';

async function namesOf(fileName: string, variants: number, content = csv) {
  const compiled = await compileFiles({ 'a.csv': content }, { ...options, fileName, variants });
  return compiled.briefs.map(({ id, origin }) => `${id} ${origin.name}`);
}

it('numbers the pictures of each name, whatever a column n holds', async () => {
  expect(await namesOf('{{ sku }}-{{n}}', 2)).toEqual(['1/1 1-1', '1/2 1-2', '2/1 2-1', '2/2 2-2']);
  expect(await namesOf('{{n}}-{{ Title | default: sku | lower }}', 1)).toEqual([
    '1 1-mug',
    '2 1-2',
  ]);
});

it('counts on over rows of the same name, and not those that are rejected or repeated', async () => {
  const content = 'sku,Title\na,Mug\nb,mug\nb,mug\nc,Bowl\nd,\ne,Mug\n';
  expect(await namesOf('{{Title}}-{{n}}', 1, content)).toEqual([
    'a Mug-1',
    'b mug-2',
    'c Bowl-1',
    'e Mug-3',
  ]);
});

it('is the same for every picture where it has no number, and the id where it says nothing', async () => {
  expect(await namesOf('{{sku}}', 2)).toEqual(['1/1 1', '1/2 1', '2/1 2', '2/2 2']);
  expect(await namesOf('{{ Title | default: "" }}', 1)).toEqual(['1 Mug', '2 undefined']);
});

it('is no part of the content', async () => {
  const [plain, named] = await Promise.all([
    compileFiles({ 'a.csv': csv }, options),
    compileFiles({ 'a.csv': csv }, { ...options, fileName: '{{sku}}-{{n}}' }),
  ]);
  expect(named.briefs.map(({ fingerprint, body }) => ({ fingerprint, body }))).toEqual(
    plain.briefs.map(({ fingerprint, body }) => ({ fingerprint, body })),
  );
  expect(plain.briefs[0]?.origin).not.toHaveProperty('name');
});

it('puts the number nowhere else', async () => {
  const json = JSON.stringify([{ id: 'a', title: 'x\u0000"y\\', more: '\u0000' }]);
  const compiled = await compileFiles(
    { 'a.json': json },
    { model: 'z-image', prompt: 'x', fileName: '{{title}}-{{n}}', variants: 2 },
  );
  expect(compiled.briefs.map(({ origin }) => origin.name)).toEqual(['x "y\\-1', 'x "y\\-2']);
  expect(compiled.briefs[0]?.origin.input).toEqual({ title: 'x\u0000"y\\', more: '\u0000' });
});

it('rejects a row without what it needs, and a file without the column', async () => {
  const compiled = await compileFiles({ 'a.csv': csv }, { ...options, fileName: '{{Title}}' });
  expect(faultsOf(compiled)).toEqual(['3 Title empty_value']);
  const missing = compileFiles({ 'a.csv': csv }, { ...options, fileName: '{{Titel}}-{{n}}' });
  expect(await badInputOf(missing)).toContain('--name needs a column "Titel"');
});
