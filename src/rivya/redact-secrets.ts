/** Everything a bearer token may hold, not only what keys were seen to hold: a tail must not leak. */
const secretPattern = /(rvya_sk_|whsec_)[A-Za-z0-9._~+/=-]+/g;

/** Replaces API keys and webhook secrets in a text by their prefix and `[redacted]` (S8). */
export function redactSecrets(text: string): string {
  return text.replace(secretPattern, '$1[redacted]');
}
