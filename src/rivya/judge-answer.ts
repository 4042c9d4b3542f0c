import {
  type AnswerTime,
  headerRequestId,
  headerText,
  mediaType,
  parsePaceHint,
  retryAfterMs,
} from './headers.js';
import type {
  PaceHint,
  ReadCreditsOutcome,
  Refusal,
  RefusalKind,
  Refused,
  Unknown,
} from './outcome.js';
import { asRecord, asText } from './parse.js';
import type { Answer } from './request.js';
import { quoteText } from './transport-failure.js';

/** A success whose body was what the caller looked for. */
export interface Understood<Content> {
  kind: 'understood';
  content: Content;
  pace: PaceHint | null;
  /** The clock here, compared with the API's; null where its answer has no date. The date counts whole seconds. */
  clockAheadMs: number | null;
}

/**
 * What an answer means: content, a clear no, or nothing that settles the matter.
 * @param parse null where the JSON is not what was asked for
 * @param wanted what `parse` looks for, for the reason: `a task id`
 * @param now ms since the epoch
 */
export function judgeAnswer<Content>(
  answer: Answer,
  parse: (json: unknown) => Content | null,
  wanted: string,
  now: number,
): Understood<Content> | Refused | Unknown {
  const { httpStatus, headers } = answer;
  const json = parseJson(answer.text);
  const time = { now, date: headerText(headers, 'date') };
  const succeeded = httpStatus >= 200 && httpStatus < 300;
  const content = succeeded ? parse(json) : null;
  if (content !== null) {
    const clockAheadMs = aheadOf(time);
    return { kind: 'understood', content, pace: parsePaceHint(headers, time), clockAheadMs };
  }
  const error = readErrorBody(json);
  const refused = judgeRefusal(answer, error, time);
  if (refused !== null) return refused;
  return {
    kind: 'unknown',
    reason: explainUnknown(answer, error, json === undefined ? 'JSON' : wanted),
    httpStatus,
    requestId: error.requestId ?? headerRequestId(headers),
    retryAfterMs: retryAfterMs(headerText(headers, 'retry-after'), time),
    cause: null,
  };
}

function aheadOf({ now, date }: AnswerTime): number | null {
  const thereMs = Date.parse(date ?? '');
  return Number.isNaN(thereMs) ? null : now - thereMs;
}

/** The parser's own error quotes the body; there is nothing in it worth that (S8). */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function judgeRefusal(answer: Answer, error: ErrorBody, time: AnswerTime): Refused | null {
  const { httpStatus, headers } = answer;
  const kind = classifyRefusal(httpStatus, error);
  if (kind === null) return null;
  return {
    kind: 'refused',
    refusal: {
      kind,
      code: error.code ?? `http_${httpStatus}`,
      message: error.message ?? wordless(answer),
      httpStatus,
      requestId: error.requestId ?? headerRequestId(headers),
      retryAfterMs: retryAfterMs(headerText(headers, 'retry-after'), time),
    },
    pace: parsePaceHint(headers, time),
  };
}

function wordless({ httpStatus, headers }: Answer): string {
  const what = mediaType(headers) ?? 'no content type';
  return `HTTP ${httpStatus} without an answer of the API's own (${what}).`;
}

function explainUnknown(answer: Answer, error: ErrorBody, missing: string): string {
  const { httpStatus, headers } = answer;
  // Whoever sent it may have passed the request on before: it says nothing of that (S1).
  if (httpStatus >= 300 && httpStatus < 400) {
    return `HTTP ${httpStatus}: a redirect instead of an answer; check RIVYA_BASE_URL.`;
  }
  if (httpStatus === 407) return 'HTTP 407: the proxy wants a login; check HTTPS_PROXY.';
  if (error.code !== null) return `HTTP ${httpStatus}: ${error.code}.`;
  return `HTTP ${httpStatus} without ${missing} (${mediaType(headers) ?? 'no content type'}).`;
}

interface Meaning {
  kind: RefusalKind;
  /**
   * `firm`: it says so clearly that nothing was taken that it counts at any HTTP status, of which the docs leave some
   * open. The others count before the class of a 4xx, and not beside a 5xx, a redirect or a success.
   */
  counts: 'firm' | 'with_4xx';
}

const keyRefused: Meaning = { kind: 'key_refused', counts: 'with_4xx' };
const invalid: Meaning = { kind: 'invalid', counts: 'with_4xx' };

/** The documented codes. New ones may come unannounced: those go by their status. */
const meaningOfCode: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['rate_limited', { kind: 'rate_limited', counts: 'firm' }],
  ['insufficient_credits', { kind: 'insufficient_credits', counts: 'firm' }],
  ['public_api_disabled', { kind: 'api_disabled', counts: 'firm' }],
  ['idempotency_conflict', { kind: 'idempotency_conflict', counts: 'with_4xx' }],
  ['not_found', { kind: 'not_found', counts: 'with_4xx' }],
  ['api_key_missing', keyRefused],
  ['api_key_invalid', keyRefused],
  ['api_key_revoked', keyRefused],
  ['api_key_expired', keyRefused],
  ['api_scope_denied', keyRefused],
  ['validation_failed', invalid],
  ['webhook_url_rejected', invalid],
  ['chat_model_not_supported', invalid],
  // A 409 that no waiting resolves.
  ['chat_session_conflict', invalid],
  ['chat_attachment_not_supported', invalid],
]);

/**
 * Statuses that are a no in the standard's own words. All other 4xx are somebody's own, and tell nothing of whether the
 * request was taken before: 408, and the likes of 499, which proxies write when somebody hung up.
 */
const plainNos = new Set([
  400, 404, 405, 406, 410, 411, 413, 414, 415, 416, 417, 421, 422, 424, 426, 428, 431, 451,
]);

/** Codes or not, these were written by somebody who gave up on an answer, or on the way to it. */
const gaveUp = new Set([407, 408, 444, 449, 460, 499]);

/** No code is documented for too many tasks at once: the sentence is all there is to tell it by. */
const aboutRunning =
  /running|concurren|in[ _-]?flight|(active|pending|unfinished|parallel|simultaneous) (tasks?|jobs?|generations?)/i;

/**
 * Why the API said no: by its code, else by the HTTP status. Null where the answer does not settle whether the request
 * was taken (S1): redirects, 5xx, a status that means nothing, or no error at all.
 */
function classifyRefusal(
  httpStatus: number,
  { code, message }: Pick<ErrorBody, 'code' | 'message'>,
): RefusalKind | null {
  const kind = kindByCode(httpStatus, code);
  return kind === 'rate_limited' && aboutRunning.test(`${code} ${message}`)
    ? 'too_many_running'
    : kind;
}

function kindByCode(httpStatus: number, code: string | null): RefusalKind | null {
  const meaning = code === null ? undefined : meaningOfCode.get(code);
  if (meaning?.counts === 'firm') return meaning.kind;
  if (httpStatus < 400 || httpStatus >= 500) return null;
  return meaning?.kind ?? kindOfClientError(httpStatus, code);
}

function kindOfClientError(httpStatus: number, code: string | null): RefusalKind | null {
  switch (httpStatus) {
    case 401:
    case 403:
      // Of the key or of this request: neither status tells, and firewalls use both.
      return 'unexplained';
    case 402:
      return 'insufficient_credits';
    case 409:
    case 425:
      return 'busy';
    case 429:
      return 'rate_limited';
    default:
      if (gaveUp.has(httpStatus)) return null;
      if (code === null) return plainNos.has(httpStatus) ? 'unexplained' : null;
      return httpStatus === 404 ? 'not_found' : 'invalid';
  }
}

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

/** No code is documented for an upload that is gone: the sentence is all there is to tell it by. */
const named =
  /reference|attachment|upload|\bfiles?\b|file_?id|\burls?\b|duration_?token|media ?item/i;

/** Whether a refused submission was refused for what it refers to; taken for it by mistake, one upload is made in vain. */
export function isAboutReference({ kind, code, message }: Refusal): boolean {
  // The model takes none, whatever becomes of them.
  if (code === 'chat_attachment_not_supported') return false;
  return (kind === 'invalid' || kind === 'not_found') && named.test(`${code} ${message}`);
}

/** What a look at the balance, which can harm nothing, says of the key. */
export type KeyVerdict =
  /** It is taken, if only for other things than balances. */
  | { kind: 'works' }
  | { kind: 'refused'; refusal: Refusal }
  /** A page, or a code that nobody knows: no word of the key. */
  | { kind: 'unsaid'; refusal: Refusal }
  /** No answer, or one about something else. */
  | { kind: 'unseen' };

export function judgeKey(outcome: ReadCreditsOutcome): KeyVerdict {
  switch (outcome.kind) {
    case 'read':
      return { kind: 'works' };
    case 'refused':
      return judgeKeyRefusal(outcome.refusal);
    case 'unknown':
    case 'unreachable':
      return { kind: 'unseen' };
    default:
      return outcome satisfies never;
  }
}

function judgeKeyRefusal(refusal: Refusal): KeyVerdict {
  if (refusal.code === 'api_scope_denied') return { kind: 'works' };
  if (refusal.kind === 'key_refused') return { kind: 'refused', refusal };
  if (refusal.kind !== 'unexplained') return { kind: 'unseen' };
  // Nothing but the key can be wrong with such a request, where the answer is that nobody is known by it.
  return { kind: refusal.httpStatus === 401 ? 'refused' : 'unsaid', refusal };
}
