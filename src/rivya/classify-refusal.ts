import type { RefusalKind } from './outcome.js';
import type { ErrorBody } from './read-error-body.js';

/** Codes that say so clearly that nothing was taken that they count at any HTTP status; the docs leave some open. */
const kindOfFirmCode = new Map<string, RefusalKind>([
  ['rate_limited', 'rate_limited'],
  ['insufficient_credits', 'insufficient_credits'],
  ['public_api_disabled', 'api_disabled'],
]);

/** The other documented codes: they count before the class of a 4xx, and not beside a 5xx or a success. */
const kindOfCode = new Map<string, RefusalKind>([
  ['idempotency_conflict', 'idempotency_conflict'],
  ['api_key_missing', 'key_refused'],
  ['api_key_invalid', 'key_refused'],
  ['api_key_revoked', 'key_refused'],
  ['api_key_expired', 'key_refused'],
  ['api_scope_denied', 'key_refused'],
  ['not_found', 'not_found'],
  ['validation_failed', 'invalid'],
  ['webhook_url_rejected', 'invalid'],
  ['chat_model_not_supported', 'invalid'],
  // A 409 that no waiting resolves.
  ['chat_session_conflict', 'invalid'],
  ['chat_attachment_not_supported', 'invalid'],
]);

/** No code is documented for too many tasks at once: the sentence is all there is to tell it by. */
const aboutRunning =
  /running|concurren|in[ _-]?flight|(active|pending|unfinished|parallel|simultaneous) (tasks?|jobs?|generations?)/i;

/**
 * Why the API said no: by its code, else by the class of the HTTP status, as new codes may come unannounced.
 * Null where the answer does not settle whether the request was taken: 408, 5xx, or no error at all.
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
  const firm = code === null ? undefined : kindOfFirmCode.get(code);
  if (firm !== undefined) return firm;
  if (httpStatus < 400 || httpStatus >= 500) return null;
  const known = code === null ? undefined : kindOfCode.get(code);
  return known ?? kindOfClientError(httpStatus);
}

function kindOfClientError(httpStatus: number): RefusalKind | null {
  switch (httpStatus) {
    case 401:
    case 403:
      return 'key_refused';
    case 402:
      return 'insufficient_credits';
    case 404:
      return 'not_found';
    case 408:
      return null;
    case 409:
    case 425:
      return 'busy';
    case 429:
      return 'rate_limited';
    default:
      return 'invalid';
  }
}
