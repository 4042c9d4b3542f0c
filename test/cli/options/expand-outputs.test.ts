import { expect, it } from 'vitest';
import { expandOutputs } from '../../../src/cli/options/recipe.js';

/** Of an output that has nothing to do with the others. */
const alone = { references: null, after: [], approve: false };

it('takes a recipe without lists as options that rows may overrule', () => {
  expect(expandOutputs({ model: 'z-image', params: { ratio: '1:1' } })).toEqual({
    model: 'z-image',
    params: [{ key: 'ratio', template: '1:1' }],
    outputs: [],
  });
  expect(expandOutputs({})).toEqual({ model: null, params: [], outputs: [] });
});

it('makes a brief for each value of each list, and puts the values into the id', () => {
  const { outputs } = expandOutputs({
    model: ['z-image', 'qwen-image'],
    params: { ratio: ['1:1', '16:9'], seed: '7' },
  });
  expect(
    outputs.map(({ name, model, params }) => [
      name,
      model,
      ...params.map((param) => param.template),
    ]),
  ).toEqual([
    ['z-image/1-1', 'z-image', '1:1', '7'],
    ['z-image/16-9', 'z-image', '16:9', '7'],
    ['qwen-image/1-1', 'qwen-image', '1:1', '7'],
    ['qwen-image/16-9', 'qwen-image', '16:9', '7'],
  ]);
});

it('lets an output say its own, and gives it the rest of what is said for all', () => {
  const { outputs, model } = expandOutputs({
    model: 'z-image',
    params: { ratio: '1:1', style: 'plain' },
    outputs: {
      white: { prompt: '{{title}} on white' },
      wide: {
        prompt: '{{title}}',
        model: ['a', 'b'],
        params: { ratio: '16:9' },
        variants: '2' as unknown as number,
        when: 'room',
      },
    },
  });
  expect(model).toBeNull();
  expect(outputs).toEqual([
    {
      name: 'white',
      model: 'z-image',
      prompt: '{{title}} on white',
      params: [
        { key: 'ratio', template: '1:1' },
        { key: 'style', template: 'plain' },
      ],
      ...{ variants: null, when: [] },
      ...alone,
    },
    ...['a', 'b'].map((id) => ({
      name: `wide/${id}`,
      model: id,
      prompt: '{{title}}',
      params: [
        { key: 'ratio', template: '16:9' },
        { key: 'style', template: 'plain' },
      ],
      ...{ variants: 2, when: ['room'] },
      ...alone,
    })),
  ]);
});

it('keeps what comes after what, and takes one name for a list of it', () => {
  const { outputs } = expandOutputs({
    outputs: {
      caption: { model: 'gpt-5-2-chat' },
      still: { after: 'caption', approve: 'true' as unknown as boolean, references: '{{photo}}' },
      film: { model: ['a', 'b'], after: ['still', 'caption'] },
    },
  });
  expect(outputs.map(({ name, after, approve }) => [name, after, approve])).toEqual([
    ['caption', [], false],
    ['still', ['caption'], true],
    ['film/a', ['still', 'caption'], false],
    ['film/b', ['still', 'caption'], false],
  ]);
  expect(outputs[1]?.references).toBe('{{photo}}');
});
