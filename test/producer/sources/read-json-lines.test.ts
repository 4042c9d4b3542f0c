import { expect, it } from 'vitest';
import { badInputOf, compileFiles, faultsOf } from '../compile-files.js';

const line = (id: string) => JSON.stringify({ id, model: 'z-image', prompt: `lamp ${id}` });

it('numbers rows by lines of the file, blank ones counted', async () => {
  const content = `\ufeff${line('a')}\r\n\r\n  \n${line('b')}\n${line('é')}`;
  const { briefs } = await compileFiles({ 'x.jsonl': content });
  expect(briefs.map(({ id, origin }) => [id, origin.row])).toEqual([
    ['a', 1],
    ['b', 4],
    ['é', 5],
  ]);
});

it('rejects a line that is not JSON and goes on', async () => {
  const content = `${line('a')}\n{"id": oops}\n[1]\n7\n${line('b')}\n`;
  const compiled = await compileFiles({ 'x.ndjson': content });
  expect(faultsOf(compiled)).toEqual(['2 - not_json', '3 - not_an_object', '4 - not_an_object']);
  expect(compiled.rejections[0]?.reason).toBe('the line is not JSON (column 8: unexpected oops)');
  expect(compiled.counts).toEqual({ rows: 5, briefs: 2, rejected: 3, duplicates: 0, leftOut: 0 });
});

it('puts lines together that are cut by reads', async () => {
  const ids = Array.from({ length: 9000 }, (_, position) => `猫${position}`);
  const { briefs } = await compileFiles({ 'x.jsonl': ids.map(line).join('\n') });
  expect(briefs.map(({ id }) => id)).toEqual(ids);
});

it('refuses a line that is no brief by its sheer size', async () => {
  const content = `${line('a')}\n{"x":"${'y'.repeat(17 * 1024 * 1024)}"}`;
  expect(await badInputOf(compileFiles({ 'x.jsonl': content }))).toMatch(/line 2 is larger than/);
});

it('keeps the input of neighbours with other keys apart', async () => {
  const own = '"model":"z-image","prompt":"p"';
  const content = `{${own},"id":"1","a":1}\n{${own},"id":"2","b":2}\n{${own},"id":"3","params.a":3}\n`;
  const { briefs } = await compileFiles({ 'x.jsonl': content });
  expect(briefs.map(({ origin }) => origin.input)).toEqual([{ a: 1 }, { b: 2 }, {}]);
  expect(briefs[2]?.body).toContain('"params":{"a":3}');
});

it('knows a column that only some lines have', async () => {
  const content = `${line('a')}\n{"model":"z-image","prompt":"x","title":"T"}\n`;
  const compiled = await compileFiles({ 'x.jsonl': content }, { prompt: 'of {{title}}' });
  expect(faultsOf(compiled)).toEqual(['1 title empty_value']);
  expect(compiled.briefs).toHaveLength(1);
});

it('reports a column that no line has once, for the file', async () => {
  const content = `${line('a')}\n{"model":"z-image","product":{"title":"T"}}\n`;
  const options = { prompt: 'of {{titel}} {{product.title}} {{product.color}}' };
  const sentences = (await badInputOf(compileFiles({ 'x.jsonl': content }, options))).split('\n');
  expect(sentences).toHaveLength(2);
  expect(sentences[0]).toMatch(/--prompt needs a column "titel", and there is none/);
  expect(sentences[1]).toMatch(/"product\.color"/);
});
