import type { Dispatcher } from 'undici';
import { errorCode } from '../rivya/transport-failure.js';

/** What the SDK asks to be sent: paths are encoded, the query is not. */
interface SignedRequest {
  method: string;
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: Buffer | string | null;
}

interface Answer {
  statusCode: number;
  headers: Record<string, string>;
  body: Dispatcher.ResponseData['body'];
}

/** Sends the SDK's requests as all others of this program are sent: the same proxies, certificates and time limits. */
export function requestHandler(dispatcher: Dispatcher) {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(
      request: SignedRequest,
      { abortSignal }: { abortSignal?: AbortSignal } = {},
    ): Promise<{ response: Answer }> {
      const { method, protocol, hostname, port, headers, body } = request;
      try {
        const answer = await dispatcher.request({
          origin: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`,
          path: `${request.path}${queryText(request.query ?? {})}`,
          method: method as Dispatcher.HttpMethod,
          headers,
          body: body ?? null,
          signal: abortSignal ?? null,
        });
        const { statusCode, body: stream } = answer;
        return { response: { statusCode, headers: flat(answer.headers), body: stream } };
      } catch (error) {
        throw retriable(error);
      }
    },
    destroy: () => undefined,
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  );
}

/** In the encoding in which the query was signed. */
function queryText(query: NonNullable<SignedRequest['query']>): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values ?? ''].flat().map((value) => `${encoded(name)}=${encoded(value)}`),
  );
  return pairs.length === 0 ? '' : `?${pairs.sort().join('&')}`;
}

function encoded(text: string): string {
  const code = (character: string) =>
    `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, code);
}

/** The SDK knows what passes by its own names for it, and repeats the request. */
function retriable(error: unknown): unknown {
  const code = errorCode(error);
  if (code === null || !/^(E[A-Z_]+|UND_ERR_(SOCKET|\w+_TIMEOUT))$/.test(code)) return error;
  const text = 'The connection failed.';
  return Object.assign(new Error(text, { cause: error }), { name: 'TimeoutError', code });
}
