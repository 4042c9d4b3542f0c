import { hash, timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { type ListenAddress, listen } from '../../shared/listen.js';
import type { HintDesk } from './hint-desk.js';
import { readHint } from './read-hint.js';

export interface HintServer {
  /** `http://host:port` */
  origin: string;
  close(): Promise<void>;
}

export interface HintServerOptions {
  desk: Pick<HintDesk, 'take'>;
  /** What events are posted to, without its slash: whoever knows it may give hints (S8). */
  path: string;
  place: ListenAddress;
  /** For a whole request, to its last byte. */
  patienceMs?: number;
}

/** A task with its links and params has a few KB. */
const mostBytes = 64 * 1024;
const mostConnections = 64;
const patienceMs = 10_000;
const lookForSlowMs = 500;

/**
 * Takes events of the API over HTTP. All that an event does is to let a task be looked at, so none is refused for what
 * is in it: whoever sends would only try again. What is too long, too slow, or for another path is not read.
 * @throws BatchError `bad_configuration` where it cannot listen
 */
export async function startHintServer(options: HintServerOptions): Promise<HintServer> {
  const { desk, path, place } = options;
  const timeoutMs = options.patienceMs ?? patienceMs;
  const server = Fastify({
    logger: false,
    bodyLimit: mostBytes,
    forceCloseConnections: true,
    requestTimeout: timeoutMs,
    keepAliveTimeout: timeoutMs,
    http: {
      headersTimeout: timeoutMs,
      connectionsCheckingInterval: Math.min(lookForSlowMs, timeoutMs),
    },
  });
  server.server.maxConnections = mostConnections;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body);
  });
  // Before a body is read.
  server.addHook('onRequest', (request, reply, done) => {
    const fault = faultOf(request, path);
    if (fault === null) return done();
    void refuse(reply, fault);
  });
  server.setErrorHandler((error: FastifyError, _request, reply) =>
    refuse(reply, error.statusCode ?? 500),
  );
  server.post('/*', (request, reply) => {
    desk.take(readHint(typeof request.body === 'string' ? request.body : ''));
    return reply.code(204).send();
  });
  const remedy = 'choose others with --hooks-host and --hooks-port';
  const origin = await listen(server, place, { whose: 'The receiver of hints', remedy });
  return { origin, close: () => server.close() };
}

function faultOf(request: FastifyRequest, path: string): 404 | 405 | null {
  const [called = ''] = request.raw.url?.split('?') ?? [];
  if (!isSame(called, `/${path}`)) return 404;
  return request.method === 'POST' ? null : 405;
}

/** Takes as long whatever the two have in common. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => hash('sha256', text, 'buffer'));
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

/** With its connection: what is left of a body is not to be read. */
function refuse(reply: FastifyReply, status: number): FastifyReply {
  if (status === 405) void reply.header('allow', 'POST');
  return reply.code(status).header('connection', 'close').send();
}
