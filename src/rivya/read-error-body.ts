import { asRecord, asText } from './lenient-fields.js';
import { quoteText } from './quote-text.js';

export interface ErrorBody {
  code: string | null;
  message: string | null;
  requestId: string | null;
}

const longestCode = 100;
const codeWord = /^[a-z0-9_.-]+$/i;

/**
 * The code, message and request id of an error answer: `{"error":{...}}`, or the same fields on top,
 * or `{"error":"some_code"}`. Null for each that is missing; texts are cut and free of secrets (S8).
 */
export function readErrorBody(json: unknown): ErrorBody {
  const body = asRecord(json);
  const error = asRecord(body?.error) ?? (typeof body?.error === 'string' ? {} : body);
  const word = asText(body?.error);
  const code = asText(error?.code) ?? (word !== null && isCode(word) ? word : null);
  const message = asText(error?.message) ?? word;
  const requestId =
    asText(error?.requestId) ??
    asText(error?.request_id) ??
    asText(body?.requestId) ??
    asText(body?.request_id);
  return {
    code: code === null ? null : quoteText(code, longestCode),
    message: message === null ? null : quoteText(message),
    requestId: requestId === null ? null : quoteText(requestId, 200),
  };
}

function isCode(word: string): boolean {
  return word.length <= longestCode && codeWord.test(word);
}
