import type { RefusalKind } from './outcome.js';
import type { ErrorBody } from './read-error-body.js';

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
export function classifyRefusal(
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
