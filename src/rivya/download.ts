import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import type { Clock } from '../shared/clock.js';
import { Deadline } from './deadline.js';
import { createDispatcher, type ProxySettings } from './dispatcher.js';
import { openExchange } from './exchange.js';
import { guardedLookup, privateAddressCode } from './guarded-lookup.js';
import { judgeDownload } from './judge-download.js';
import { localClock } from './local-clock.js';
import type { DownloadOutcome } from './outcome.js';
import { Patience, type PatienceLimits } from './patience.js';
import { judgeResultUrl } from './result-url-policy.js';
import { saveBody, type WriteChunk } from './save-body.js';
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
  const verdict = judgeDownload(response, { url, maxBytes, now: clock.now() });
  if (verdict.kind === 'body') return saveBody(response, { write, maxBytes, patience });
  discard(response);
  return verdict;
}

/**
 * The guard's error for a name that leads into a private network; null for any other. A name that cannot be looked up
 * here is left to the proxy: behind one, machines often know no names of the world outside.
 */
function privateAddress(hostname: string, lookup: LookupFunction): Promise<Error | null> {
  return new Promise((resolve) => {
    lookup(hostname, { all: true }, (error) => {
      resolve(error !== null && errorCode(error) === privateAddressCode ? error : null);
    });
  });
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
