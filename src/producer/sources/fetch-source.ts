import { open } from 'node:fs/promises';
import type { ProxySettings } from '../../rivya/dispatcher.js';
import { createDownloader } from '../../rivya/download.js';
import type { DownloadOutcome } from '../../rivya/outcome.js';
import { judgeResultUrl } from '../../rivya/safe-url.js';
import { exportOf, nameInUrl, readSheetLink, shownFile } from '../../shared/addresses.js';
import { BatchError } from '../../shared/errors.js';
import type { FetchSource, InputFormat } from '../options.js';
import { formatOf, sourceFault } from './source.js';

const maxBytes = 2_000_000_000;
const idleTimeoutMs = 60_000;
const totalTimeoutMs = 1_800_000;

export interface SourceFetcherOptions {
  /** Origin of the API: the one host that may be private or without https. */
  origin: string;
  proxy: ProxySettings;
  userAgent: string;
}

/**
 * Fetches inputs under the rules for downloads of results.
 *
 * Its function throws BatchError `bad_input`, or `api_unavailable` for what may pass, with nothing of the URL's query
 * (S8), and errors of the disk as they are.
 */
export function sourceFetcher(options: SourceFetcherOptions): FetchSource {
  return async (url, { path, sheet }) => {
    const fault = addressFault(url, options.origin);
    if (fault !== null) throw new BatchError('bad_input', fault);
    const link = readSheetLink(url);
    const exported = link === null ? null : exportOf(link, sheet);
    const type = await fetchInto(path, exported?.url ?? url, { ...options, label: shownFile(url) });
    const page = type === 'text/html' ? pageReason(url) : null;
    if (page !== null) throw sourceFault(shownFile(url), page);
    const name = nameInUrl(url);
    return { name, format: exported?.format ?? formatOf(name) ?? formatOfType(type) };
  };
}

/** Whether an address can be an input at all; a sentence why not, or null. */
export function addressFault(url: string, origin: string): string | null {
  const scheme = url.slice(0, url.indexOf('://')).toLowerCase();
  const label = shownFile(url);
  if (scheme === 's3') {
    return `${label}: inputs are not read from s3:// yet; download it first (aws s3 cp), or give an https address of it.`;
  }
  if (scheme !== 'https' && scheme !== 'http') {
    return `${label}: inputs are not read from ${scheme}://: give a file or an https address.`;
  }
  if (judgeResultUrl(url, origin).kind === 'allowed') return null;
  return `${label} cannot be read: give an https URL without a login, outside of private networks.`;
}

async function fetchInto(
  path: string,
  url: string,
  { origin, proxy, userAgent, label }: SourceFetcherOptions & { label: string },
): Promise<string | null> {
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
    const outcome = await downloader.download(url, (chunk) => handle.appendFile(chunk));
    if (outcome.kind === 'saved') return outcome.declaredType;
    throw fetchFault(label, outcome);
  } finally {
    await handle.close();
    await downloader.close();
  }
}

/** What may pass is tried again by whoever has the time. */
function fetchFault(
  label: string,
  outcome: Exclude<DownloadOutcome, { kind: 'saved' }>,
): BatchError {
  switch (outcome.kind) {
    case 'gone': {
      const there = `could not be fetched (HTTP ${outcome.httpStatus})`;
      const isLink = readSheetLink(label) !== null;
      return sourceFault(label, isLink ? `${there}: ${shareSheet}` : there);
    }
    case 'url_refused':
      return sourceFault(
        label,
        'leads into a private network, or is not https: give an https URL outside of private networks',
      );
    case 'too_large':
      return sourceFault(label, `is larger than ${maxBytes / 1e9} GB: split it`);
    case 'unavailable':
      return new BatchError(
        'api_unavailable',
        `${label}: could not be fetched: ${outcome.reason}`,
        {
          cause: outcome.cause,
        },
      );
    default:
      return outcome satisfies never;
  }
}

const shareSheet =
  'share it with anyone who has the link (Share, General access, Viewer), or download it and give the file';

/** What helps where an address leads to a page in place of a file; null where nothing special is known. */
function pageReason(url: string): string | null {
  if (readSheetLink(url) !== null) return `Google Sheets asks for a sign-in: ${shareSheet}`;
  const { hostname } = new URL(url);
  if (isOf(hostname, 'dropbox.com')) {
    return 'leads to a page of Dropbox, not to the file: end the link with dl=1 in place of dl=0, or download the file';
  }
  if (['1drv.ms', 'onedrive.live.com', 'sharepoint.com'].some((host) => isOf(hostname, host))) {
    return 'leads to a page of OneDrive, not to the file: add download=1 to the link where anyone may open it, or download the file';
  }
  if (isOf(hostname, 'drive.google.com')) {
    return 'leads to a page of Google Drive, not to the file: open it in Google Sheets and give that link, or download the file';
  }
  return null;
}

function isOf(hostname: string, domain: string): boolean {
  return hostname === domain || hostname.endsWith(`.${domain}`);
}

const formatOfMediaType: Readonly<Record<string, InputFormat>> = {
  'text/csv': 'csv',
  'application/csv': 'csv',
  'text/tab-separated-values': 'tsv',
  'application/json': 'json',
  'text/json': 'json',
  'application/jsonl': 'jsonl',
  'application/x-jsonl': 'jsonl',
  'application/jsonlines': 'jsonl',
  'application/ndjson': 'jsonl',
  'application/x-ndjson': 'jsonl',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.ms-excel.sheet.macroenabled.12': 'xlsx',
};

function formatOfType(declared: string | null): InputFormat | null {
  return declared === null ? null : (formatOfMediaType[declared.toLowerCase()] ?? null);
}
