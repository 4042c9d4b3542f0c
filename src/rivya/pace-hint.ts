import type { PaceHint } from './outcome.js';
import { headerText, type ResponseHeaders } from './response-headers.js';
import { type AnswerTime, believableMs, senderNow } from './retry-after.js';

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
