import { readFileSync } from 'node:fs';
import type { TaskCategory } from '../shared/task-category.js';
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
      takesImages: model.takesImages ?? ours.takesImages,
      billingType: model.billingType ?? ours.billingType,
      params: model.params.length > 0 ? model.params : ours.params.map(withoutLimits),
    };
  });
}

function withoutLimits(param: Model['params'][number]): Model['params'][number] {
  return { ...param, required: false, options: [], min: null, max: null, step: null };
}

/** `base_credits` is not the price: what a task costs is known only after it was charged. */
const taskFactors = new Map<TaskCategory, number>([
  ['image', 3],
  ['audio', 3],
  ['video', 10],
]);
/** A turn costs what its words are. */
const chatFactor = 3;
const factorOfUnknown = 10;
/** For a model that the list does not know. */
const baseOfUnknown = 10;

export interface ModelFacts {
  /** What a model makes; null for one that no list knows, or knows to make something else. */
  categoryOf(model: string): TaskCategory | null;
  /** Credits to reserve for a model while no price of it is known, and the least that a task or a turn of it can cost. */
  priceOf(model: string): { guess: number; least: number };
}

/** What is to be known of models before their tasks are paid for. */
export function modelFacts(models: Model[]): ModelFacts {
  const known = new Map(models.map((model) => [model.id, model]));
  const categoryOf = (id: string) =>
    [...taskFactors.keys()].find((category) => category === known.get(id)?.category) ?? null;
  const priceOf = (id: string) => {
    const least = known.get(id)?.baseCredits ?? baseOfUnknown;
    const category = categoryOf(id);
    const ofTask = category === null ? undefined : taskFactors.get(category);
    const ofOthers = known.get(id)?.category === 'chat' ? chatFactor : factorOfUnknown;
    const factor = ofTask ?? ofOthers;
    return { least, guess: least * factor };
  };
  return { categoryOf, priceOf };
}
