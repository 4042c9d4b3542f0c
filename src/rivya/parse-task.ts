import { asAmount, asList, asRecord, asText } from './lenient-fields.js';
import type { Task, TaskStatus } from './outcome.js';
import { quoteText } from './quote-text.js';

const brokenText = /\p{Cs}/u;

/**
 * A task as the API sent it; null where there is no `id`, without which nothing can be followed up. One with broken text
 * in it is none: no path can hold it.
 */
export function parseTask(json: unknown): Task | null {
  const body = asRecord(json);
  const id = asText(body?.id);
  if (body === null || id === null || brokenText.test(id)) return null;
  return {
    id,
    status: parseStatus(body.status),
    reservedCredits: asAmount(body.reserved_credits),
    finalCredits: asAmount(body.final_credits),
    ...parseTimes(body.created_at, body.updated_at),
    urls: parseUrls(body.result),
    error: parseTaskError(body.error),
  };
}

/** A status we do not know is not an end: the task is watched until its deadline. */
function parseStatus(value: unknown): TaskStatus {
  const word = quoteText(asText(value) ?? 'unstated', 100).trim();
  const kind = word.toLowerCase();
  if (kind === 'succeeded' || kind === 'failed') return { kind };
  return { kind: 'running', word };
}

function parseTimes(createdAt: unknown, updatedAt: unknown): Pick<Task, 'lifeMs' | 'updatedAtMs'> {
  const updatedAtMs = parseTime(updatedAt);
  const lifeMs = updatedAtMs - parseTime(createdAt);
  return {
    lifeMs: Number.isFinite(lifeMs) ? lifeMs : null,
    updatedAtMs: Number.isFinite(updatedAtMs) ? updatedAtMs : null,
  };
}

/** Not a number for what is no date; a longer text than any date has is none. */
function parseTime(value: unknown): number {
  const text = asText(value) ?? '';
  return text.length > 100 ? Number.NaN : Date.parse(text);
}

function parseUrls(value: unknown): string[] {
  const result = asRecord(value);
  const urls = [result?.primary_url, ...asList(result?.urls)]
    .map((url) => asText(url)?.trim() ?? '')
    .filter((url) => url !== '');
  return [...new Set(urls)];
}

function parseTaskError(value: unknown): Task['error'] {
  const word = asText(value);
  if (word !== null) return { code: 'unspecified', message: quoteText(word) };
  const error = asRecord(value);
  if (error === null) return null;
  return {
    code: quoteText(asText(error.code) ?? 'unspecified', 100),
    message: quoteText(asText(error.message) ?? ''),
  };
}
