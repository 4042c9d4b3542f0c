import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProxySettings } from '../../rivya/dispatcher.js';
import { createDownloader } from '../../rivya/download.js';
import type { DownloadOutcome } from '../../rivya/outcome.js';
import { BatchError } from '../../shared/errors.js';
import { type FetchReference, type FoundReference, lookAtFile } from './files.js';

const mostBytes = 100_000_000;
const idleTimeoutMs = 30_000;
const totalTimeoutMs = 600_000;

export interface FetcherOptions {
  /** Origin of the API: the one host that may be private or without https. */
  origin: string;
  proxy: ProxySettings;
  userAgent: string;
  /** Absolute; where what was fetched is kept, each content under its hash, for the worker to upload. */
  folder: string;
}

/** Fetches references of models that take no URLs, under the rules for downloads of results. */
export function referenceFetcher({
  origin,
  proxy,
  userAgent,
  folder,
}: FetcherOptions): FetchReference {
  return async (url) => {
    const downloader = createDownloader({
      apiOrigin: origin,
      maxBytes: mostBytes,
      idleTimeoutMs,
      totalTimeoutMs,
      proxy,
      userAgent,
    });
    const part = join(folder, `.${randomBytes(8).toString('hex')}.part`);
    try {
      const outcome = await fetchInto(part, folder, (write) => downloader.download(url, write));
      if (outcome.kind !== 'saved') return { kind: 'unusable', reason: reasonOf(outcome) };
      return await keep(part, join(folder, outcome.sha256), nameIn(url));
    } finally {
      await rm(part, { force: true });
      await downloader.close();
    }
  };
}

async function fetchInto(
  part: string,
  folder: string,
  fetch: (write: (chunk: Buffer) => Promise<void>) => Promise<DownloadOutcome>,
): Promise<DownloadOutcome> {
  const handle = await mkdir(folder, { recursive: true, mode: 0o700 })
    .then(() => open(part, 'wx', 0o600))
    .catch((cause: unknown) => {
      const sentence = `References cannot be kept in ${folder} (RIVYA_BATCH_HOME).`;
      throw new BatchError('output_unusable', sentence, { cause });
    });
  try {
    return await fetch((chunk) => handle.appendFile(chunk));
  } finally {
    await handle.close();
  }
}

async function keep(part: string, path: string, name: string): Promise<FoundReference> {
  const found = await lookAtFile(part, name);
  if (found.kind === 'unusable') return found;
  await rename(part, path);
  return { kind: 'file', file: { ...found.file, path } };
}

/** Nothing of the URL's query, which may be a token (S8). */
function reasonOf(outcome: Exclude<DownloadOutcome, { kind: 'saved' }>): string {
  switch (outcome.kind) {
    case 'gone':
      return `could not be fetched (HTTP ${outcome.httpStatus})`;
    case 'url_refused':
      return 'is not fetched: only https URLs are, and none in a private network';
    case 'too_large':
      return `is larger than ${mostBytes / 1e6} MB`;
    case 'unavailable':
      return `could not be fetched: ${outcome.reason}`;
    default:
      return outcome satisfies never;
  }
}

/** The file name in a URL, made safe. */
function nameIn(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  return last.replace(/[^\w.-]+/g, '_').slice(-100) || 'reference';
}
