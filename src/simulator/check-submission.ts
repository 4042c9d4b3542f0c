import { z } from 'zod';
import type { JsonObject } from '../shared/json.js';
import type { ListedModel } from './catalogue.js';
import { checkParams } from './check-params.js';
import type { Settings } from './settings.js';
import type { Submission } from './submission.js';

const submissionSchema = z.looseObject({
  model: z.string(),
  prompt: z.string().nullish(),
  params: z.record(z.string(), z.unknown()).nullish(),
  client_request_id: z.string().nullish(),
  files: z.undefined('must not be sent; use params.referenceMediaItems').optional(),
});

export type SubmissionCheck =
  | { kind: 'valid'; submission: Submission }
  | { kind: 'invalid'; message: string };

interface CheckAgainst {
  catalogue: Map<string, ListedModel>;
  paramChecks: Settings['paramChecks'];
}

/** The validation that Rivya documents for POST /generations, on the parsed body. */
export function checkSubmission(body: unknown, against: CheckAgainst): SubmissionCheck {
  const parsed = submissionSchema.safeParse(body);
  if (!parsed.success) return invalid(firstIssue(parsed.error));
  const { model: id, prompt, params } = parsed.data;
  const model = against.catalogue.get(id);
  if (!model) return invalid(`model: "${id}" is not a known model.`);
  const submission = { model, prompt: prompt ?? '', params: (params ?? {}) as JsonObject };
  const complaint =
    modelComplaint(model) ??
    promptComplaint(submission) ??
    checkParams(submission, against.paramChecks);
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

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${issue?.path.join('.') || 'body'}: ${issue?.message}`;
}

function invalid(message: string): SubmissionCheck {
  return { kind: 'invalid', message };
}
