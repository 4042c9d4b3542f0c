import { readFileSync } from 'node:fs';
import { type TaskCategory, taskCategorySchema } from '../shared/task-category.js';
import type { Model } from './outcome.js';
import { parseModels } from './parse.js';

let parsed: Model[] | null = null;

/** The model list as of this release, for work without a network; the API's own list is newer. */
export function bundledModels(): Model[] {
  parsed ??= readBundled();
  return parsed;
}

function readBundled(): Model[] {
  const file = new URL('./models.json', import.meta.url);
  const models = parseModels(JSON.parse(readFileSync(file, 'utf8')));
  if (models === null) throw new Error('models.json of this package holds no list of models.');
  return models;
}

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

/** `base_credits` is not the price: what a task costs is known only after it was charged. */
const factors = new Map([
  ['image', 3],
  ['audio', 3],
  ['video', 10],
]);
const factorOfUnknown = 10;
/** For a model that the list does not know. */
const baseOfUnknown = 10;

/** What to reserve for a model while no price of it is known, and the least that it can cost. */
export function priceGuesser(models: Model[]): (model: string) => { guess: number; least: number } {
  const known = new Map(models.map((model) => [model.id, model]));
  return (id) => {
    const model = known.get(id);
    const least = model?.baseCredits ?? baseOfUnknown;
    return { least, guess: least * (factors.get(model?.category ?? '') ?? factorOfUnknown) };
  };
}

/** What models make; null for one that the list does not know, or knows to make something else. */
function categoryFinder(models: Model[]): (model: string) => TaskCategory | null {
  const categories = new Map(models.map((model) => [model.id, model.category]));
  return (model) => taskCategorySchema.safeParse(categories.get(model)).data ?? null;
}

/** What is to be known of models before their tasks are paid for. */
export function modelFacts(models: Model[]) {
  return { categoryOf: categoryFinder(models), priceOf: priceGuesser(models) };
}
