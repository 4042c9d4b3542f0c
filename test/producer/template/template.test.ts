import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RowFault } from '../../../src/producer/rejection.js';
import { readJsonRow } from '../../../src/producer/sources/read-json.js';
import { parseTemplate, renderTemplate } from '../../../src/producer/template/template.js';
import type { JsonObject } from '../../../src/shared/json.js';

function render(template: string, item: JsonObject): { text: string | null; faults: RowFault[] } {
  const faults: RowFault[] = [];
  const row = readJsonRow(item, 1);
  if (row.kind === 'unreadable') throw new Error('not a row');
  return { text: renderTemplate(parseTemplate(template, '--prompt'), row, faults), faults };
}

it.each([
  ['Photo of {{Title (en)}}', { 'Title (en)': 'a lamp' }, 'Photo of a lamp'],
  ['{{ 商品名 }}|{{Größe.max}}', { 商品名: '傘', 'Größe.max': 'L' }, '傘|L'],
  ['{one} {{a}}}', { a: 'x' }, '{one} x}'],
  ['{{a}}{{a}}', { a: 'x' }, 'xx'],
  ['no holes', {}, 'no holes'],
  ['{{n}} {{yes}} {{zero}}', { n: 1.5, yes: true, zero: 0 }, '1.5 true 0'],
  ['{{product.title}}', { product: { title: 'Lamp' } }, 'Lamp'],
  ['{{images.0}}', { images: ['first'] }, 'first'],
  ['{{a.b}}', { 'a.b': 'verbatim', a: { b: 'path' } }, 'verbatim'],
])('fills %s', (template, item, expected) => {
  expect(render(template, item as JsonObject)).toEqual({ text: expected, faults: [] });
});

it('never reads a value as a template', () => {
  expect(render('{{a}}', { a: '{{b}}', b: 'no' }).text).toBe('{{b}}');
});

it('gives back any text around any columns', () => {
  const plain = fc.string().filter((text) => !text.includes('{') && !text.includes('}'));
  const column = plain.map((text) => `c${text.trim()}c`);
  const value = fc.string({ minLength: 1 }).filter((text) => text.trim() !== '');
  fc.assert(
    fc.property(fc.array(fc.tuple(plain, column, value)), plain, (holes, end) => {
      const item = Object.fromEntries(holes.map(([, name, filling]) => [name, filling]));
      const template = holes.map(([before, name]) => `${before}{{ ${name} }}`).join('') + end;
      const expected = holes.map(([before, name]) => before + item[name]).join('') + end;
      expect(render(template, item).text).toBe(expected);
    }),
  );
});

it.each([
  [{ a: '' }, 'empty_value'],
  [{ a: ' \t' }, 'empty_value'],
  [{ a: null }, 'empty_value'],
  [{}, 'empty_value'],
  [{ a: { b: 1 } }, 'wrong_type'],
  [{ a: [1] }, 'wrong_type'],
  [{ a: 2 ** 60 }, 'wrong_type'],
])('%j cannot fill a hole', (item, kind) => {
  const { text, faults } = render('x {{a}}', item as JsonObject);
  expect(text).toBeNull();
  expect(faults).toMatchObject([{ kind, column: 'a' }]);
});

it('names every empty column, and each once', () => {
  const { faults } = render('{{a}} {{b}} {{a}}', { a: '', b: '' });
  expect(faults.map(({ column }) => column)).toEqual(['a', 'b']);
});

it.each([['{{a'], ['x {{ }} y'], ['{{a}} {{b']])('refuses %s', (template) => {
  expect(() => parseTemplate(template, '--prompt')).toThrow(/^--prompt: /);
});
