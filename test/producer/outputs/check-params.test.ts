import { expect, it } from 'vitest';
import { checkParams } from '../../../src/producer/outputs/checks.js';
import { indexModels } from '../../../src/producer/outputs/known-models.js';
import { chooseOption } from '../../../src/producer/outputs/params.js';
import { bundledModels } from '../../../src/rivya/catalogue.js';
import { compileFiles, faultsOf } from '../compile-files.js';

const models = bundledModels();

function compileItems(items: object[], checks = {}) {
  return compileFiles(
    { 'x.json': JSON.stringify(items.map((item) => ({ prompt: 'p', ...item }))) },
    { models, checks: { unknownModels: 'warn', unknownParams: 'warn', ...checks } },
  );
}

it('takes what each model does where nothing is said, and nothing that it does not have', () => {
  for (const model of models) {
    const known = indexModels([model]).get(model.id);
    if (known === undefined) throw new Error(`${model.id} is not indexed`);
    const usual = model.params.flatMap(({ key, type, default: value }) =>
      value === null ? [] : [[key, type === 'number' ? Number(value) : value]],
    );
    const params = { ...Object.fromEntries(usual), dialogue: [{ voice: 'Adam', text: 'Hi.' }] };
    expect(checkParams({ params, texts: {} }, { model: model.id, known }), model.id).toEqual([]);
  }
});

it('takes what spreadsheets make of a choice, where it can be one choice only', async () => {
  const { briefs, rejections } = await compileItems([
    { model: 'kling-2-6', params: { duration: '5.0', sound: 'FALSE' } },
    {
      model: 'kling-2-6',
      params: { duration: '5,0', sound: 'True\u200b', aspect_ratio: '16:09:00' },
    },
    { model: 'nano-banana-2', params: { resolution: '4k' } },
    { model: 'kling-2-6', params: { duration: '5,000', sound: 'no' } },
  ]);
  expect(briefs.map(({ body }) => JSON.parse(body).params)).toEqual([
    { duration: '5', sound: 'false' },
    { duration: '5', sound: 'true', aspect_ratio: '16:9' },
    { resolution: '4K' },
  ]);
  expect(rejections.map(({ column, kind }) => `${column} ${kind}`)).toEqual([
    'params.duration not_an_option',
    'params.sound not_an_option',
  ]);
  expect(chooseOption('aB', ['AB', 'ab', 'AA'])).toBeNull();
  expect(chooseOption('A', ['a', 'A'])).toBe('A');
});

it('gives values the types that the API takes', async () => {
  const { briefs, rejections } = await compileItems([
    { model: 'kling-2-6', params: { duration: 5, sound: false, aspect_ratio: ' 1:1 ' } },
    { model: 'seedance-2', params: { duration: '5', generate_audio: true, resolution: null } },
    { model: 'google-imagen4', params: { seed: 7 } },
  ]);
  expect(rejections).toEqual([]);
  expect(briefs.map(({ body }) => JSON.parse(body).params)).toEqual([
    { duration: '5', sound: 'false', aspect_ratio: '1:1' },
    { duration: 5, generate_audio: 'true' },
    { seed: '7' },
  ]);
});

it.each([
  [
    { model: 'z-image', params: { aspect_ratio: '5:4' } },
    'aspect_ratio',
    'not_an_option',
    '"16:9"',
  ],
  [{ model: 'seedance-2', params: { duration: 16 } }, 'duration', 'out_of_range', 'from 4 to 15'],
  [{ model: 'qwen2-image', params: { seed: -1 } }, 'seed', 'out_of_range', 'at least 0'],
  [
    { model: 'elevenlabs-sound-effect-v2', params: { duration_seconds: 0.7 } },
    'duration_seconds',
    'wrong_step',
    'between 0.5 and 1',
  ],
  [{ model: 'seedance-2', params: { duration: 'long' } }, 'duration', 'not_a_number', '"long"'],
  [{ model: 'seedance-2', params: { duration: [5] } }, 'duration', 'not_a_number', '[5]'],
  [{ model: 'z-image', params: { aspect_ratio: {} } }, 'aspect_ratio', 'wrong_type', 'text'],
  [{ model: 'elevenlabs-turbo-2-5' }, 'voice', 'missing_param', 'needs the param voice'],
  [{ model: 'elevenlabs-dialogue-v3' }, 'dialogue', 'missing_param', 'dialogue'],
  [
    { model: 'elevenlabs-dialogue-v3', params: { dialogue: 'Hello' } },
    'dialogue',
    'wrong_type',
    'a list',
  ],
])('refuses %j', async (item, key, kind, reason) => {
  const { rejections } = await compileItems([item]);
  expect(rejections).toMatchObject([{ row: 1, column: `params.${key}`, kind }]);
  expect(rejections[0]?.reason).toContain(reason);
});

it('allows for what a step is in binary', async () => {
  const steps = Array.from({ length: 21 }, (_, at) => ({
    model: 'elevenlabs-turbo-2-5',
    params: { voice: 'TX3LPaxmHKxFdv7VOQHJ', stability: at * 0.05 },
  }));
  expect((await compileItems(steps)).rejections).toEqual([]);
});

it('warns of params that the list does not have, and refuses them when it is to be strict', async () => {
  const items = [
    { model: 'z-image', params: { aspect_ration: '1:1' } },
    { model: 'z-image', params: { aspect_ratio: '1:1' } },
    { model: 'z-image', params: { aspect_ration: '4:3', referenceMediaItems: [] } },
  ];
  const lenient = await compileItems(items);
  expect(lenient.counts).toMatchObject({ briefs: 3, rejected: 0 });
  expect(lenient.warnings).toEqual([
    {
      rule: 'unknown_param',
      column: null,
      model: 'z-image',
      param: 'aspect_ration',
      reason: 'z-image has no param "aspect_ration": did you mean "aspect_ratio"?',
      count: 2,
      firstRows: [
        { source: 'x.json', row: 1 },
        { source: 'x.json', row: 3 },
      ],
    },
  ]);
  const strict = await compileItems(items, { unknownParams: 'refuse' });
  expect(strict.warnings).toEqual([]);
  expect(faultsOf(strict)).toEqual([
    '1 params.aspect_ration unknown_param',
    '3 params.aspect_ration unknown_param',
  ]);
});

it('refuses a model that the API itself does not have, and only warns where the list is a copy', async () => {
  const items = [{ model: 'z-imag', params: { anything: 1 } }];
  const copy = await compileItems(items);
  expect(copy.rejections).toEqual([]);
  expect(copy.warnings).toMatchObject([
    { rule: 'unknown_model', model: 'z-imag', param: null, count: 1 },
  ]);
  const api = await compileItems(items, { unknownModels: 'refuse' });
  expect(api.rejections).toMatchObject([{ kind: 'unknown_model', column: 'model' }]);
  expect(api.rejections[0]?.reason).toContain('did you mean "z-image"?');
});

it.each([
  ['coming_soon', 'yet'],
  ['studio_only', 'Studio'],
  ['retired', 'retired'],
])('refuses a model that is %s', async (apiStatus, reason) => {
  const listed = models.map((model) => (model.id === 'z-image' ? { ...model, apiStatus } : model));
  const { rejections } = await compileFiles(
    { 'x.csv': 'model,prompt\nz-image,p\nkling-2-6,p\n' },
    { models: listed },
  );
  expect(rejections).toMatchObject([{ row: 2, column: 'model', kind: 'model_not_callable' }]);
  expect(rejections[0]?.reason).toContain(reason);
});

it('names the column that --param takes a wrong value from', async () => {
  const files = { 'x.csv': 'shape,prompt\n5:4,p\n' };
  const fromColumn = await compileFiles(files, {
    ...{ models, model: 'z-image' },
    params: [{ key: 'aspect_ratio', template: '{{shape}}' }],
  });
  expect(faultsOf(fromColumn)).toEqual(['2 shape not_an_option']);
  const fixed = await compileFiles(files, {
    ...{ models, model: 'z-image' },
    params: [{ key: 'aspect_ratio', template: '5:4' }],
  });
  expect(faultsOf(fixed)).toEqual(['2 - not_an_option']);
});

it('keeps the warnings few, however many keys there are', async () => {
  const items = Array.from({ length: 300 }, (_, at) => ({
    model: 'z-image',
    params: { [`k${at}`]: 1 },
  }));
  expect((await compileItems(items)).warnings).toHaveLength(200);
});
