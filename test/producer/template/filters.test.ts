import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/shared/json.js';
import { fill, refusalOf } from './fill.js';

describe('filters', () => {
  it.each([
    ['{{ a | upper }}', 'straße', 'STRASSE'],
    ['{{ a | upcase | downcase }}', 'Lamp', 'lamp'],
    ['{{ a | lower }}', 'ÄÖÜ', 'äöü'],
    ['{{ a | title }}', 'STONEWARE mug, ÖL 2er-set, maker’s', 'Stoneware Mug, Öl 2er-Set, Maker’s'],
    ['{{ a | capitalize }}', 'two WORDS', 'Two words'],
    ['[{{ a | trim }}]', '  x  ', '[x]'],
    ['[{{ a | lstrip }}]', '  x  ', '[x  ]'],
    ['[{{ a | rstrip }}]', '  x  ', '[  x]'],
    ['{{ a | truncate: 10 }}', 'A lamp of brass', 'A lamp ...'],
    ['{{ a | truncate: 6, "" }}', 'A lamp of brass', 'A lamp'],
    ['{{ a | truncate: 15 }}', 'A lamp of brass', 'A lamp of brass'],
    ['{{ a | truncate: 3, "" }}', '👩‍🚀🚀', '👩‍🚀'],
    ['{{ a | truncatewords: 2 }}', 'A lamp of brass', 'A lamp...'],
    ['{{ a | slice: 0, 2 }}', '🚀bc', '🚀b'],
    ['{{ a | slice: -2, 2 }}', 'abcd', 'cd'],
    ['{{ a | replace: "mp", "b" }}', 'lamp mp', 'lab b'],
    ['{{ a | replace: ".", "$&" }}', 'a.b', 'a$&b'],
    ['{{ a | replace_first: "a", "o" }}', 'aa', 'oa'],
    ['{{ a | remove: "-" }}', 'a-b-c', 'abc'],
    ['{{ a | remove_first: "-" }}', 'a-b-c', 'ab-c'],
    ['{{ a | append: ".jpg" | prepend: "x/" }}', 'a', 'x/a.jpg'],
    ['{{ a | split: "," | first }}', 'red, blue', 'red'],
    ['{{ a | split: "," | last | trim }}', 'red, blue', 'blue'],
    ['{{ a | split: ", " | uniq | join: " + " }}', 'a, b, a', 'a + b'],
    ['{{ a | split: ", " | reverse | join }}', 'a, b', 'b a'],
    ['{{ a | split: "|" | size }}', 'a|b|c', '3'],
    ['{{ a | size }}', '🚀b', '2'],
    ['{{ a | first }}', 'one', 'one'],
    ['{{ a | slugify }}', 'Ein Tisch, groß!', 'ein-tisch-groß'],
    ['{{ a | url_encode }}', 'a b&c', 'a+b%26c'],
    ['{{ a | strip_html }}', '<p>R&amp;D</p>', 'R&D'],
    ['{{ a | strip_newlines }}', 'a\nb', 'ab'],
    ['{{ a | times: 2 | plus: 0.5 | round: 1 }}', '10.25', '21'],
    ['{{ a | minus: 1 | divided_by: 2 | floor }}', '10', '4'],
    ['{{ a | ceil }}', '4.2', '5'],
    [`{{ a | append: ' "x"' }}`, 'a', 'a "x"'],
    ['{{ a | append: "\\"\\n}}|{{" }}', 'a', 'a"\n}}|{{'],
  ])('%s of %j', (template, a, text) => {
    expect(fill(template, { a })).toEqual({ text, faults: [] });
  });

  it.each([
    ['{{ a | default: "lamp" }}', '', 'lamp'],
    ['{{ a | default: "lamp" }}', ' \t', 'lamp'],
    ['{{ a | trim | default: "white" | upper }}', '  ', 'WHITE'],
    ['{{ a | default: "" }}!', '', '!'],
    ['{{ a | default: b }}', null, 'other'],
    ['{{ a | default: "no" }}', false, 'false'],
    ['{{ a | default: "no" }}', 0, '0'],
    ['{{ a | first | default: "none" }}', [], 'none'],
    ['{{ missing | default: "x" }}', 'a', 'x'],
  ])('%s of %j', (template, a, text) => {
    expect(fill(template, { a, b: 'other' })).toEqual({ text, faults: [] });
  });

  it('takes lists of JSON', () => {
    const item = { images: [{ src: 'a.jpg' }, { src: 'b.jpg' }], tags: ['red', 7, true] };
    expect(fill('{{ tags | first }} {{ tags | join: "|" }} {{ tags | size }}', item).text).toBe(
      'red red|7|true 3',
    );
    expect(fill('{{ images.0.src | upper }}', item).text).toBe('A.JPG');
  });

  it.each([
    ['{{ a | upper }}', [1], 'wrong_type', 'a list cannot be put into text'],
    ['{{ a | upper }}', { b: 1 }, 'wrong_type', 'an object cannot be put into text'],
    ['{{ a | first }}', [{ b: 1 }], 'wrong_type', 'an object cannot be put into text'],
    ['{{ a | reverse }}', ['x'], 'wrong_type', 'a list cannot be put into text'],
    ['{{ a | trim }}', 2 ** 60, 'wrong_type', 'too large to be kept exactly'],
    ['{{ a | times: 2 }}', '12,50', 'not_a_number', '"12,50" is not a number'],
    ['{{ a | divided_by: 0 }}', '1', 'not_a_number', 'the result is not a number'],
    ['{{ a | truncate: b }}', 'text', 'not_a_number', '"x" is not a number'],
    ['{{ a | upper }}', '', 'empty_value', 'is empty, and a template needs it'],
    ['{{ a | remove: "x" }}', 'xx', 'empty_value', 'is empty, and a template needs it'],
  ])('%s of %j rejects the row', (template, a, kind, reason) => {
    const { text, faults } = fill(template, { a, b: 'x' } as JsonObject);
    expect(text).toBeNull();
    expect(faults).toMatchObject([
      { kind, column: 'a', reason: expect.stringContaining(reason) as string },
    ]);
  });

  it('names every empty column, and each once', () => {
    const { faults } = fill('{{ a | upper }}{{ b | trim }}{{ a | trim }}{{c}}', { a: '', b: ' ' });
    expect(faults.map(({ kind, column }) => `${kind} ${column}`)).toEqual([
      'empty_value a',
      'empty_value b',
      'empty_value c',
    ]);
  });

  it.each([
    ['{{ a | trim | uper }}', 'there is no filter "uper"; the nearest is "upper" (character 1).'],
    ['x {{ a | default }}', 'the filter "default" takes 1 value, not 0 (character 3).'],
    ['{{ a | upper: 1 }}', 'the filter "upper" takes 0 values, not 1 (character 1).'],
    ['{{ a | default: , }}', 'something is missing in it'],
    ['{{ a | default: "x }}', 'a quote in it is not closed'],
    ['a\n  {{ a | trim | date: "%Y" }}', 'there is no filter "date"'],
    ['{{ a | trim | }}', 'is not a filter'],
  ])('%s is refused with its place', (template, reason) => {
    expect(refusalOf(template)).toMatch(/^--prompt: /);
    expect(refusalOf(template)).toContain(reason);
  });

  it.each(['date', 'sample', 'shuffle', 'map', 'where', 'json', 'raw', 'find', 'sort', 'concat'])(
    'knows no filter %s',
    (name) => {
      expect(refusalOf(`{{ a | trim | ${name} }}`)).toContain(`there is no filter "${name}"`);
    },
  );

  it('is short about a text that no request can hold, and makes none', () => {
    const { text, faults } = fill(`{{ a | replace: "x", b | replace: "x", b }}`, {
      a: 'x'.repeat(10_000),
      b: 'x'.repeat(10_000),
    });
    expect(text).toBeNull();
    expect(faults).toMatchObject([{ kind: 'body_too_large', column: 'a' }]);
    const joined = fill('{{ a | split: "" | join: b | size }}', {
      a: 'x'.repeat(10_000),
      b: 'x'.repeat(10_000),
    });
    expect(joined.faults).toMatchObject([{ kind: 'body_too_large' }]);
  });
});
