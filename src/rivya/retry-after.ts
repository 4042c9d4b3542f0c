import { parseHttpDate } from './http-date.js';

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
export function believableMs(waitMs: number): number {
  return waitMs > longestBelievedMs ? capMs : Math.max(0, waitMs);
}

function untilDateMs(text: string, time: AnswerTime): number | null {
  const dueAt = parseHttpDate(text);
  return dueAt === null ? null : dueAt - senderNow(time);
}
