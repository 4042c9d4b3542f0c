import type { JsonObject } from '../shared/json.js';
import type { ListedModel } from './catalogue.js';

/** A request for a generation that has passed validation. */
export interface Submission {
  model: ListedModel;
  /** Empty for the models that build it from their params. */
  prompt: string;
  params: JsonObject;
}
