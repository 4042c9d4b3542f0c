import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBlank, trimCell } from '../../../src/producer/rows/cell-text.js';
import { readJsonRow } from '../../../src/producer/sources/read-json.js';
import { fillDraft, type StepResult } from '../../../src/producer/steps/fill-draft.js';
import type { NameReader } from '../../../src/producer/template/scan.js';
import {
  parseTemplate,
  renderTemplate,
  renderText,
} from '../../../src/producer/template/template.js';
import type { Model } from '../../../src/rivya/outcome.js';
import type { Draft } from '../../../src/shared/draft.js';
import type { JsonObject } from '../../../src/shared/json.js';
import { models } from '../compile-files.js';

const draft: Draft = {
  endpoint: 'generations',
  model: 'ideogram-v3',
  prompt: ['Lamp: ', { output: 'caption', text: [] }],
  params: {},
  texts: {},
  references: [],
};

const png = {
  sha256: 'ab'.repeat(32),
  path: '/srv/out/assets/still.png',
  bytes: 900,
  mediaType: 'image/png',
  name: 'still.png',
};

function results(given: Record<string, StepResult>) {
  return new Map(Object.entries(given));
}

function modelOf(id: string, facts: Partial<Model> = {}): Model {
  const model = models.find((one) => one.id === id);
  if (model === undefined) throw new Error(`there is no ${id}`);
  return { ...model, ...facts };
}

const imagesAlone = { referenceMedia: { maxFiles: 1, fileKinds: ['image'], limits: [] } };

describe('a draft', () => {
  it('takes texts into its prompt and params, which get their types', () => {
    const filled = fillDraft(
      { ...draft, texts: { seed: [{ output: 'number', text: [['plus', 1]] }] } },
      results({ caption: { text: ' A lamp of brass.\n' }, number: { text: '6' } }),
      modelOf('ideogram-v3'),
    );
    expect(filled).toEqual({
      kind: 'filled',
      content: {
        endpoint: 'generations',
        model: 'ideogram-v3',
        prompt: 'Lamp: A lamp of brass.',
        params: { seed: 7 },
        media: [],
      },
      files: [],
    });
  });

  it('takes files by their content, in the order of its references', () => {
    const url = 'https://a.example/lamp.png';
    const references: Draft['references'] = [
      { output: 'still', file: true },
      { url, kind: 'image' },
    ];
    const given = results({ caption: { text: 'x' }, still: { file: png } });
    expect(fillDraft({ ...draft, references }, given, undefined)).toMatchObject({
      kind: 'filled',
      content: {
        media: [
          { url: `sha256:${png.sha256}`, kind: 'image' },
          { url, kind: 'image' },
        ],
      },
      files: [png],
    });
  });

  it.each<[string, Partial<Draft>, Record<string, StepResult>, Partial<Model>, object]>([
    [
      'a prompt that has become too long',
      {},
      { caption: { text: 'x'.repeat(95) } },
      { maxPromptLength: 100 },
      {
        code: 'prompt_too_long',
        reason: 'the prompt has 101 characters, and ideogram-v3 takes at most 100',
      },
    ],
    [
      'an answer that says nothing',
      {},
      { caption: { text: ' \n' } },
      {},
      {
        code: 'empty_value',
        reason: '"outputs.caption.text" is empty, and a template needs it',
      },
    ],
    [
      'a text that is no number',
      { prompt: ['x'], texts: { seed: [{ output: 'caption', text: [] }] } },
      { caption: { text: 'seven' } },
      {},
      { code: 'not_a_number', reason: 'param seed must be a number, and "seven" is not' },
    ],
    [
      'a filter that cannot take the text',
      { prompt: [{ output: 'caption', text: [['plus', 1]] }] },
      { caption: { text: 'seven' } },
      {},
      { code: 'not_a_number', reason: '"outputs.caption.text": "seven" is not a number' },
    ],
    [
      'a file of a kind that the model does not take',
      { references: [{ output: 'film', file: true }] },
      { caption: { text: 'x' }, film: { file: { ...png, mediaType: 'video/mp4' } } },
      imagesAlone,
      {
        code: 'bad_reference',
        reason: 'the file of film is a video, and ideogram-v3 takes only image references',
      },
    ],
    [
      'a file that is none of a reference',
      { references: [{ output: 'film', file: true }] },
      { caption: { text: 'x' }, film: { file: { ...png, mediaType: 'model/gltf-binary' } } },
      {},
      {
        code: 'bad_reference',
        reason: 'the file of film is model/gltf-binary by its content: no image, video or audio',
      },
    ],
    [
      'a text where a file is wanted',
      { references: [{ output: 'caption', file: true }] },
      { caption: { text: 'x' } },
      {},
      { code: 'bad_reference', reason: 'caption made no file' },
    ],
    [
      'a file where a text is wanted',
      {},
      { caption: { file: png } },
      {},
      { code: 'wrong_type', reason: 'caption made no text' },
    ],
    [
      'a result that nobody has',
      { prompt: ['x'], references: [{ output: 'still', file: true }] },
      {},
      {},
      { code: 'bad_reference', reason: 'still made no file' },
    ],
  ])('refuses %s', (_what, patch, given, facts, refusal) => {
    const filled = fillDraft({ ...draft, ...patch }, results(given), modelOf('ideogram-v3', facts));
    expect(filled).toEqual({ kind: 'refused', ...refusal });
  });
});

describe('a template with results', () => {
  const names: NameReader = (name) => {
    const output = /^outputs\.(.+)\.text$/.exec(name)?.[1];
    return output === undefined
      ? { kind: 'column' }
      : { kind: 'output', of: { output, field: 'text' } };
  };

  const piece = fc.oneof(
    fc.constantFrom(
      '{{ outputs.a.text }}',
      '{{ outputs.b.text | upper | truncate: 9, "" }}',
      '{{ outputs.a.text | replace: "a", "{{ b }}" | default: "none" }}',
      '{{ title }}',
      '{{ title | append: "!" }}',
      '{% if title contains "a" %}{{ outputs.b.text }}{% else %}{{ note | default: "-" }}{% endif %}',
      '{% raw %}{{ outputs.a.text }}{% endraw %}',
      ' {%- if note %} x {% endif -%} ',
    ),
    fc.string({ unit: 'grapheme' }).filter((text) => !/[{}]/.test(text)),
    fc.constantFrom('\uffff0;', '\uffff', '\uffffe', '{x', '}'),
  );
  const cell = fc
    .oneof(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.constantFrom('{{ outputs.a.text }}', '{% if x %}', '\uffff0;', '{{title}}', 'a\uffffe'),
    )
    .filter((text) => !isBlank(text))
    .map(trimCell);

  it('is filled as if the results had stood in the row', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), cell, cell, cell, cell, (pieces, ...cells) => {
        const [title, note, a, b] = cells;
        const written = pieces.join('');
        const item: JsonObject = { title, note, 'outputs.a.text': a, 'outputs.b.text': b };
        const row = readJsonRow(item, 1);
        if (row.kind === 'unreadable') throw new Error('not a row');
        const whole = renderTemplate(parseTemplate(written, '--prompt'), row, []);
        const part = renderText(parseTemplate(written, '--prompt', 'keep', names), row, []);
        const prompt = typeof part === 'string' ? [part] : part;
        const filled = fillDraft(
          { ...draft, prompt },
          results({ a: { text: a }, b: { text: b } }),
          undefined,
        );
        const text = filled.kind === 'filled' ? filled.content.prompt : null;
        expect(text).toBe(whole === null || isBlank(whole) ? null : whole);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps what a row says, whatever it looks like', () => {
    const row = readJsonRow({ title: '{{ outputs.a.text }} {% if x %} \uffff0;' }, 1);
    if (row.kind === 'unreadable') throw new Error('not a row');
    const template = parseTemplate(
      '{{ title | append: "" }}|{{ outputs.a.text }}',
      '--prompt',
      'keep',
      names,
    );
    expect(renderText(template, row, [])).toEqual([
      '{{ outputs.a.text }} {% if x %} \uffff0;|',
      { output: 'a', text: [] },
    ]);
    expect(renderTemplate(parseTemplate('{{title}}', '--prompt'), row, [])).toContain('\uffff0;');
  });
});
