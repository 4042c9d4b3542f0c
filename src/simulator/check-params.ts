import { z } from 'zod';
import type { JsonValue } from '../shared/json.js';
import type { ModelParameter } from './catalogue.js';
import type { Settings } from './settings.js';
import type { Submission } from './submission.js';

const referencesSchema = z.array(
  z.looseObject({ url: z.url(), kind: z.enum(['image', 'video', 'audio']) }),
);

/** The first complaint about the params, or null. */
export function checkParams(
  submission: Submission,
  checks: Settings['paramChecks'],
): string | null {
  const { model, params } = submission;
  const missing = model.params.find(({ key, required }) => required && params[key] === undefined);
  if (missing) return `params.${missing.key}: required by ${model.id}.`;
  const references = checkReferences(submission);
  if (references !== null || checks === 'required-only') return references;
  for (const [key, value] of Object.entries(params)) {
    if (key === 'referenceMediaItems' || key === 'dialogue') continue;
    const complaint = checkValue(key, value, model.params);
    if (complaint !== null) return complaint;
  }
  return null;
}

function checkReferences({ model, params }: Submission): string | null {
  const given = params.referenceMediaItems;
  if (given === undefined) {
    return model.api_input_status === 'requires_files_api'
      ? `params.referenceMediaItems: required by ${model.id}.`
      : null;
  }
  const parsed = referencesSchema.safeParse(given);
  if (!parsed.success) return 'params.referenceMediaItems: items need a url and a kind.';
  // Null means that the kinds are not known, an empty list that there are none.
  const refused = parsed.data.find(({ kind }) => model.file_kinds?.includes(kind) === false);
  return refused
    ? `params.referenceMediaItems: ${model.id} takes no ${refused.kind} references.`
    : null;
}

function checkValue(key: string, value: JsonValue, known: ModelParameter[]): string | null {
  const parameter = known.find((candidate) => candidate.key === key);
  if (!parameter) return `params.${key}: unknown.`;
  const { type, options, min, max } = parameter;
  if (type === 'select' && options && !options.includes(value as string)) {
    return `params.${key}: must be one of ${options.join(', ')}.`;
  }
  if (type !== 'number') return null;
  if (typeof value !== 'number') return `params.${key}: must be a number.`;
  const inRange = value >= (min ?? value) && value <= (max ?? value);
  return inRange ? null : `params.${key}: must be from ${min ?? 'any'} to ${max ?? 'any'}.`;
}
