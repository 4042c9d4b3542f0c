import type { Dispatcher } from 'undici';
import type { Clock } from '../shared/clock.js';
import { headerRequestId, type ResponseHeaders } from './headers.js';
import type { Unknown, Unreachable } from './outcome.js';
import { describeFailure, safeCause, transportFailure } from './transport-failure.js';

const longestBodyBytes = 4 * 1024 * 1024;

/** A whole answer, its body not yet understood. */
export interface Answer {
  kind: 'answered';
  httpStatus: number;
  headers: ResponseHeaders;
  text: string;
}

/**
 * Sends one API request and reads its whole answer; faults of the way are returned, never thrown.
 * @param timeoutMs for the whole request, from waiting for a connection to the last byte of the answer
 */
export async function sendRequest(
  request: Omit<ExchangeRequest, 'signal'>,
  dispatcher: Dispatcher,
  timeoutMs: number,
  signal: AbortSignal | undefined,
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

/** `begun`: at least the first byte may have left; without it the other side surely saw nothing. */
export type Exchange =
  | { kind: 'opened'; response: Dispatcher.ResponseData }
  | { kind: 'failed'; begun: boolean; error: unknown };

export type ExchangeRequest = Omit<Dispatcher.RequestOptions, 'signal'> & { signal: AbortSignal };

/**
 * Sends one request and waits for the headers of its answer; redirects are not followed.
 * The signal ends the wait at any point, also while connecting, where undici alone would go on.
 */
export async function openExchange(
  dispatcher: Dispatcher,
  request: ExchangeRequest,
): Promise<Exchange> {
  const { signal } = request;
  if (signal.aborted) return { kind: 'failed', begun: false, error: signal.reason };
  const state = { begun: false };
  const begin = (): void => {
    state.begun = true;
  };
  const abortion = rejectOnAbort(signal);
  try {
    const limits = { headersTimeout: 0, bodyTimeout: 0 };
    const options: Dispatcher.RequestOptions = { ...limits, ...request };
    const sent = watched(dispatcher).request(Object.assign(options, { [beginning]: begin }));
    return { kind: 'opened', response: await Promise.race([sent, abortion.promise]) };
  } catch (error) {
    return { kind: 'failed', begun: state.begun, error };
  } finally {
    abortion.end();
  }
}

/** Of a request: what is to be called when it begins. */
const beginning = Symbol('beginning');
/** Each dispatcher is wrapped once. */
const wrapped = new WeakMap<Dispatcher, Dispatcher>();

function watched(dispatcher: Dispatcher): Dispatcher {
  const known = wrapped.get(dispatcher);
  if (known) return known;
  const made = dispatcher.compose((dispatch) => (options, handler) => {
    const { [beginning]: begin } = options as { [beginning]?: () => void };
    return dispatch(options, begin ? watchStart(handler, begin) : handler);
  });
  wrapped.set(dispatcher, made);
  return made;
}

/** Calls `notice` right before the request is written to a connection that stands. */
function watchStart(
  handler: Dispatcher.DispatchHandler,
  notice: () => void,
): Dispatcher.DispatchHandler {
  const { onRequestStart, onConnect } = handler;
  if (onRequestStart) {
    handler.onRequestStart = (...parameters) => {
      notice();
      onRequestStart.apply(handler, parameters);
    };
  }
  if (onConnect) {
    handler.onConnect = (...parameters) => {
      notice();
      onConnect.apply(handler, parameters);
    };
  }
  // A handler without either would hide the start: then every fault counts as one after it.
  if (!onRequestStart && !onConnect) notice();
  return handler;
}

function rejectOnAbort(signal: AbortSignal): { promise: Promise<never>; end: () => void } {
  let onAbort = (): void => undefined;
  const promise = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  return { promise, end: () => signal.removeEventListener('abort', onAbort) };
}

/** A body as text, unless it broke off or would not end. */
type BoundedText =
  | { kind: 'text'; text: string }
  | { kind: 'too_long' }
  | { kind: 'broken'; error: unknown };

/** Reads at most `maxBytes` of a body; a longer one is given up, its connection with it. */
async function readBoundedText(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
): Promise<BoundedText> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > maxBytes) return { kind: 'too_long' };
      chunks.push(chunk);
    }
  } catch (error) {
    return { kind: 'broken', error };
  }
  // TextDecoder, because it drops a byte order mark, which JSON.parse would refuse.
  return { kind: 'text', text: new TextDecoder().decode(Buffer.concat(chunks)) };
}

/** Why a request of ours was given up: by its code, not by its text. */
class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  readonly code = 'ERR_RIVYA_DEADLINE';
}

/**
 * A time limit and the caller's signal as one signal.
 * AbortSignal.any and .timeout would do, but in Node 20 each call leaves something behind on a signal
 * that lives as long as a worker; here `end` takes everything away.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #onParentAbort = (): void => this.#controller.abort(this.#parent?.reason);
  #timer: NodeJS.Timeout | undefined;

  constructor(parent?: AbortSignal) {
    this.#parent = parent;
    if (parent?.aborted) this.#onParentAbort();
    else parent?.addEventListener('abort', this.#onParentAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts the time anew. */
  arm(timeoutMs: number): void {
    this.disarm();
    this.#timer = setTimeout(() => {
      this.#controller.abort(new DeadlinePassed(`There was no answer within ${timeoutMs} ms.`));
    }, timeoutMs);
  }

  /** Stops the time, as while waiting for our own disk. */
  disarm(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.disarm();
    this.#parent?.removeEventListener('abort', this.#onParentAbort);
  }
}

/** For callers that pass no clock: of `shared` this folder imports types only, so not `systemClock`. */
export const localClock: Clock = { now: () => Date.now() };
