import type { Model } from '../rivya/outcome.js';

/** `base_credits` is not the price: what a task costs is known only after it was charged. */
const factors: Record<string, number> = { image: 3, audio: 3, video: 10 };
const factorOfUnknown = 10;
/** For a model that the list does not know. */
const baseOfUnknown = 10;

/** What to reserve for a model while no price of it is known, and the least that it can cost. */
export function priceGuesser(models: Model[]): (model: string) => { guess: number; least: number } {
  const known = new Map(models.map((model) => [model.id, model]));
  return (id) => {
    const model = known.get(id);
    const least = model?.baseCredits ?? baseOfUnknown;
    return { least, guess: least * (factors[model?.category ?? ''] ?? factorOfUnknown) };
  };
}

export interface Estimate {
  /** Credits when every brief costs its model's base. */
  least: number;
  /** Credits with the assumed factor for params that raise the price. */
  most: number;
  /** Models whose base is not known: their briefs are not in the sum. */
  unknownModels: string[];
  sentence: string;
}

export function estimateCredits(modelUse: ReadonlyMap<string, number>, models: Model[]): Estimate {
  const known = new Map(models.map((model) => [model.id, model]));
  let least = 0;
  let most = 0;
  const unknownModels: string[] = [];
  for (const [id, count] of modelUse) {
    const model = known.get(id);
    if (!model?.baseCredits) {
      unknownModels.push(id);
      continue;
    }
    least += count * model.baseCredits;
    most += count * model.baseCredits * (factors[model.category ?? ''] ?? factorOfUnknown);
  }
  const without =
    unknownModels.length > 0 ? ` Not counted, price unknown: ${unknownModels.join(', ')}.` : '';
  return {
    least,
    most,
    unknownModels,
    sentence: `Estimate: ${least} to ${most} credits (base price and a multiple of it; the API tells the real price only when it charges).${without}`,
  };
}
