import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/shared/json.js';
import { fill, refusalOf } from './fill.js';

const row: JsonObject = {
  Color: 'red',
  Empty: '',
  Spaces: '  ',
  'Title (en)': 'x',
  'Variant Price': '49.90',
  Published: 'TRUE',
  'Option1 Name': 'Größe in cm',
  "Maker's mark": 'yes',
  'Care and cleaning': 'wipe',
  'A|B': 'bar',
  '2024': 'year',
  tags: ['a', 'b'],
  none: [],
  flag: false,
  n: 5,
};

function isMet(condition: string): boolean {
  return fill(`{% if ${condition} %}yes{% endif %}`, row).text === 'yes';
}

describe('conditions', () => {
  it.each([
    'Color',
    'Color == "red"',
    "Color == 'red'",
    'Title (en) == "x"',
    'Title (en)=="x" and Color != "blue"',
    'Empty == ""',
    'Empty == blank',
    'Spaces == empty',
    'Missing == nil',
    'Color != ""',
    'Empty or Color',
    'Variant Price > 50 or Variant Price < 50',
    'Variant Price >= 49.9',
    'Variant Price == 49.9',
    'Published == true',
    'flag == false',
    'n == 5',
    'n <> 6',
    'Option1 Name contains "Größe"',
    'tags contains "b"',
    "Maker's mark",
    '["Maker\'s mark"] == "yes"',
    '["Care and cleaning"] == "wipe"',
    '["A|B"] == "bar" and ["2024"] == \'year\'',
    'Color == ["Color"]',
  ])('%s is met', (condition) => {
    expect(isMet(condition)).toBe(true);
  });

  it.each([
    'Empty',
    'Spaces',
    'Missing',
    'none',
    'flag',
    'Color == "blue"',
    'Color and Empty',
    'Variant Price > 50',
    'Color > 5',
    'Color == 5',
    'Published == false',
    'tags contains "c"',
    'Empty contains "x"',
    'Color == ""',
    'n < 5',
  ])('%s is not met', (condition) => {
    expect(isMet(condition)).toBe(false);
  });

  it('chooses one branch, and needs nothing inside the others', () => {
    const template =
      'A mug{% if Color %} in {{Color}}{% elsif Empty %}{{Empty}}{% else %}{{Missing}}{% endif %}';
    expect(fill(template, row)).toEqual({ text: 'A mug in red', faults: [] });
    expect(fill(template, {}).faults).toMatchObject([{ kind: 'empty_value', column: 'Missing' }]);
  });

  it.each([
    ['{% unless Empty %}x{% else %}y{% endunless %}', 'x'],
    ['{% case Color %}{% when "blue", "red" %}warm{% else %}cold{% endcase %}', 'warm'],
    ['{% case Color %}{% when "blue" or "green" %}warm{% else %}cold{% endcase %}', 'cold'],
    ['{% case Variant Price %} {% when 49.90 %}x{% endcase %}!', 'x!'],
    ['{% case Published %}{% when true %}x{% endcase %}', 'x'],
    ['{% case Empty %}{% when "" %}nothing{% endcase %}', 'nothing'],
    ['{% case n %}{% when 5 %}five{% endcase %}', 'five'],
    ['a{% comment %} {{ {% if %} {% endcomment %}b{% # note %}c', 'abc'],
    ['a{% raw %}{{Color}} {% if %}{{% endraw %}{{Color}}', 'a{{Color}} {% if %}{red'],
    ['a {%- if Color -%} b {%- endif -%} c', 'abc'],
    ['{% if Color %}{% if Empty %}{{Empty}}{% endif %}{{ Color | upper }}{% endif %}', 'RED'],
  ])('%s', (template, text) => {
    expect(fill(template, row)).toEqual({ text, faults: [] });
  });

  it.each([
    ['{% if Color %}', 'a "{% if %}" has no "{% endif %}" (character 1).'],
    ['x\ny{% endif %}', '"{% endif %}" ends no "{% if %}" (line 2, character 2).'],
    ['{% if a %}{% endunless %}', '"{% endunless %}" ends no "{% unless %}"'],
    ['{% else %}', '"{% else %}" stands outside of "{% if %}"'],
    ['{% if a %}{% else %}{% elsif b %}{% endif %}', 'stands behind "{% else %}"'],
    ['{% when "x" %}', '"{% when %}" stands outside of "{% case %}"'],
    ['{% case a %}{% endcase %}', 'has no "{% when %}"'],
    ['{% case a %}{% else %}{% endcase %}', 'before the first "{% when %}"'],
    ['{% if %}x{% endif %}', 'something is missing in it (character 1).'],
    ['{% if a == %}x{% endif %}', 'something is missing in it'],
    ['{% if a | upper == "X" %}x{% endif %}', 'a filter cannot stand in a condition'],
    ['{% if a %}x{% endif b %}', 'takes nothing behind it'],
    ['{% if a', 'a "{%" has no closing "%}"'],
    ['{% raw %}x', 'a "{% raw %}" has no "{% endraw %}"'],
    ['{% %}', 'there is no tag ""'],
  ])('%s is refused', (template, reason) => {
    expect(refusalOf(template)).toContain(reason);
  });
});
