import { redactSecrets } from './redact-secrets.js';

const longestMessage = 500;
/**
 * No expression is run over more than this of a foreign text, however much is to be shown of it. What redaction takes
 * out makes a text shorter, so that more is looked at than is kept.
 */
const longestLookedAt = 4_000;

/** In JSON, in HTML and in plain text alike, a URL ends at the latest at one of these. It takes in all that it looks at. */
const url = /(https?:\/\/[^\s"'<>?#\\]*)(?:[?#][^\s"'<>\\]*)?/gi;

/**
 * A text of the API as it may be shown and stored: without secrets, and without the queries of the URLs that it
 * repeats, which sign results and uploads (S8); at most `maxLength` characters.
 */
export function quoteText(text: string, maxLength = longestMessage): string {
  const beginning = text.slice(0, longestLookedAt);
  // Secrets go before it is cut to length: what is left of a cut key would not look like one.
  const clean = redactSecrets(beginning).replace(url, '$1');
  const isWhole = beginning.length === text.length && clean.length <= maxLength;
  return isWhole ? clean : `${clean.slice(0, maxLength - 1)}…`;
}
