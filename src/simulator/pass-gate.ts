import { type Answer, errorAnswer } from './answer.js';
import { type Endpoint, scopeOf } from './endpoint.js';
import type { FaultSubject } from './faults/fault-rules.js';
import type { Settings } from './settings.js';
import type { SimulatedApi } from './simulated-api.js';

export type Passage =
  | { kind: 'passed'; headers: Record<string, string> }
  | { kind: 'stopped'; answer: Answer };

/** What every request to the API goes through before its own endpoint: faults of the whole API, key, rate. */
export function passGate(api: SimulatedApi, apiKey: string | null, subject: FaultSubject): Passage {
  const fault = requestFault(api, subject);
  if (fault) return { kind: 'stopped', answer: fault };
  const requestId = api.nextId('req');
  const refused = checkKey(apiKey, subject.endpoint, { keys: api.settings.keys, requestId });
  if (refused) return { kind: 'stopped', answer: refused };
  const rateKey = apiKey ?? 'anonymous';
  const admission = api.rates.pass(subject.endpoint, rateKey, api.clock.now());
  if (admission.kind === 'admitted') {
    return { kind: 'passed', headers: { ...admission.headers, ...oddHeaders(api, subject) } };
  }
  return { kind: 'stopped', answer: tooManyRequests(requestId, admission.headers) };
}

function requestFault(api: SimulatedApi, subject: FaultSubject): Answer | null {
  const fault = api.faults.draw('request', subject);
  if (!fault) return null;
  const requestId = api.nextId('req');
  switch (fault.kind) {
    case 'outage':
      return { kind: 'dropped' };
    case 'api-disabled':
      return errorAnswer({
        status: 503,
        code: 'public_api_disabled',
        message: 'The public API is temporarily disabled.',
        requestId,
      });
    case 'rate-limited': {
      const { retryAfterSeconds: seconds } = fault;
      return tooManyRequests(
        requestId,
        seconds === undefined ? {} : { 'retry-after': String(seconds) },
      );
    }
    case 'revoked-key':
      // A public endpoint does not look at keys.
      if (scopeOf[subject.endpoint] === null) return null;
      return errorAnswer({
        status: 401,
        code: 'api_key_revoked',
        message: 'The API key was revoked.',
        requestId,
      });
    case 'page':
      return { kind: 'gateway-page', status: fault.status };
    case 'refuse':
      return errorAnswer({
        status: fault.status,
        code: fault.code,
        message: `Refused on demand: ${fault.code}.`,
        requestId: fault.requestId === 'present' ? requestId : null,
      });
    default:
      return fault satisfies never;
  }
}

function oddHeaders(api: SimulatedApi, subject: FaultSubject): Record<string, string> {
  const fault = api.faults.draw('headers', subject);
  if (!fault) return {};
  const { reset, remaining, limit } = fault;
  return {
    'x-ratelimit-reset': String(reset),
    'x-ratelimit-remaining': String(remaining),
    ...(limit !== undefined && { 'x-ratelimit-limit': String(limit) }),
  };
}

function tooManyRequests(requestId: string, headers: Record<string, string>): Answer {
  return errorAnswer({
    status: 429,
    code: 'rate_limited',
    message: 'Too many requests in the current window.',
    requestId,
    headers,
  });
}

/** The Bearer key of an Authorization header; null where there is none of that form. */
export function bearerKey(authorization: string | undefined): string | null {
  return /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

/** Null when the key may call the endpoint, else the documented 401 or 403. */
function checkKey(
  key: string | null,
  endpoint: Endpoint,
  { keys, requestId }: Pick<Settings, 'keys'> & { requestId: string },
): Answer | null {
  const scope = scopeOf[endpoint];
  if (scope === null) return null;
  const refuse = (code: string, message: string): Answer =>
    errorAnswer({ status: code === 'api_scope_denied' ? 403 : 401, code, message, requestId });
  if (key === null) return refuse('api_key_missing', 'A valid Bearer API key is required.');
  const known = keys?.find((candidate) => candidate.key === key);
  if (keys ? !known : !key.startsWith('rvya_sk_')) {
    return refuse('api_key_invalid', 'The API key is invalid.');
  }
  if (known?.state === 'revoked') return refuse('api_key_revoked', 'The API key was revoked.');
  if (known?.state === 'expired') return refuse('api_key_expired', 'The API key has expired.');
  if (known?.scopes && !known.scopes.includes(scope)) {
    return refuse('api_scope_denied', `The API key lacks the scope ${scope}.`);
  }
  return null;
}
