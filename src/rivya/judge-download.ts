import type { DownloadOutcome } from './outcome.js';
import { headerText, type ResponseHeaders } from './response-headers.js';
import { retryAfterMs } from './retry-after.js';

export type DownloadVerdict =
  /** The body is the file. */
  { kind: 'body' } | { kind: 'redirected'; target: string } | DownloadOutcome;

const redirects = new Set([301, 302, 303, 307, 308]);
/** As much as a header can hold: a cut address would lead elsewhere. */
const longestAddress = 16_384;
const gone = new Set([403, 404, 410]);

export interface DownloadSituation {
  url: URL;
  maxBytes: number;
  /** Ms since the epoch. */
  now: number;
}

/** What the status and headers of a result URL's answer say, before its body is read. */
export function judgeDownload(
  { statusCode, headers }: { statusCode: number; headers: ResponseHeaders },
  { url, maxBytes, now }: DownloadSituation,
): DownloadVerdict {
  if (redirects.has(statusCode))
    return redirected(headerText(headers, 'location', longestAddress), url);
  if (gone.has(statusCode)) return { kind: 'gone', httpStatus: statusCode };
  // 206 would be a part of a file, and nobody asked for a part.
  if (statusCode < 200 || statusCode >= 300 || statusCode === 206) {
    const time = { now, date: headerText(headers, 'date') };
    const waitMs = retryAfterMs(headerText(headers, 'retry-after'), time);
    return unavailable(`The file's server answered HTTP ${statusCode}.`, waitMs);
  }
  const announcedBytes = Number(headerText(headers, 'content-length') ?? 0);
  return announcedBytes > maxBytes ? { kind: 'too_large', maxBytes } : { kind: 'body' };
}

function redirected(location: string | null, url: URL): DownloadVerdict {
  if (location === null || !URL.canParse(location, url.href)) {
    return unavailable("The file's server redirects to nowhere.", null);
  }
  return { kind: 'redirected', target: new URL(location, url).href };
}

function unavailable(reason: string, retryAfterMs: number | null): DownloadOutcome {
  return { kind: 'unavailable', reason, retryAfterMs, cause: null };
}
