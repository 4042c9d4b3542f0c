import { type KnownModel, needsPrompt } from './known-models.js';
import type { RowFault } from './rejection.js';

/** The API's own limit on a request is not documented; nothing sensible is larger than this. */
const MAX_BODY_BYTES = 256 * 1024;
const MAX_ID_LENGTH = 200;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** What is wrong with the model, or null; an unknown id passes, because the catalogue changes. */
export function modelFault(model: string, known: KnownModel | undefined): RowFault | null {
  if (model === '') {
    return { kind: 'no_model', column: 'model', reason: 'no model is given' };
  }
  if (known?.isChat !== true) return null;
  const reason = `"${model}" is a chat model: it answers with text, and this makes files`;
  return { kind: 'chat_model', column: 'model', reason };
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
    return { kind: 'bad_id', column, reason };
  }
  if (!UNPRINTABLE.test(id)) return null;
  return { kind: 'bad_id', column, reason: 'the id holds a control character or broken text' };
}

export function bodyFault(body: string): RowFault | null {
  // UTF-8 is at most three bytes per unit of a string: short bodies need no count.
  if (body.length * 3 <= MAX_BODY_BYTES) return null;
  const bytes = Buffer.byteLength(body);
  if (bytes <= MAX_BODY_BYTES) return null;
  const reason = `the request would have ${bytes} bytes, at most ${MAX_BODY_BYTES} are possible`;
  return { kind: 'body_too_large', column: null, reason };
}
