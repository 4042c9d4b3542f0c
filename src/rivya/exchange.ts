import type { Dispatcher } from 'undici';

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
  const watched = dispatcher.compose(
    (dispatch) => (options, handler) => dispatch(options, noticeStart(handler, begin)),
  );
  const abortion = rejectOnAbort(signal);
  try {
    const limits = { headersTimeout: 0, bodyTimeout: 0 };
    const sent = watched.request({ ...limits, ...request });
    return { kind: 'opened', response: await Promise.race([sent, abortion.promise]) };
  } catch (error) {
    return { kind: 'failed', begun: state.begun, error };
  } finally {
    abortion.end();
  }
}

/** Calls `notice` right before the request is written to a connection that stands. */
function noticeStart(
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
  const listening = new AbortController();
  const promise = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true, signal: listening.signal });
  });
  return { promise, end: () => listening.abort() };
}
