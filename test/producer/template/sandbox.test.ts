import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellText, isBlank } from '../../../src/producer/rows/cell-text.js';
import { parseTemplate } from '../../../src/producer/template/template.js';
import { BatchError } from '../../../src/shared/errors.js';
import type { JsonObject } from '../../../src/shared/json.js';
import { fill, refusalOf } from './fill.js';

const inherited = [
  'constructor',
  '__proto__',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
];

describe('a template has nothing but its row', () => {
  it.each([
    'include',
    'render',
    'layout',
    'block',
    'for',
    'tablerow',
    'capture',
    'assign',
    'increment',
    'decrement',
    'cycle',
    'echo',
    'liquid',
    'break',
    'inline',
    'constructor',
    'toString',
  ])('has no tag %s', (name) => {
    expect(refusalOf(`{% ${name} x %}`)).toContain(`there is no tag "${name}"`);
  });

  it.each(inherited)('a column named %s is a column', (name) => {
    const item = JSON.parse(`{"${name}": "own"}`) as JsonObject;
    expect(fill(`{{${name}}}`, item).text).toBe('own');
    expect(fill(`{{ ${name} | trim }}`, item).text).toBe('own');
    expect(fill(`{% if ${name} == "own" %}{{ ${name} }}{% endif %}`, item).text).toBe('own');
    expect(fill(`{{ ${name} | trim }}`, {}).faults).toMatchObject([{ kind: 'empty_value' }]);
    expect(fill(`{{ a.${name} | default: "none" }}`, { a: {}, b: [] }).text).toBe('none');
    expect(fill(`{{ ${name} | default: "none" }}`, { a: 1 }).text).toBe('none');
    expect(refusalOf(`{{ a | trim | ${name} }}`)).toContain('there is no filter');
  });

  it('reaches neither its own names nor those of the engine', () => {
    for (const name of ['c0', 'v0', 'progress', 'globals', 'context', 'liquid', 'forloop']) {
      expect(fill(`{{ a | trim }}{{ ${name} | default: "none" }}`, { a: 'x' }).text).toBe('xnone');
    }
  });

  it('reads no value as a template', () => {
    const value = '{{b}}{% if a %}{% include "x" %}{% endraw %}';
    expect(fill('{{ a | trim }}{% if a %}{{a}}{% endif %}', { a: value, b: 'no' }).text).toBe(
      value + value,
    );
    expect(fill('{{ b | default: a }}', { a: value }).text).toBe(value);
  });

  it('reads no literal as anything else', () => {
    expect(fill('{{ a | append: "{{ a | upper }}" }}', { a: 'x' }).text).toBe('x{{ a | upper }}');
  });

  it('is not kept busy by a long template', () => {
    const many = 20_000;
    expect(fill('{{ a | upper }}'.repeat(many), { a: 'x' }).text).toHaveLength(many);
    const nested = 500;
    const template = `${'{% if a %}'.repeat(nested)}x${'{% endif %}'.repeat(nested)}`;
    expect(fill(template, { a: 'x' }).text).toBe('x');
    for (const part of [
      '{{',
      '{%',
      '{{ a |',
      '{{ a | default: "',
      '{% if "',
      '{% if a ',
      '["',
      "'",
    ]) {
      expect(() => fill(part.repeat(many), { a: 'x' })).not.toThrow(TypeError);
    }
  });
});

/** JSON keys are told apart as they are; a table's are trimmed before. */
const header = fc
  .string({ unit: 'grapheme', minLength: 1 })
  .map((text) => text.trim())
  .filter((text) => text !== '');
/** As a cell's text is: what nobody sees at its ends is none of it. */
const value = fc
  .string({ unit: 'grapheme', minLength: 1 })
  .map(cellText)
  .filter((text) => !isBlank(text));

describe('any header and any value', () => {
  it('a plain hole gives back exactly the value', () => {
    const plain = header.filter((name) => !/\}|^\[/.test(name));
    fc.assert(
      fc.property(plain, value, (name, text) => {
        const item = Object.fromEntries([[name, text]]);
        expect(fill(`{{${name}}}`, item)).toEqual({ text, faults: [] });
      }),
    );
  });

  it('in brackets, any name at all can be written, in holes and in conditions', () => {
    fc.assert(
      fc.property(header, value, (name, text) => {
        const written = `["${name.replace(/["\\]/g, '\\$&')}"]`;
        const item = Object.fromEntries([[name, text]]);
        expect(fill(`{{${written}}}`, item)).toEqual({ text, faults: [] });
        expect(fill(`{{ ${written} | default: "x" }}`, item)).toEqual({ text, faults: [] });
        if (name.includes('%}')) return;
        expect(fill(`{% if ${written} %}{{ ${written} }}{% endif %}`, item).text).toBe(text);
      }),
    );
  });

  it('any template is taken, or refused with a sentence', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '{{',
        '}}',
        '{%',
        '%}',
        '-%}',
        '{%-',
        'if ',
        'a',
        '|',
        'upper',
        'default:',
        '"',
        "'",
        '["',
        '"]',
        ' and ',
        '==',
        ',',
        'case ',
        'when ',
        'else',
        'endif',
        'endcase',
        'raw',
        'endraw',
        'comment',
        '\\',
        '\n',
        '{',
        '}',
        'c0',
        '(',
        '..',
        '[0]',
        '__proto__',
        'constructor',
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const template = pieces.join('');
        try {
          parseTemplate(template, '--prompt');
        } catch (error) {
          expect(error).toBeInstanceOf(BatchError);
          expect((error as BatchError).message).not.toContain('cannot be read');
          return;
        }
        const { text, faults } = fill(template, { a: 'x' });
        expect(text === null).toBe(faults.length > 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
