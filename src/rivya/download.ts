import { createHash } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import type { Dispatcher } from 'undici';
import type { Clock } from '../shared/clock.js';
import { createDispatcher, type ProxySettings } from './dispatcher.js';
import { headerText, mediaType, type ResponseHeaders, retryAfterMs } from './headers.js';
import type { DownloadOutcome } from './outcome.js';
import { Patience, type PatienceLimits } from './patience.js';
import { Deadline, localClock, openExchange } from './request.js';
import { guardedLookup, judgeResultUrl, privateAddress, privateAddressCode } from './safe-url.js';
import { describeFailure, errorCode, safeCause } from './transport-failure.js';

const defaultMaxRedirects = 3;

export interface DownloaderOptions {
  /** The one host that may be private or plain http. */
  apiOrigin: string;
  maxBytes: number;
  /** Longest wait for the first byte, and between two; a drip of less than 1,000 bytes a second counts as none. */
  idleTimeoutMs: number;
  /** For the whole download, redirects included; no limit unless said. */
  totalTimeoutMs?: number;
  /** 3 unless said. */
  maxRedirects?: number;
  proxy?: ProxySettings;
  /** As of the client: for the API's own host alone. */
  localPort?: number | undefined;
  userAgent?: string;
  /** Resolves host names; the system's unless said. Its answers are checked, whatever it is. */
  lookup?: LookupFunction;
  /** For dates in headers; this machine's unless said. */
  clock?: Clock;
}

/** How one download differs from the others. */
export interface DownloadManner extends Partial<PatienceLimits> {
  /** Gives it up. */
  signal?: AbortSignal;
}

/** Fetches result files from wherever the API says, without trusting it (no credentials are ever sent). */
export interface Downloader {
  /**
   * Streams one file to `write`, chunk by chunk, each awaited. Outcomes of the network are returned;
   * an error of `write` is thrown as it is. What was written before any outcome but `saved` is waste.
   */
  download(url: string, write: WriteChunk, manner?: DownloadManner): Promise<DownloadOutcome>;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** Throws only where the API's origin or the proxy's address is no URL. */
export function createDownloader(options: DownloaderOptions): Downloader {
  const { apiOrigin, proxy, lookup, localPort } = options;
  const apiProtocol = new URL(apiOrigin).protocol === 'http:' ? 'http:' : 'https:';
  const dispatchers: Dispatchers = {
    trusted: createDispatcher({
      ...{ protocol: apiProtocol, proxy, localPort },
      ...(lookup ? { lookup } : {}),
    }),
    guarded: createDispatcher({ protocol: 'https:', proxy, lookup: guardedLookup(lookup) }),
    // A proxy resolves names itself, past the guard of our own connections.
    resolvesElsewhere: proxy?.https ? guardedLookup(lookup) : null,
  };
  return {
    async download(url, write, { signal, idleTimeoutMs, onStanding } = {}) {
      const total = new Deadline(signal);
      const patience = new Patience(total.signal, {
        idleTimeoutMs: idleTimeoutMs ?? options.idleTimeoutMs,
        onStanding,
      });
      if (options.totalTimeoutMs !== undefined) total.arm(options.totalTimeoutMs);
      try {
        return await followRedirects(url, { options, dispatchers, write, patience });
      } finally {
        patience.end();
        total.end();
      }
    },
    async close() {
      await Promise.all([dispatchers.trusted.destroy(), dispatchers.guarded.destroy()]);
    },
  };
}

interface Dispatchers {
  trusted: Dispatcher;
  guarded: Dispatcher;
  /** Looks a name up and judges it, where whoever connects to it is not this process; null where it is. */
  resolvesElsewhere: LookupFunction | null;
}

interface Download {
  options: DownloaderOptions;
  dispatchers: Dispatchers;
  write: WriteChunk;
  patience: Patience;
}

async function followRedirects(first: string, download: Download): Promise<DownloadOutcome> {
  const { apiOrigin, maxRedirects = defaultMaxRedirects } = download.options;
  let target = first;
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const verdict = judgeResultUrl(target, apiOrigin);
    if (verdict.kind === 'refused') return { kind: 'url_refused', reason: verdict.reason };
    const step = await fetchOnce(verdict, download);
    if (step.kind !== 'redirected') return step;
    target = step.target;
  }
  const reason = `There were more than ${maxRedirects} redirects.`;
  return { kind: 'unavailable', reason, retryAfterMs: null, cause: null };
}

async function fetchOnce(
  { url, trusted }: { url: URL; trusted: boolean },
  { options, dispatchers, write, patience }: Download,
): Promise<DownloadOutcome | { kind: 'redirected'; target: string }> {
  const { maxBytes, userAgent = 'rivya-batch', clock = localClock } = options;
  patience.begin();
  if (!trusted && dispatchers.resolvesElsewhere !== null) {
    const error = await privateAddress(url.hostname, dispatchers.resolvesElsewhere);
    if (error !== null) return explainFailure(error);
  }
  const exchange = await openExchange(trusted ? dispatchers.trusted : dispatchers.guarded, {
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: 'GET',
    // Bytes as they are stored; what comes in another coding all the same is decoded.
    headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': userAgent },
    signal: patience.signal,
  });
  patience.rest();
  if (exchange.kind === 'failed') return explainFailure(exchange.error);
  const { response } = exchange;
  const verdict = judgeDownload(response, url, maxBytes, clock.now());
  if (verdict.kind === 'body') return saveBody(response, write, maxBytes, patience);
  discard(response);
  return verdict;
}

function explainFailure(error: unknown): DownloadOutcome {
  if (errorCode(error) === privateAddressCode) {
    const reason = "The result's URL is not fetched: its host leads into a private network.";
    return { kind: 'url_refused', reason };
  }
  return {
    kind: 'unavailable',
    reason: `The file could not be fetched: ${describeFailure(error)}.`,
    retryAfterMs: null,
    cause: safeCause(error),
  };
}

/** Gives up a body together with its connection: reading it to the end might take for ever. */
function discard({ body }: Dispatcher.ResponseData): void {
  // undici reports the giving up itself as an error of the stream.
  body.on('error', () => undefined).destroy();
}

/** Takes one chunk; the next is read when it has resolved. What it throws ends the download and is passed on. */
type WriteChunk = (chunk: Buffer) => Promise<void>;

/**
 * Streams a body to `write`, decoded, hashing it on the way; only errors of `write` are thrown.
 * @param maxBytes of the file, which may be larger than what came
 */
async function saveBody(
  { body, headers }: Dispatcher.ResponseData,
  write: WriteChunk,
  maxBytes: number,
  patience: Patience,
): Promise<DownloadOutcome> {
  const hash = createHash('sha256');
  let bytes = 0;
  const chunks = decodeBody(timed(body, patience), headers);
  try {
    for (;;) {
      const next = await readNext(chunks);
      if (next.kind === 'broken') return unavailable(next.error);
      if (next.kind === 'end') break;
      bytes += next.chunk.length;
      if (bytes > maxBytes) return { kind: 'too_large', maxBytes };
      await write(next.chunk);
      hash.update(next.chunk);
    }
  } finally {
    // First of all the connection: whoever still reads from it finds its end. undici reports that as an error.
    body.on('error', () => undefined).destroy();
    await chunks.return(undefined).catch(() => undefined);
  }
  if (bytes === 0) {
    return { kind: 'unavailable', reason: 'The file is empty.', retryAfterMs: null, cause: null };
  }
  return { kind: 'saved', bytes, sha256: hash.digest('hex'), declaredType: mediaType(headers) };
}

/** Only what the server takes is its time: whoever asks for the next chunk has done with the last one. */
async function* timed(body: AsyncIterable<Buffer>, patience: Patience): AsyncGenerator<Buffer> {
  patience.begin();
  for await (const chunk of body) {
    patience.rest(chunk.length);
    yield chunk;
    patience.begin();
  }
  patience.rest();
}

type Next = { kind: 'chunk'; chunk: Buffer } | { kind: 'end' } | { kind: 'broken'; error: unknown };

async function readNext(chunks: AsyncIterator<Buffer>): Promise<Next> {
  try {
    const { done, value } = await chunks.next();
    return done ? { kind: 'end' } : { kind: 'chunk', chunk: value };
  } catch (error) {
    return { kind: 'broken', error };
  }
}

function unavailable(error: unknown): DownloadOutcome {
  return {
    kind: 'unavailable',
    reason: `The file did not arrive completely: ${describeFailure(error)}.`,
    retryAfterMs: null,
    cause: safeCause(error),
  };
}

export type DownloadVerdict =
  /** The body is the file. */
  { kind: 'body' } | { kind: 'redirected'; target: string } | DownloadOutcome;

const redirects = new Set([301, 302, 303, 307, 308]);
/** As much as a header can hold: a cut address would lead elsewhere. */
const longestAddress = 16_384;
const gone = new Set([403, 404, 410]);

/**
 * What the status and headers of a result URL's answer say, before its body is read.
 * @param now ms since the epoch
 */
export function judgeDownload(
  { statusCode, headers }: { statusCode: number; headers: ResponseHeaders },
  url: URL,
  maxBytes: number,
  now: number,
): DownloadVerdict {
  if (redirects.has(statusCode))
    return redirected(headerText(headers, 'location', longestAddress), url);
  if (gone.has(statusCode)) return { kind: 'gone', httpStatus: statusCode };
  // 206 would be a part of a file, and nobody asked for a part.
  if (statusCode < 200 || statusCode >= 300 || statusCode === 206) {
    const time = { now, date: headerText(headers, 'date') };
    const waitMs = retryAfterMs(headerText(headers, 'retry-after'), time);
    return downloadUnavailable(`The file's server answered HTTP ${statusCode}.`, waitMs);
  }
  const announcedBytes = Number(headerText(headers, 'content-length') ?? 0);
  return announcedBytes > maxBytes ? { kind: 'too_large', maxBytes } : { kind: 'body' };
}

function redirected(location: string | null, url: URL): DownloadVerdict {
  if (location === null || !URL.canParse(location, url.href)) {
    return downloadUnavailable("The file's server redirects to nowhere.", null);
  }
  return { kind: 'redirected', target: new URL(location, url).href };
}

function downloadUnavailable(reason: string, retryAfterMs: number | null): DownloadOutcome {
  return { kind: 'unavailable', reason, retryAfterMs, cause: null };
}

/** Codings of a body in the order in which they were applied; what is none (`aws-chunked`, `UTF-8`) changes nothing. */
type Coding = 'gzip' | 'deflate' | 'br';

const codings = new Map<string, Coding>([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
]);

function codingsOf(headers: ResponseHeaders): Coding[] {
  const tokens = [headers['content-encoding'] ?? []].flat().join(',').split(',');
  return tokens.flatMap((token) => codings.get(token.trim().toLowerCase()) ?? []);
}

/**
 * The bytes of the file itself, whatever coding they came in: nobody asks for one, and some hosts apply one all the
 * same. A body that only claims to be gzip, as a wrong setting of a bucket makes it, is taken as it is.
 */
async function* decodeBody(
  chunks: AsyncIterable<Buffer>,
  headers: ResponseHeaders,
): AsyncGenerator<Buffer> {
  const applied = codingsOf(headers);
  if (applied.length === 0) return yield* chunks;
  const source = chunks[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done) return;
  const outermost = applied.at(-1);
  if (outermost === 'gzip' && first.value[0] !== 0x1f) applied.pop();
  const decoders = applied
    .toReversed()
    .map((coding, index) => decoderOf(coding, index === 0 ? first.value : null));
  const whole = Readable.from(startingWith(first.value, source));
  // How it ends is told to whoever reads from the last of them.
  yield* decoders.reduce<Readable>((from, to) => pipeline(from, to, () => undefined), whole);
}

async function* startingWith(first: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* { [Symbol.asyncIterator]: () => source };
}

function decoderOf(coding: Coding, start: Buffer | null): Transform {
  switch (coding) {
    case 'gzip':
      return createGunzip();
    case 'deflate':
      // `deflate` means the zlib format; some servers send the bare one.
      return start !== null && ((start[0] ?? 0) & 0x0f) !== 8
        ? createInflateRaw()
        : createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return coding satisfies never;
  }
}
