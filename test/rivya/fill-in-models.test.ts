import { expect, it } from 'vitest';
import { fillInModels } from '../../src/rivya/catalogue.js';
import { parseModels } from '../../src/rivya/parse.js';

function filledIn(item: object) {
  const [model] = fillInModels(parseModels([item]) ?? []);
  return model;
}

it('gives params that the API does not show the types of this release, and none of its limits', () => {
  const model = filledIn({ id: 'elevenlabs-turbo-2-5', params: [], base_credits: 7 });
  expect(model?.params.find(({ key }) => key === 'stability')).toMatchObject({
    ...{ type: 'number', min: null, max: null, step: null },
  });
  expect(model?.params.find(({ key }) => key === 'voice')).toMatchObject({
    ...{ required: false, options: [] },
  });
  expect(model).toMatchObject({ category: 'audio', baseCredits: 7 });
});

it('leaves what the API says as it is', () => {
  const params = [{ key: 'aspect_ratio', type: 'select', options: ['2:1'] }];
  expect(filledIn({ id: 'z-image', category: 'video', params })).toMatchObject({
    category: 'video',
    params: [{ key: 'aspect_ratio', options: ['2:1'] }],
  });
  expect(filledIn({ id: 'brand-new' })).toMatchObject({ category: null, params: [] });
});
