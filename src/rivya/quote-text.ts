import { redactSecrets } from './redact-secrets.js';

const longestMessage = 500;

/** In JSON, in HTML and in plain text alike, a URL ends at the latest at one of these. */
const queryOfUrl = /(https?:\/\/[^\s"'<>?#\\]+)[?#][^\s"'<>\\]*/gi;

/**
 * A text of the API as it may be shown and stored: without secrets, and without the queries of the URLs that it
 * repeats, which sign results and uploads (S8); at most `maxLength` characters.
 */
export function quoteText(text: string, maxLength = longestMessage): string {
  // Secrets go first: a cut key would no longer look like one.
  const clean = redactSecrets(text).replace(queryOfUrl, '$1');
  return clean.length <= maxLength ? clean : `${clean.slice(0, maxLength - 1)}…`;
}
