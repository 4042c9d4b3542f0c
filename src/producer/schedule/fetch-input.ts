import { open } from 'node:fs/promises';
import type { ProxySettings } from '../../rivya/dispatcher.js';
import { createDownloader } from '../../rivya/download.js';
import { judgeResultUrl } from '../../rivya/result-url-policy.js';
import { BatchError } from '../../shared/errors.js';
import { shownFile } from '../../shared/schedule/schedule.js';

const maxBytes = 2_000_000_000;
const idleTimeoutMs = 60_000;
const totalTimeoutMs = 1_800_000;

export interface FetchOptions {
  /** Origin of the API: the one host that may be private or without https. */
  origin: string;
  proxy: ProxySettings;
  userAgent: string;
}

/** Whether a URL may be a schedule's input at all; a sentence why not, or null. */
export function inputUrlFault(url: string, origin: string): string | null {
  if (judgeResultUrl(url, origin).kind === 'allowed') return null;
  return `${shownFile(url)} cannot be read: only https URLs without a login are, and none in a private network.`;
}

/**
 * Fetches an input file, under the rules for downloads of results.
 * @throws BatchError `bad_input`, or `api_unavailable` for what may pass; with nothing of the URL's query (S8); an error of the disk as it is
 */
export async function fetchInput(
  url: string,
  path: string,
  { origin, proxy, userAgent }: FetchOptions,
): Promise<void> {
  const fault = inputUrlFault(url, origin);
  if (fault !== null) throw new BatchError('bad_input', fault);
  const downloader = createDownloader({
    apiOrigin: origin,
    maxBytes,
    idleTimeoutMs,
    totalTimeoutMs,
    proxy,
    userAgent,
  });
  const handle = await open(path, 'wx', 0o600);
  try {
    const write = async (chunk: Buffer) => handle.appendFile(chunk);
    const outcome = await downloader.download(url, write);
    if (outcome.kind === 'saved') return;
    const sentence = `${shownFile(url)} could not be fetched (${outcome.kind}).`;
    // What may pass is tried again.
    if (outcome.kind === 'unavailable') throw new BatchError('api_unavailable', sentence);
    throw new BatchError('bad_input', sentence);
  } finally {
    await handle.close();
    await downloader.close();
  }
}
