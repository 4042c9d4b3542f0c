import { type Answer, errorAnswer } from './answer.js';
import { type Endpoint, scopeOf } from './endpoint.js';
import type { Settings } from './settings.js';

/** The Bearer key of an Authorization header; null where there is none of that form. */
export function bearerKey(authorization: string | undefined): string | null {
  return /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

/** Null when the key may call the endpoint, else the documented 401 or 403. */
export function checkKey(
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
