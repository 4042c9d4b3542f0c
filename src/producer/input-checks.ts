import type { Model } from '../rivya/outcome.js';

export interface InputChecks {
  /** Whether a model that the list lacks is one that there is not. */
  unknownModels: 'refuse' | 'warn';
  unknownParams: 'refuse' | 'warn';
}

/** A list of models, and who says so: the API itself just now, or a copy. */
export interface ListedModels {
  models: Model[];
  from: 'api' | 'kept' | 'bundled';
}

export const lenientChecks: InputChecks = { unknownModels: 'warn', unknownParams: 'warn' };

/** A copy may lack a model that there is by now; a param may be new whoever lists it. */
export function chooseChecks(
  { from }: ListedModels,
  { strict }: { strict?: boolean | undefined },
): InputChecks {
  return {
    unknownModels: from === 'api' ? 'refuse' : 'warn',
    unknownParams: strict ? 'refuse' : 'warn',
  };
}
