import type { Model, ModelParam } from '../../rivya/outcome.js';
import type { BodyEndpoint } from '../../shared/brief.js';
import { type ReferenceRules, referenceRules } from '../references/rules.js';
import { type Makes, makesOf } from '../steps/output-names.js';

/** What the checks of a row need to know of a model. */
export interface KnownModel {
  endpoint: BodyEndpoint;
  makes: Makes;
  /** Characters; null where none is documented. */
  maxPromptLength: number | null;
  /** `available`, or why it cannot be called; null where that is not known. */
  apiStatus: string | null;
  params: ReadonlyMap<string, ModelParam>;
  references: ReferenceRules;
}

export type KnownModels = ReadonlyMap<string, KnownModel>;

/** Built from `params.dialogue` instead (API contract, section 6.1). */
const MODELS_WITH_OPTIONAL_PROMPT: ReadonlySet<string> = new Set(['elevenlabs-dialogue-v3']);

export function indexModels(models: readonly Model[]): KnownModels {
  return new Map(models.map((model) => [model.id, knownModel(model)]));
}

export function knownModel(model: Model): KnownModel {
  return {
    endpoint: model.category === 'chat' ? 'chat' : 'generations',
    makes: makesOf(model.category),
    maxPromptLength: model.maxPromptLength,
    apiStatus: model.apiStatus,
    params: new Map(model.params.map((param) => [param.key, param])),
    references: referenceRules(model),
  };
}

export function needsPrompt(modelId: string): boolean {
  return !MODELS_WITH_OPTIONAL_PROMPT.has(modelId);
}
