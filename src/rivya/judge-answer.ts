import { classifyRefusal } from './classify-refusal.js';
import type { PaceHint, Refused, Unknown } from './outcome.js';
import { parsePaceHint } from './pace-hint.js';
import { type ErrorBody, readErrorBody } from './read-error-body.js';
import { headerRequestId, headerText, mediaType } from './response-headers.js';
import { type AnswerTime, retryAfterMs } from './retry-after.js';
import type { Answer } from './send-request.js';

/** A success whose body was what the caller looked for. */
export interface Understood<Content> {
  kind: 'understood';
  content: Content;
  pace: PaceHint | null;
  /** The clock here, compared with the API's; null where its answer has no date. The date counts whole seconds. */
  clockAheadMs: number | null;
}

export interface Reading<Content> {
  /** Null where the JSON is not what was asked for. */
  parse: (json: unknown) => Content | null;
  /** What `parse` looks for, for the reason: `a task id`. */
  wanted: string;
  /** Ms since the epoch. */
  now: number;
}

/**
 * What an answer means: content, a clear no, or nothing that settles the matter.
 */
export function judgeAnswer<Content>(
  answer: Answer,
  { parse, wanted, now }: Reading<Content>,
): Understood<Content> | Refused | Unknown {
  const { httpStatus, headers } = answer;
  const json = parseJson(answer.text);
  const time = { now, date: headerText(headers, 'date') };
  const succeeded = httpStatus >= 200 && httpStatus < 300;
  const content = succeeded ? parse(json) : null;
  if (content !== null) {
    const clockAheadMs = aheadOf(time);
    return { kind: 'understood', content, pace: parsePaceHint(headers, time), clockAheadMs };
  }
  const error = readErrorBody(json);
  const refused = judgeRefusal(answer, error, time);
  if (refused !== null) return refused;
  return {
    kind: 'unknown',
    reason: explainUnknown(answer, error, json === undefined ? 'JSON' : wanted),
    httpStatus,
    requestId: error.requestId ?? headerRequestId(headers),
    retryAfterMs: retryAfterMs(headerText(headers, 'retry-after'), time),
    cause: null,
  };
}

function aheadOf({ now, date }: AnswerTime): number | null {
  const thereMs = Date.parse(date ?? '');
  return Number.isNaN(thereMs) ? null : now - thereMs;
}

/** The parser's own error quotes the body; there is nothing in it worth that (S8). */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function judgeRefusal(answer: Answer, error: ErrorBody, time: AnswerTime): Refused | null {
  const { httpStatus, headers } = answer;
  const kind = classifyRefusal(httpStatus, error);
  if (kind === null) return null;
  return {
    kind: 'refused',
    refusal: {
      kind,
      code: error.code ?? `http_${httpStatus}`,
      message: error.message ?? wordless(answer),
      httpStatus,
      requestId: error.requestId ?? headerRequestId(headers),
      retryAfterMs: retryAfterMs(headerText(headers, 'retry-after'), time),
    },
    pace: parsePaceHint(headers, time),
  };
}

function wordless({ httpStatus, headers }: Answer): string {
  const what = mediaType(headers) ?? 'no content type';
  return `HTTP ${httpStatus} without a word of the API (${what}).`;
}

function explainUnknown(answer: Answer, error: ErrorBody, missing: string): string {
  const { httpStatus, headers } = answer;
  // Whoever sent it may have passed the request on before: it says nothing of that (S1).
  if (httpStatus >= 300 && httpStatus < 400) {
    return `HTTP ${httpStatus}: a redirect instead of an answer; check RIVYA_BASE_URL.`;
  }
  if (httpStatus === 407) return 'HTTP 407: the proxy wants a login; check HTTPS_PROXY.';
  if (error.code !== null) return `HTTP ${httpStatus}: ${error.code}.`;
  return `HTTP ${httpStatus} without ${missing} (${mediaType(headers) ?? 'no content type'}).`;
}
