import { Readable } from 'node:stream';
import { createGzip, constants as zlib } from 'node:zlib';
import fastifyStatic from '@fastify/static';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { thumbnailPath } from '../../pictures/thumbnails.js';
import { readTotals } from '../../results/totals.js';
import { BatchError } from '../../shared/errors.js';
import type { Asset } from '../../shared/manifest-line.js';
import { readQuery } from '../find-briefs.js';
import { readPageFile, servedPage } from '../page-files.js';
import type { FolderNews } from './folder-feed.js';
import { postedListSchema, type ReviewDesk } from './review-desk.js';

export interface ReviewRoutes {
  /**
   * The folder that a request is about, by its route's parameters.
   * @throws BatchError with a sentence for a person where there is none
   */
  deskOf(request: FastifyRequest): Promise<ReviewDesk>;
  /** Whether decisions are taken; else the page only shows them. */
  canDecide: boolean;
  /** Is told of what was unexpected. */
  onError(error: unknown): void;
}

/** Thousands that are selected, each with a note and a prompt. */
const mostPostedBytes = 16 * 1024 * 1024;

/**
 * The page to look and decide on, with all that it asks for, below wherever it is mounted. The login, and headers that hold
 * everywhere, are those of the server that it is mounted in.
 */
export async function addReviewRoutes(
  server: FastifyInstance,
  routes: ReviewRoutes,
): Promise<void> {
  await server.register(fastifyStatic, { serve: false });
  server.setErrorHandler((error: FastifyError, _request, reply) => tell(routes, error, reply));
  addPage(server, routes);
  addData(server, routes);
  addDecisions(server, routes);
  addFiles(server, routes);
}

/** What a request ended with, in a sentence that the page can show. */
function tell({ onError }: ReviewRoutes, error: FastifyError, reply: FastifyReply): FastifyReply {
  if (error instanceof BatchError) {
    return reply.code(statusOf(error)).send({ error: error.message });
  }
  const status = error.statusCode ?? 500;
  if (status < 500) return reply.code(status).send({ error: error.message });
  onError(error);
  return reply.code(500).send({ error: 'Something went wrong: see what the command printed.' });
}

function statusOf({ code }: BatchError): number {
  if (code === 'batch_not_found') return 404;
  return code === 'redis_unreachable' ? 503 : 409;
}

const pageTypes = {
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
} as const;

function addPage(server: FastifyInstance, { deskOf }: ReviewRoutes): void {
  server.get('/', async (request, reply) => {
    const { name } = await deskOf(request);
    // Mounted below a path: all that the page asks for is relative to it.
    const { pathname, search } = addressOf(request);
    if (!pathname.endsWith('/')) return reply.redirect(`${pathname}/${search}`, 301);
    return reply.type('text/html; charset=utf-8').send(servedPage(name));
  });
  server.get('/icon.svg', async (_request, reply) => reply.type('image/svg+xml').send(icon));
  for (const name of ['page.js', 'page.css'] as const) {
    server.get(`/${name}`, async (request, reply) =>
      reply.type(pageTypes[name]).send(packed(request, reply, [await readPageFile(name)])),
    );
  }
}

const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><title>rivya-batch</title><rect width="32" height="32" rx="7" fill="#1f5f8b"/><path d="m8 17 6 6 11-13" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>';

const pageNumber = z.coerce.number().int().positive().catch(1);

function addData(server: FastifyInstance, { deskOf, canDecide }: ReviewRoutes): void {
  server.get('/data', async (request, reply) => {
    const desk = await deskOf(request);
    const params = paramsOf(request);
    const asked = {
      query: readQuery(params),
      page: pageNumber.parse(params.get('page')),
      canDecide,
    };
    const pieces = desk.data(asked, whileAsked(reply));
    return reply
      .type('application/json; charset=utf-8')
      .send(packed(request, reply, await begun(pieces)));
  });
  server.get('/totals', async (request) => readTotals((await deskOf(request)).out));
  server.get('/events', async (request, reply) => {
    const desk = await deskOf(request);
    const last = request.headers['last-event-id'];
    const since = typeof last === 'string' ? last : paramsOf(request).get('since');
    const news = desk.feed.listen(since, whileAsked(reply));
    return reply.type('text/event-stream; charset=utf-8').send(Readable.from(events(news)));
  });
}

/** Fails before anything is sent, while an answer can still say so. */
async function begun(pieces: AsyncGenerator<string>): Promise<AsyncGenerator<string>> {
  const first = await pieces.next();
  return (async function* () {
    if (first.done !== true) yield first.value;
    yield* pieces;
  })();
}

function addressOf({ url }: FastifyRequest): URL {
  return new URL(url, 'http://any.invalid');
}

function paramsOf(request: FastifyRequest): URLSearchParams {
  return addressOf(request).searchParams;
}

/** Ends when the one who asked has got all, or has gone. */
function whileAsked({ raw }: FastifyReply): AbortSignal {
  const ended = new AbortController();
  raw.once('close', () => ended.abort());
  return ended.signal;
}

/** Zipped where the browser takes it: the JSON of ten thousand briefs is 15 MB, and 1 MB like this. */
function packed(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  pieces: Iterable<string> | AsyncIterable<string>,
): Readable {
  reply.header('vary', 'accept-encoding');
  const text = Readable.from(inBlocks(pieces), { objectMode: false });
  if (!/\bgzip\b/.test(String(headers['accept-encoding'] ?? ''))) return text;
  reply.header('content-encoding', 'gzip');
  const gzip = createGzip({ level: zlib.Z_BEST_SPEED });
  text.once('error', (error) => gzip.destroy(error));
  gzip.once('close', () => text.destroy());
  return text.pipe(gzip);
}

const blockCharacters = 1 << 16;

async function* inBlocks(pieces: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let block = '';
  for await (const piece of pieces) {
    block += piece;
    if (block.length < blockCharacters) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}

/** As server-sent events. Each of decisions has an id from which the browser goes on when it connects again. */
async function* events(news: AsyncGenerator<FolderNews>): AsyncGenerator<string> {
  // So that whoever waits for the answer to begin knows that it is heard.
  yield ': listening\n\n';
  for await (const one of news) {
    switch (one.kind) {
      case 'decisions':
        yield `id: ${one.mark}\ndata: ${JSON.stringify({ decisions: one.decisions })}\n\n`;
        break;
      case 'lines': {
        const { lines, rewritten } = one;
        yield `data: ${JSON.stringify(rewritten ? { lines, rewritten } : { lines })}\n\n`;
        break;
      }
      case 'quiet':
        // A browser that has gone without a word is noticed when something is sent to it.
        yield ': quiet\n\n';
        break;
      default:
        one satisfies never;
    }
  }
}

function addDecisions(server: FastifyInstance, { deskOf, canDecide }: ReviewRoutes): void {
  server.post('/decisions', { bodyLimit: mostPostedBytes }, async (request, reply) => {
    const desk = await deskOf(request);
    if (!canDecide) {
      const error =
        'Decisions are not taken here: the monitor was started without --allow-actions.';
      return reply.code(403).send({ error });
    }
    const posted = postedListSchema.safeParse(request.body);
    if (posted.success) return desk.decide(posted.data.decisions);
    const error = 'What was sent is no list of decisions: {"decisions": [...]}.';
    return reply.code(400).send({ error });
  });
}

/** Of results, and of what came and was none. */
const folders = ['assets', 'aside'] as const;
const thumbnailName = /^([0-9a-f]{64})\.webp$/;

function addFiles(server: FastifyInstance, { deskOf }: ReviewRoutes): void {
  server.get<{ Params: { name: string } }>('/thumbnails/:name', async (request, reply) => {
    const [, sha256] = thumbnailName.exec(request.params.name) ?? [];
    const desk = await deskOf(request);
    if (sha256 === undefined || !(await desk.provideThumbnail(sha256))) return missing(reply);
    reply.type('image/webp').header('cache-control', 'private, max-age=86400, immutable');
    return sendFile(reply, desk.out, thumbnailPath(sha256));
  });
  for (const folder of folders) {
    server.get(`/${folder}/*`, async (request, reply) => {
      const desk = await deskOf(request);
      const { '*': rest = '' } = request.params as { '*'?: string };
      const asset = await desk.fileAt(`${folder}/${rest}`);
      if (asset === null) return missing(reply);
      reply.headers(headersOf(asset));
      return sendFile(reply, desk.out, asset.path);
    });
  }
}

function missing(reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ error: 'There is no such file in this batch.' });
}

/** Ranges, for films, included. */
function sendFile(reply: FastifyReply, out: string, path: string): FastifyReply {
  return reply.sendFile(path, out, { contentType: false, cacheControl: false, dotfiles: 'allow' });
}

/** Whatever a result is, it runs nothing and loads nothing, also where somebody opens it as a page of its own. */
const filePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self' data:; sandbox";

const shownTypes = /^(image|video|audio)\/[\w.+-]+$/;

function headersOf({ path, media_type: type }: Asset): Record<string, string> {
  const isText = type === 'text/plain';
  const isShown = isText || shownTypes.test(type);
  const name = encodeURIComponent(path.split('/').at(-1) ?? '').replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return {
    'content-security-policy': filePolicy,
    'content-type': isShown
      ? `${type}${isText ? '; charset=utf-8' : ''}`
      : 'application/octet-stream',
    'content-disposition': `${isShown ? 'inline' : 'attachment'}; filename*=UTF-8''${name}`,
    // It is asked for each time whether it is still the same.
    'cache-control': 'private, no-cache',
  };
}
