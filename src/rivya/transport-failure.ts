import type { Unknown, Unreachable } from './outcome.js';
import { quoteText } from './quote-text.js';

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

/** Of zlib and of brotli. */
const decodingCode = /^(Z_|ERR__ERROR_FORMAT|ERR__ERROR_ALLOC|ERR_BROTLI)/;

/** Where an error of the network carries a code, that code. */
export function errorCode(error: unknown): string | null {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : null;
}

/** A fault of the network in words, with its code; made from codes alone, never from texts. */
export function describeFailure(error: unknown): string {
  const code = errorCode(error);
  if (code === null) return 'the request was stopped';
  const phrase = phrases.get(code) ?? phraseOfKind(code);
  return phrase === null ? `the connection failed (${code})` : `${phrase} (${code})`;
}

function phraseOfKind(code: string): string | null {
  if (tlsCode.test(code)) return 'no secure connection could be made';
  return decodingCode.test(code) ? 'what came could not be decompressed' : null;
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
