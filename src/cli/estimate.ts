import type { Model } from '../rivya/outcome.js';

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
