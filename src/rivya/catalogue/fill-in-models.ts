import type { Model } from '../outcome.js';
import { bundledModels } from './bundled-models.js';

/**
 * The API's own list shows models without their params here and there: what this release knows of their types is
 * put in, so that a number is sent as one. Choices and ranges are not, because an old one must refuse nothing.
 */
export function fillInModels(models: readonly Model[]): Model[] {
  const known = new Map(bundledModels().map((model) => [model.id, model]));
  return models.map((model) => {
    const ours = known.get(model.id);
    if (ours === undefined) return model;
    return {
      ...model,
      category: model.category ?? ours.category,
      baseCredits: model.baseCredits ?? ours.baseCredits,
      params: model.params.length > 0 ? model.params : ours.params.map(withoutLimits),
    };
  });
}

function withoutLimits(param: Model['params'][number]): Model['params'][number] {
  return { ...param, required: false, options: [], min: null, max: null, step: null };
}
