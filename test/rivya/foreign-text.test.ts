import { describe, expect, it, onTestFinished } from 'vitest';
import { judgeDownload } from '../../src/rivya/download.js';
import { headerRequestId, mediaType, retryAfterMs } from '../../src/rivya/headers.js';
import { isAboutReference, judgeAnswer } from '../../src/rivya/judge-answer.js';
import { parseTask } from '../../src/rivya/parse.js';
import { quoteText, safeCause } from '../../src/rivya/transport-failure.js';
import { seededNumbers } from '../support/pace-world.js';

const now = Date.parse('2026-05-10T12:00:00Z');
/** Long enough to tell what is cut from what is not; an answer may be of 4 MB. */
const longestText = 100_000;
/**
 * No expression of ours sees more, which is 4,000 characters, and twice as much once redaction has marked what it took
 * out: at this length, even one that looks at each pair of characters takes no time.
 */
const bound = 8_000;

/** The longest text that any regular expression was run over while `work` ran. */
function longestSeen(work: () => void): number {
  let longest = 0;
  const originals = new Map<PropertyKey, unknown>();
  const names = [
    'exec',
    'test',
    Symbol.replace,
    Symbol.match,
    Symbol.matchAll,
    Symbol.search,
    Symbol.split,
  ];
  const prototype = RegExp.prototype as unknown as Record<
    PropertyKey,
    (text: string, ...rest: unknown[]) => unknown
  >;
  const restore = () => {
    for (const [name, original] of originals) Object.assign(prototype, { [name]: original });
  };
  onTestFinished(restore);
  for (const name of names) {
    const original = prototype[name];
    if (!original) throw new Error(`no expression can ${String(name)}`);
    originals.set(name, original);
    Object.assign(prototype, {
      [name](this: RegExp, text: string, ...rest: unknown[]) {
        longest = Math.max(longest, String(text).length);
        return original.call(this as never, text, ...rest);
      },
    });
  }
  try {
    work();
  } finally {
    restore();
  }
  return longest;
}

const repeated = (piece: string) =>
  piece.repeat(Math.ceil(longestText / piece.length)).slice(0, longestText);

/** What is slow to look through for one expression or another. */
const slowTexts: Record<string, string> = {
  'addresses without an end': repeated('http://'),
  'one address without an end': `https://${repeated('a')}`,
  digits: repeated('1'),
  'digits with a tail': `${repeated('1')}x`,
  'words of running tasks': repeated('in flight pending '),
  'keys without an end': `rvya_sk_${repeated('a')}`,
  'the beginnings of keys': repeated('rvya_sk_'),
  blanks: repeated(' '),
  'blanks with a tail': `${repeated(' \t')}.`,
  'semicolons of parameters': repeated(';r='),
  'half a page': `<!doctype html>${repeated('<a href="http://x?')}`,
  'lone surrogates': repeated('\ud800'),
};
const alphabet = [
  'http://',
  '?',
  '#',
  ' ',
  '1',
  '.',
  'rvya_sk_',
  'a',
  '"',
  '\\',
  ';',
  ',',
  'GMT',
  '\u2028',
];

function randomText(name: string): string {
  const numbers = seededNumbers(name);
  const piece = Array.from(
    { length: 50 },
    () => alphabet[Math.floor(numbers.next() * alphabet.length)],
  ).join('');
  return repeated(piece);
}

const texts = {
  ...slowTexts,
  ...Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`chance ${index}`, randomText(`text ${index}`)]),
  ),
};

const bodies = (text: string): unknown[] => [
  { error: { code: 'rate_limited', message: text, requestId: text } },
  { error: { code: text, message: text, request_id: text } },
  { error: text, requestId: text },
  { message: text },
  { id: 'task_1', status: text, error: text, created_at: text, updated_at: text },
  {
    id: 'task_1',
    status: 'failed',
    error: { code: text, message: text },
    reserved_credits: text,
    result: { primary_url: text, urls: [text] },
  },
];

/** Node takes 16 KB of headers; what comes by another way may be longer. */
const headersOf = (text: string) =>
  Object.fromEntries(
    [
      'retry-after',
      'date',
      'x-request-id',
      'content-type',
      'ratelimit',
      'ratelimit-policy',
      'ratelimit-reset',
      'x-ratelimit-limit',
      'x-ratelimit-remaining',
      'content-encoding',
      'content-length',
    ].map((name) => [name, text]),
  );

describe.each(Object.entries(texts))('texts of the API: %s', (_name, text) => {
  it('are cut before any regular expression is run over them', () => {
    const seen = longestSeen(() => {
      for (const httpStatus of [200, 403, 500]) {
        const headers = headersOf(text);
        for (const body of [text, ...bodies(text).map((json) => JSON.stringify(json))]) {
          const answer = { kind: 'answered', httpStatus, headers, text: body } as const;
          const judged = judgeAnswer(answer, parseTask, 'a task id', now);
          if (judged.kind === 'refused') isAboutReference(judged.refusal);
        }
        judgeDownload({ statusCode: httpStatus, headers }, new URL('https://a.example/b'), 1, now);
        headerRequestId(headers);
        mediaType(headers);
      }
      quoteText(text);
      safeCause(Object.assign(new Error(text), { data: text }));
    });
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThanOrEqual(bound);
  });
});

it('S8: what is cut keeps no secret and no query of an address', () => {
  const url = `https://host.example/${'p'.repeat(3_000)}?token=secret${'s'.repeat(5_000)}`;
  const shown = quoteText(`key rvya_sk_${'k'.repeat(9_000)}`, 10_000) + quoteText(url, 10_000);
  expect(shown).not.toMatch(/kk|secret|token/);
  expect(quoteText(`${'x'.repeat(490)} rvya_sk_abcdef tail`)).toContain('rvya_sk_');
  expect(quoteText('see http://a.example/b?c=d and https://e.example#f.')).toBe(
    'see http://a.example/b and https://e.example',
  );
  expect(quoteText('y'.repeat(5_000)).length).toBe(500);
});

it('Retry-After is read in one pass, whatever its digits are followed by', () => {
  expect(retryAfterMs('1.', { now, date: null })).toBe(1000);
  expect(retryAfterMs('.5', { now, date: null })).toBe(500);
  expect(retryAfterMs('1.2.3', { now, date: null })).toBeNull();
});
