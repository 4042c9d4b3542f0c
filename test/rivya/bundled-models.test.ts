import { expect, it } from 'vitest';
import { bundledModels } from '../../src/rivya/catalogue.js';

it('has every model of the release, parsed once', () => {
  const models = bundledModels();
  expect(models).toHaveLength(48);
  expect(new Set(models.map(({ id }) => id)).size).toBe(48);
  expect(models.every(({ category, baseCredits }) => category && baseCredits)).toBe(true);
  expect(bundledModels()).toBe(models);
});

it('reads params in full', () => {
  const model = bundledModels().find(({ id }) => id === 'z-image');
  expect(model).toMatchObject({ displayName: 'Z-Image', maxPromptLength: 1000, baseCredits: 1 });
  expect(model?.params).toEqual([
    {
      key: 'aspect_ratio',
      type: 'select',
      required: false,
      options: ['1:1', '4:3', '3:4', '16:9', '9:16'],
      default: '1:1',
      min: null,
      max: null,
      step: null,
    },
  ]);
});
