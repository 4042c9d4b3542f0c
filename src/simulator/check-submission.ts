import { z } from 'zod';
import type { JsonObject, JsonValue } from '../shared/json.js';
import type { ListedModel, ModelParameter } from './catalogue.js';
import type { Settings } from './settings.js';
import type { SimulatedApi } from './simulated-api.js';

/** The limit is documented for files, and assumed for all. */
export const clientRequestIdSchema = z.string().max(128).nullish();

const submissionSchema = z.looseObject({
  model: z.string(),
  prompt: z.string().nullish(),
  params: z.record(z.string(), z.unknown()).nullish(),
  client_request_id: clientRequestIdSchema,
  files: z.undefined('must not be sent; use params.referenceMediaItems').optional(),
});

export type SubmissionCheck =
  | { kind: 'valid'; submission: Submission }
  | { kind: 'invalid'; message: string };

/** The validation that Rivya documents for POST /generations, on the parsed body. */
export function checkSubmission(
  body: unknown,
  catalogue: Map<string, ListedModel>,
  paramChecks: Settings['paramChecks'],
): SubmissionCheck {
  const parsed = submissionSchema.safeParse(body);
  if (!parsed.success) return invalid(firstIssue(parsed.error));
  const { model: id, prompt, params, client_request_id: clientRequestId } = parsed.data;
  const model = catalogue.get(id);
  if (!model) return invalid(`model: "${id}" is not a known model.`);
  const submission = {
    model,
    prompt: prompt ?? '',
    params: (params ?? {}) as JsonObject,
    clientRequestId: clientRequestId ?? null,
  };
  const complaint =
    modelComplaint(model) ?? promptComplaint(submission) ?? checkParams(submission, paramChecks);
  return complaint === null ? { kind: 'valid', submission } : invalid(complaint);
}

function modelComplaint({ id, category, api_status: status }: ListedModel): string | null {
  if (category === 'chat') return `model: "${id}" is a chat model; use /api/v1/chat/completions.`;
  return status === 'available' ? null : `model: "${id}" is not available through the API.`;
}

function promptComplaint({ model, prompt, params }: Submission): string | null {
  // elevenlabs-dialogue-v3 builds its prompt from params.dialogue.
  if (model.id === 'elevenlabs-dialogue-v3') {
    return Array.isArray(params.dialogue) ? null : 'params.dialogue: required.';
  }
  if (prompt.trim() === '') return 'prompt: required.';
  const most = model.max_prompt_length;
  return most !== null && prompt.length > most
    ? `prompt: ${prompt.length} characters; ${model.id} takes at most ${most}.`
    : null;
}

export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${issue?.path.join('.') || 'body'}: ${issue?.message}`;
}

function invalid(message: string): SubmissionCheck {
  return { kind: 'invalid', message };
}

/** A request for a generation that has passed validation. */
export interface Submission {
  model: ListedModel;
  /** Empty for the models that build it from their params. */
  prompt: string;
  params: JsonObject;
  clientRequestId: string | null;
}

const referencesSchema = z.array(
  z.looseObject({ url: z.url(), kind: z.enum(['image', 'video', 'audio']) }),
);

/** The first complaint about the params, or null. */
function checkParams(submission: Submission, checks: Settings['paramChecks']): string | null {
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

export const referenceGone =
  'params.referenceMediaItems: an uploaded file is not known, or has expired.';

/** Whether every URL of ours that a submission refers to still leads to an upload; others are not looked at. */
export function knowsUploads(api: SimulatedApi, { params }: Submission): boolean {
  const items = Array.isArray(params.referenceMediaItems) ? params.referenceMediaItems : [];
  return items.every((item) => {
    const { url } = item as { url: string };
    const [, fileId] = /\/uploads\/(file_\w+)(?:\?|$)/.exec(url) ?? [];
    return fileId === undefined || isAlive(api, fileId);
  });
}

export function isAlive({ history, settings, clock }: SimulatedApi, fileId: string): boolean {
  const file = history.uploads.get(fileId);
  const lifetimeMs = settings.uploadLifetimeMs ?? Number.POSITIVE_INFINITY;
  return file !== undefined && clock.now() < file.createdAt + lifetimeMs;
}
