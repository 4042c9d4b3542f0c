import type { Dispatcher } from 'undici';
import { Deadline } from './deadline.js';
import { type ExchangeRequest, openExchange } from './exchange.js';
import type { Unknown, Unreachable } from './outcome.js';
import { readBoundedText } from './read-bounded-text.js';
import { headerRequestId, type ResponseHeaders } from './response-headers.js';
import { describeFailure, safeCause, transportFailure } from './transport-failure.js';

const longestBodyBytes = 4 * 1024 * 1024;

/** A whole answer, its body not yet understood. */
export interface Answer {
  kind: 'answered';
  httpStatus: number;
  headers: ResponseHeaders;
  text: string;
}

export interface SendOptions {
  dispatcher: Dispatcher;
  /** For the whole request, from waiting for a connection to the last byte of the answer. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

/** Sends one API request and reads its whole answer; faults of the way are returned, never thrown. */
export async function sendRequest(
  request: Omit<ExchangeRequest, 'signal'>,
  { dispatcher, timeoutMs, signal }: SendOptions,
): Promise<Answer | Unknown | Unreachable> {
  const deadline = new Deadline(signal);
  deadline.arm(timeoutMs);
  try {
    const exchange = await openExchange(dispatcher, { ...request, signal: deadline.signal });
    if (exchange.kind === 'failed') return transportFailure(exchange);
    return await readAnswer(exchange.response);
  } finally {
    deadline.end();
  }
}

async function readAnswer(response: Dispatcher.ResponseData): Promise<Answer | Unknown> {
  const { statusCode: httpStatus, headers, body } = response;
  const read = await readBoundedText(body, longestBodyBytes);
  switch (read.kind) {
    case 'text':
      return { kind: 'answered', httpStatus, headers, text: read.text };
    case 'too_long':
      return unread(response, 'the answer is longer than 4 MB', null);
    case 'broken':
      return unread(response, describeFailure(read.error), safeCause(read.error));
    default:
      return read satisfies never;
  }
}

function unread(response: Dispatcher.ResponseData, what: string, cause: unknown): Unknown {
  return {
    kind: 'unknown',
    reason: `HTTP ${response.statusCode}, but ${what}.`,
    httpStatus: response.statusCode,
    requestId: headerRequestId(response.headers),
    retryAfterMs: null,
    cause,
  };
}
