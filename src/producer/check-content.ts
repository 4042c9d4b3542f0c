import { shellWord } from '../shared/quote-name.js';
import { type KnownModel, needsPrompt } from './known-models.js';
import type { RowFault } from './rejection.js';
import { nearNames } from './suggest-name.js';

/** The API's own limit on a request is not documented; nothing sensible is larger than this. */
const MAX_BODY_BYTES = 256 * 1024;
const MAX_ID_LENGTH = 200;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** What is wrong with a model that the list has, or null; of one that it lacks, this says nothing. */
export function modelFault(model: string, known: KnownModel | undefined): RowFault | null {
  if (model === '') {
    return { kind: 'no_model', column: 'model', reason: 'no model is given' };
  }
  if (known === undefined) return null;
  if (known.isChat) {
    const reason = `"${model}" is a chat model: it answers with text, and this makes files`;
    return { kind: 'chat_model', column: 'model', reason };
  }
  const { apiStatus } = known;
  if (apiStatus === null || apiStatus === 'available') return null;
  const reason = `"${model}" ${callableText(apiStatus)}`;
  return { kind: 'model_not_callable', column: 'model', reason };
}

function callableText(apiStatus: string): string {
  switch (apiStatus) {
    case 'coming_soon':
      return 'cannot be called over the API yet (coming_soon)';
    case 'studio_only':
      return 'works in the Studio only, not over the API (studio_only)';
    default:
      return `cannot be called over the API (${apiStatus})`;
  }
}

/** A sentence about a model that the list lacks. */
export function unknownModelReason(model: string, ids: readonly string[]): string {
  const near = nearNames(model, ids);
  const hint = near.length === 0 ? 'see rivya-batch models' : `did you mean ${near.join(' or ')}?`;
  return `"${model}" is not in the list of models: ${hint}`;
}

/** A missing or too long prompt, or null; length in characters as a person counts them. */
export function promptFault(
  prompt: string | null,
  { model, known }: { model: string; known: KnownModel | undefined },
): RowFault | null {
  if (prompt === null) {
    if (!needsPrompt(model)) return null;
    return { kind: 'no_prompt', column: 'prompt', reason: 'no prompt is given' };
  }
  const max = known?.maxPromptLength ?? null;
  if (max === null || prompt.length <= max) return null;
  const length = [...prompt].length;
  if (length <= max) return null;
  return {
    kind: 'prompt_too_long',
    column: 'prompt',
    reason: `the prompt has ${length} characters, and ${model} takes at most ${max}`,
  };
}

/** `suffixLength` is what `/variant` adds to the id. */
export function idFault(
  id: string,
  { column, suffixLength }: { column: string; suffixLength: number },
): RowFault | null {
  if (id === '') return { kind: 'bad_id', column, reason: 'the id is empty' };
  if (id.length + suffixLength > MAX_ID_LENGTH) {
    const length = id.length + suffixLength;
    const reason = `the id has ${length} characters, at most ${MAX_ID_LENGTH} are possible`;
    return { kind: 'bad_id', column, reason: `${reason}${firstOfList(id, column)}` };
  }
  if (!UNPRINTABLE.test(id)) return null;
  return { kind: 'bad_id', column, reason: 'the id holds a control character or broken text' };
}

/** A cell with the ids of all variants is a list: one of them is enough. */
function firstOfList(id: string, column: string): string {
  const separator = [',', ';', '|'].find((one) => id.split(one).length > 2);
  if (separator === undefined) return '';
  const template = `{{ ${column} | split: "${separator}" | first }}`;
  return `; it seems to be a list: --id ${shellWord(template)} takes the first, or name another column`;
}

export function bodyFault(body: string): RowFault | null {
  // UTF-8 is at most three bytes per unit of a string: short bodies need no count.
  if (body.length * 3 <= MAX_BODY_BYTES) return null;
  const bytes = Buffer.byteLength(body);
  if (bytes <= MAX_BODY_BYTES) return null;
  const reason = `the request would have ${bytes} bytes, at most ${MAX_BODY_BYTES} are possible`;
  return { kind: 'body_too_large', column: null, reason };
}
