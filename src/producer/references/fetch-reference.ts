import { isBucketAddress } from '../../bucket/bucket-address.js';
import type { ProxySettings } from '../../rivya/dispatcher.js';
import { createDownloader } from '../../rivya/download.js';
import type { DownloadOutcome } from '../../rivya/outcome.js';
import { storedFetcher } from './fetch-stored.js';
import type { FetchReference } from './files.js';
import { keepFetched, mostBytes, tooLarge } from './keep-fetched.js';

const idleTimeoutMs = 30_000;
const totalTimeoutMs = 600_000;

export interface FetcherOptions {
  /** Origin of the API: the one host that may be private or without https. */
  origin: string;
  /** Of the service that holds `s3://` addresses; null: Amazon's. */
  s3Endpoint: string | null;
  proxy: ProxySettings;
  userAgent: string;
  /** Absolute; where what was fetched is kept, each content under its hash, for the worker to upload. */
  folder: string;
}

/** Fetches references: those of models that take no URLs, under the rules for downloads of results; and those in buckets. */
export function referenceFetcher({
  origin,
  s3Endpoint,
  proxy,
  userAgent,
  folder,
}: FetcherOptions): FetchReference {
  const fetchStored = storedFetcher({ endpoint: s3Endpoint, proxy, folder });
  return async (url) => {
    if (isBucketAddress(url)) return fetchStored(url);
    const downloader = createDownloader({
      apiOrigin: origin,
      maxBytes: mostBytes,
      idleTimeoutMs,
      totalTimeoutMs,
      proxy,
      userAgent,
    });
    try {
      return await keepFetched(folder, new URL(url).pathname, async (write) => {
        const outcome = await downloader.download(url, write);
        return outcome.kind === 'saved' ? null : { kind: 'unusable', reason: reasonOf(outcome) };
      });
    } finally {
      await downloader.close();
    }
  };
}

/** Nothing of the URL's query, which may be a token (S8). */
function reasonOf(outcome: Exclude<DownloadOutcome, { kind: 'saved' }>): string {
  switch (outcome.kind) {
    case 'gone':
      return `could not be fetched (HTTP ${outcome.httpStatus})`;
    case 'url_refused':
      return 'is not fetched: only https URLs are, and none in a private network';
    case 'too_large':
      return tooLarge;
    case 'unavailable':
      return `could not be fetched: ${outcome.reason}`;
    default:
      return outcome satisfies never;
  }
}
