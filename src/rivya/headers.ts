import type { PaceHint } from './outcome.js';
import { quoteText } from './transport-failure.js';

/** Response headers as undici gives them: names in lower case. */
export type ResponseHeaders = Record<string, string | string[] | undefined>;

/** None of those that we read is longer, but for an address. */
const longestHeader = 500;

/**
 * One header's text, of which no more is looked at than there can be sense in; a header sent several times counts
 * with its first value.
 */
export function headerText(
  headers: ResponseHeaders,
  name: string,
  maxLength = longestHeader,
): string | null {
  const value = headers[name];
  const first = Array.isArray(value) ? value[0] : value;
  const text = first?.slice(0, maxLength).trim() ?? '';
  return text === '' ? null : text;
}

/** The request's id for support, from the header that gateways set. */
export function headerRequestId(headers: ResponseHeaders): string | null {
  const text = headerText(headers, 'x-request-id') ?? headerText(headers, 'request-id');
  return text === null ? null : quoteText(text, 200);
}

/** The media type alone, in lower case: `image/png` of `image/PNG; charset=binary`. */
export function mediaType(headers: ResponseHeaders): string | null {
  const type = headerText(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  return type === '' ? null : quoteText(type, 100);
}

const longestBelievedMs = 24 * 60 * 60 * 1000;
const capMs = 60 * 60 * 1000;

export interface AnswerTime {
  /** This machine's time, ms since the epoch. */
  now: number;
  /** The answer's Date header: the sender's clock, which its dates are counted from. */
  date: string | null;
}

/** The sender's time where it said it, else ours: two clocks need not agree. */
export function senderNow({ now, date }: AnswerTime): number {
  return (date === null ? null : parseHttpDate(date)) ?? now;
}

/**
 * Milliseconds that a Retry-After header asks to wait, from seconds (also with a fraction) or an HTTP date.
 * Below zero is 0; more than a day is taken for a mistake and becomes one hour; unreadable is null.
 */
export function retryAfterMs(header: string | null, time: AnswerTime): number | null {
  if (header === null) return null;
  const text = header.trim();
  const waitMs = /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text)
    ? Math.ceil(Number(text) * 1000)
    : untilDateMs(text, time);
  return waitMs === null ? null : believableMs(waitMs);
}

/** Any wait that a header asks for: below zero is 0; more than a day is taken for a mistake and becomes one hour. */
function believableMs(waitMs: number): number {
  return waitMs > longestBelievedMs ? capMs : Math.max(0, waitMs);
}

function untilDateMs(text: string, time: AnswerTime): number | null {
  const dueAt = parseHttpDate(text);
  return dueAt === null ? null : dueAt - senderNow(time);
}

const fixdate = /^[a-z]{3,9}, .* gmt$/i;
const asctime = /^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i;

/** Milliseconds since the epoch of an HTTP date in any of its three forms; null for anything else. */
function parseHttpDate(text: string): number | null {
  // Date.parse alone reads dates into texts such as "try 12", and asctime in the local zone.
  if (!fixdate.test(text) && !asctime.test(text)) return null;
  const time = Date.parse(asctime.test(text) ? `${text} GMT` : text);
  return Number.isNaN(time) ? null : time;
}

/** Below this, a reset is a number of seconds from now; from it on, a date in seconds since 2001. */
const firstEpochSeconds = 1e9;
const firstEpochMs = 1e11;

/**
 * What the rate-limit headers say: `RateLimit` (`limit=10, remaining=3, reset=7` or `"default";r=3;t=7`
 * with `RateLimit-Policy`), `RateLimit-*` or `X-RateLimit-*`. The API documents none of them; null without any.
 * The time to the reset is capped as that of Retry-After is; how far it is believed, the pace finds out.
 */
export function parsePaceHint(headers: ResponseHeaders, time: AnswerTime): PaceHint | null {
  const structured = headerText(headers, 'ratelimit');
  const policy = headerText(headers, 'ratelimit-policy');
  const read = (name: string): number | null =>
    leadingNumber(headerText(headers, `ratelimit-${name}`)) ??
    leadingNumber(headerText(headers, `x-ratelimit-${name}`));
  const limit = read('limit') ?? member(structured, 'limit') ?? member(policy, 'q');
  const hint = {
    // None at all would have been a refusal.
    limit: limit !== null && limit >= 1 ? limit : null,
    remaining: read('remaining') ?? member(structured, 'remaining') ?? member(structured, 'r'),
    resetMs: resetMs(read('reset') ?? member(structured, 'reset') ?? member(structured, 't'), time),
  };
  return hint.limit === null && hint.remaining === null && hint.resetMs === null ? null : hint;
}

/** `100`, and the first of `100, 100;w=60`; not `1s`, whose unit would be guessed. */
function leadingNumber(text: string | null): number | null {
  const digits = text?.match(/^(-?\d+(?:\.\d+)?)\s*(?:[,;]|$)/)?.[1];
  return digits === undefined ? null : Math.max(0, finite(digits));
}

function member(text: string | null, name: string): number | null {
  const digits = text?.match(new RegExp(`(?:^|[;,\\s])${name}=(\\d+(?:\\.\\d+)?)`))?.[1];
  return digits === undefined ? null : finite(digits);
}

function finite(digits: string): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Number(digits));
}

function resetMs(reset: number | null, time: AnswerTime): number | null {
  if (reset === null) return null;
  if (reset < firstEpochSeconds) return believableMs(Math.ceil(reset * 1000));
  const resetAt = reset < firstEpochMs ? reset * 1000 : reset;
  return believableMs(Math.ceil(resetAt - senderNow(time)));
}
