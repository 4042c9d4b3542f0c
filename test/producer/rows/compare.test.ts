import { describe, expect, it } from 'vitest';
import type { OutputOption } from '../../../src/producer/options.js';
import type { JsonObject, JsonValue } from '../../../src/shared/json.js';
import { badInputOf, compileFiles } from '../compile-files.js';
import { refusalOf } from '../template/fill.js';

/** Absent from its row, as a key that a JSON item does not have. */
const absent = Symbol('absent');

type Case = [cell: JsonValue | typeof absent, comparison: string, value: string, holds: boolean];

const cases: Case[] = [
  // Case.
  ['desk lamp', '=', 'Desk Lamp', true],
  ['DESK LAMP', '=', 'desk lamp', true],
  ['Größe', '=', 'GRÖSSE', false],
  ['GRÖẞE', '=', 'größe', true],
  ['Desk Lamp', '!=', 'desk lamp', false],
  ['Desk, LAMPS', 'contains', 'lamp', true],
  ['chair', 'contains', 'lamp', false],
  // TRUE is true, however it came.
  ['TRUE', '=', 'true', true],
  ['True', '=', 'true', true],
  [true, '=', 'TRUE', true],
  [false, '=', 'false', true],
  ['FALSE', '=', 'true', false],
  ['1', '=', 'true', false],
  // What nobody sees: blanks at the ends, however wide, and how a letter is put together.
  ['  desk lamp ', '=', 'desk lamp', true],
  ['desk lamp\u00a0', '=', 'desk lamp', true],
  ['\u200bdesk lamp', '=', 'desk lamp', true],
  ['desk  lamp', '=', 'desk lamp', false],
  ['cafe\u0301', '=', 'caf\u00e9', true],
  ['an old cafe\u0301', 'contains', 'Caf\u00e9', true],
  // Numbers are the same however they are written.
  ['1', '=', '1.0', true],
  ['5.00', '=', '5', true],
  [' 49.90 ', '=', '49.9', true],
  [5, '=', '5.0', true],
  ['+5', '=', '5', true],
  ['-0.5', '=', '-.5', true],
  ['007', '=', '7', true],
  ['5', '!=', '5.0', false],
  ['49.90', '!=', '50', true],
  ['5 cm', '=', '5', false],
  ['1,5', '=', '1.5', false],
  ['0x10', '=', '16', false],
  ['1E3', '=', '1000', false],
  ['12E3', '=', '12e3', true],
  ['12345678901234567890', '=', '12345678901234567891', false],
  ['12345678901234567890', '=', '12345678901234567890', true],
  // Above and below.
  ['10', '>', '9.5', true],
  ['9', '>', '10', false],
  [10, '>=', '10.0', true],
  ['10.0', '<=', '10', true],
  ['10', '<', '10', false],
  ['-1', '<', '0', true],
  ['on request', '>', '9', false],
  ['on request', '<=', '9', false],
  ['', '<', '9', false],
  [absent, '<', '9', false],
  [true, '>', '0', false],
  ['2026-05-02', '>', '2026-05-01', true],
  ['2026-05-01T12:00:00Z', '>', '2026-05-01', true],
  ['2026-05-01 08:00', '<', '2026-05-01T12:00', true],
  ['2026-04', '<', '2026-05-01', true],
  ['2026', '<', '2026-05-01', false],
  ['May 2026', '<', '2026-05-01', false],
  // Empty: nothing, only blanks, a key that is not there, a list of nothing.
  ['', '=', '', true],
  ['   ', '=', '', true],
  ['\u00a0\u200b', '=', '', true],
  [absent, '=', '', true],
  [null, '=', '', true],
  [[], '=', '', true],
  [['', ' '], '=', '', true],
  ['x', '=', '', false],
  [0, '=', '', false],
  [false, '=', '', false],
  ['', '!=', 'active', true],
  [absent, '!=', 'active', true],
  ['', '!=', '', false],
  ['', 'contains', 'x', false],
  ['x', 'contains', '', false],
  // Lists and objects have no text.
  [['desk', 'Lamp'], 'contains', 'lamp', true],
  [['desk lamp'], 'contains', 'lamp', false],
  [['1', 'x'], 'contains', '1.0', true],
  [['a'], '=', 'a', false],
  [{ a: 1 }, '=', 'a', false],
  [{ a: 1 }, '!=', '', true],
];

/** A column alone, and with a `!` before it. */
const alone: [cell: JsonValue | typeof absent, isGiven: boolean][] = [
  ['red', true],
  [' ', false],
  ['\u200b', false],
  ['', false],
  [absent, false],
  [null, false],
  [[], false],
  [[''], false],
  [['a'], true],
  [{ a: 1 }, true],
  ['FALSE', true],
  [false, false],
  [true, true],
  ['0', true],
  [0, true],
];

const options = { model: 'z-image', id: 'sku' };

function output(says: Partial<OutputOption>): OutputOption {
  const none = { name: 'x', model: null, prompt: 'A picture', params: [], variants: null };
  return { ...none, references: null, when: [], after: [], approve: false, ...says };
}

/** The prompts that an input makes, by id; none where its only row is left out. */
async function promptsOf(
  item: JsonObject,
  given: Parameters<typeof compileFiles>[1],
): Promise<Map<string, string>> {
  const compiling = compileFiles({ 'x.json': JSON.stringify([item]) }, { ...options, ...given });
  const briefs = await compiling.then(
    (compiled) => compiled.briefs,
    (error: Error) => {
      if (error.message.startsWith('No row is left')) return [];
      throw error;
    },
  );
  return new Map(briefs.map(({ id, body }) => [id, JSON.parse(body).prompt]));
}

/** What each way says of one row. */
async function askAll(
  cell: JsonValue | typeof absent,
  condition: string,
  inTemplate: readonly string[],
): Promise<Record<string, boolean>> {
  const item: JsonObject = cell === absent ? { sku: '1' } : { sku: '1', title: cell };
  const where = await promptsOf(item, { prompt: 'A picture', where: [condition] });
  const others = await promptsOf(item, {
    outputs: [
      output({ name: 'when', when: [condition] }),
      ...inTemplate.map((text, index) =>
        output({
          name: `if${index}`,
          prompt: `It is {% if ${text} %}so{% else %}not so{% endif %}`,
        }),
      ),
    ],
  });
  const said = inTemplate.map(
    (text, at) => [text, others.get(`1/if${at}`) === 'It is so'] as const,
  );
  return {
    '--where': where.has('1'),
    when: others.has('1/when') || others.has('1'),
    ...Object.fromEntries(said),
  };
}

/** The ways in which a value can be written in a template. */
function literals(value: string): string[] {
  const bare = /^(true|false|[+-]?\d*\.?\d+)$/.test(value) ? [value] : [];
  return [`"${value}"`, ...(value === '' ? ['blank'] : bare)];
}

describe('--where, when and {% if %} say the same', () => {
  it.each(cases)('of %j %s %j: %s', async (cell, operator, value, holds) => {
    const inTemplate = literals(value).map(
      (literal) => `title ${operator === '=' ? '==' : operator} ${literal}`,
    );
    const said = await askAll(cell, `title ${operator} ${value}`, inTemplate);
    expect(said).toEqual(Object.fromEntries(Object.keys(said).map((way) => [way, holds])));
  });

  it.each(alone)('of %j alone: %s', async (cell, isGiven) => {
    const said = await askAll(cell, 'title', ['title']);
    expect(said).toEqual({ '--where': isGiven, when: isGiven, title: isGiven });
    const denied = await askAll(cell, '!title', []);
    expect(denied).toEqual({ '--where': !isGiven, when: !isGiven });
  });

  it('of a case in a template, as of a comparison', async () => {
    const prompt =
      'A{% case title %} b {% when "desk lamp", 5 or true %}c{% when "" %}d{% else %}e{% endcase %}';
    const items = [' DESK lamp', '5.0', 'TRUE', ' ', 'rug'].map((title, at) => ({
      sku: `${at}`,
      title,
    }));
    const { briefs } = await compileFiles(
      { 'x.json': JSON.stringify(items) },
      { ...options, prompt },
    );
    expect(briefs.map(({ body }) => JSON.parse(body).prompt)).toEqual([
      'Ac',
      'Ac',
      'Ac',
      'Ad',
      'Ae',
    ]);
  });

  it.each(['cheap', '1,000', '10 EUR', ''])('refuse %j as a bound', async (value) => {
    const reason = `"${value}" is neither a number nor a date such as 2026-05-01, and > compares only those`;
    const files = { 'x.csv': 'sku,price\n1,5\n' };
    const where = [`price > ${value}`];
    expect(
      await badInputOf(compileFiles(files, { ...options, prompt: 'A picture', where })),
    ).toContain(reason);
    const outputs = [output({ when: where })];
    expect(await badInputOf(compileFiles(files, { ...options, outputs }))).toContain(reason);
    expect(refusalOf(`{% if price > "${value}" %}x{% endif %}`)).toContain(reason);
  });
});
