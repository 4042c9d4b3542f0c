import type { Unknown, Unreachable } from './outcome.js';

const phrases = new Map<string, string>([
  ['ECONNREFUSED', 'the connection was refused'],
  ['ENOTFOUND', 'the host name is unknown'],
  ['EAI_AGAIN', 'the host name could not be looked up'],
  ['EHOSTUNREACH', 'the host cannot be reached'],
  ['ENETUNREACH', 'the network cannot be reached'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connecting took too long'],
  ['ETIMEDOUT', 'the connection timed out'],
  ['EPROTO', 'no secure connection could be made'],
  ['ECONNRESET', 'the connection was reset'],
  ['EPIPE', 'the connection was closed'],
  ['UND_ERR_SOCKET', 'the connection was closed'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'the answer was cut short'],
  ['UND_ERR_ABORTED', 'the proxy refused to connect'],
  ['ERR_RIVYA_PROXY', 'the proxy could not be used'],
  ['ERR_RIVYA_DEADLINE', 'no answer came in time'],
  ['UND_ERR_CLOSED', 'the client was closed'],
  ['UND_ERR_DESTROYED', 'the client was closed'],
]);

const tlsCode = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|UND_ERR_PRX_TLS)/;

/** Codes that are the HTTP client's, or ours, tell its user nothing that the phrase does not. */
const ownCode = /^(UND_ERR|ERR_RIVYA)_/;

/** Of zlib and of brotli. */
const decodingCode = /^(Z_|ERR__ERROR_FORMAT|ERR__ERROR_ALLOC|ERR_BROTLI)/;

/** Where an error of the network carries a code, that code. */
export function errorCode(error: unknown): string | null {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : null;
}

/** A fault of the network in words, with the system's code; made from codes alone, never from texts. */
export function describeFailure(error: unknown): string {
  const code = errorCode(error);
  if (code === null) return 'the request was stopped';
  const phrase = phrases.get(code) ?? phraseOfKind(code);
  if (phrase === null) return `the connection failed (${code})`;
  return ownCode.test(code) ? phrase : `${phrase} (${code})`;
}

function phraseOfKind(code: string): string | null {
  if (tlsCode.test(code)) return 'no secure connection could be made';
  return decodingCode.test(code) ? 'the answer could not be decompressed' : null;
}

/**
 * An error as it may be passed on as a `cause`: undici's parser errors carry bytes of the answer,
 * in which a server may have echoed what it was sent (S8).
 */
export function safeCause(error: unknown): unknown {
  if (!(error instanceof Error) || !('data' in error)) return error;
  const code = errorCode(error);
  return Object.assign(new Error(quoteText(error.message)), code === null ? {} : { code });
}

/**
 * What a request that ended without an answer's headers means.
 * `begun` decides, because one code (ECONNRESET) occurs before and after the request went out.
 * Faults in our own request (UND_ERR_INVALID_ARG) are thrown: no outcome of the API.
 */
export function transportFailure(failure: {
  begun: boolean;
  error: unknown;
}): Unknown | Unreachable {
  const { begun, error } = failure;
  if (errorCode(error) === 'UND_ERR_INVALID_ARG') throw error;
  const reason = describeFailure(error);
  const cause = safeCause(error);
  if (!begun) return { kind: 'unreachable', reason: `Not sent: ${reason}.`, cause };
  return {
    kind: 'unknown',
    reason: `Sent, but ${reason}.`,
    httpStatus: null,
    requestId: null,
    retryAfterMs: null,
    cause,
  };
}

/** Everything a bearer token may hold, not only what keys were seen to hold: a tail must not leak. */
const secretPattern = /(rvya_sk_|whsec_)[A-Za-z0-9._~+/=-]+/g;

/** Replaces API keys and webhook secrets in a text by their prefix and `[redacted]` (S8). */
export function redactSecrets(text: string): string {
  return text.replace(secretPattern, '$1[redacted]');
}

const longestMessage = 500;
/**
 * No expression is run over more than this of a foreign text, however much is to be shown of it. What redaction takes
 * out makes a text shorter, so that more is looked at than is kept.
 */
const longestLookedAt = 4_000;

/** In JSON, in HTML and in plain text alike, a URL ends at the latest at one of these. It takes in all that it looks at. */
const url = /(https?:\/\/[^\s"'<>?#\\]*)(?:[?#][^\s"'<>\\]*)?/gi;

/**
 * A text of the API as it may be shown and stored: without secrets, and without the queries of the URLs that it
 * repeats, which sign results and uploads (S8); at most `maxLength` characters.
 */
export function quoteText(text: string, maxLength = longestMessage): string {
  const beginning = text.slice(0, longestLookedAt);
  // Secrets go before it is cut to length: what is left of a cut key would not look like one.
  const clean = redactSecrets(beginning).replace(url, '$1');
  const isWhole = beginning.length === text.length && clean.length <= maxLength;
  return isWhole ? clean : `${clean.slice(0, maxLength - 1)}…`;
}
