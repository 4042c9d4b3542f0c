import type { Clock } from '../shared/clock.js';
import { createDispatcher, type ProxySettings } from './dispatcher.js';
import { judgeAnswer, type Understood } from './judge-answer.js';
import type { Refused, Unknown, Unreachable } from './outcome.js';
import { type ExchangeRequest, localClock, sendRequest } from './request.js';
import type { UploadForm } from './upload-form.js';

const defaultTimeoutMs = 30_000;

export interface ApiCallerOptions {
  /** Scheme, host and port, such as `https://rivya.ai`. */
  origin: string;
  /** For a whole request; 30 s unless said, and for a turn of a chat 150 s. */
  requestTimeoutMs?: number;
  /** Connections at once; as many as requests unless said. */
  connections?: number;
  proxy?: ProxySettings;
  /** Where the API is a simulator of this process: its port on this machine, whatever the origin is called. */
  localPort?: number | undefined;
  userAgent?: string;
  /** For dates in headers; this machine's unless said. */
  clock?: Clock;
}

interface ApiRequest {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  headers: Record<string, string>;
  body?: string | UploadForm['body'];
  /** Where it is not that of all requests. */
  timeoutMs?: number;
}

export interface ApiCaller {
  send<Content>(
    request: ApiRequest,
    parse: (json: unknown) => Content | null,
    wanted: string,
    signal: AbortSignal | undefined,
  ): Promise<Understood<Content> | Refused | Unknown | Unreachable>;
  close(): Promise<void>;
}

/** How every request to the API is sent, and its answer judged. Throws only where the origin or the proxy's address is no URL. */
export function createApiCaller(options: ApiCallerOptions): ApiCaller {
  const { origin, protocol } = new URL(options.origin);
  const { proxy, connections, requestTimeoutMs: usualTimeoutMs = defaultTimeoutMs } = options;
  const clock = options.clock ?? localClock;
  const dispatcher = createDispatcher({
    protocol: protocol === 'http:' ? 'http:' : 'https:',
    proxy,
    connections,
    localPort: options.localPort,
  });
  const everyHeader = {
    accept: 'application/json',
    'user-agent': options.userAgent ?? 'rivya-batch',
  };
  return {
    async send({ headers, timeoutMs = usualTimeoutMs, ...request }, parse, wanted, signal) {
      const full: Omit<ExchangeRequest, 'signal'> = {
        ...request,
        origin,
        headers: { ...everyHeader, ...headers },
      };
      const answer = await sendRequest(full, dispatcher, timeoutMs, signal);
      if (answer.kind !== 'answered') return answer;
      return judgeAnswer(answer, parse, wanted, clock.now());
    },
    close: () => dispatcher.destroy(),
  };
}
