import { redactSecrets } from './redact-secrets.js';

const longestMessage = 500;

/** A text of the API as it may be shown and stored: without secrets, at most `maxLength` characters. */
export function quoteText(text: string, maxLength = longestMessage): string {
  // Secrets go first: a cut key would no longer look like one.
  const clean = redactSecrets(text);
  return clean.length <= maxLength ? clean : `${clean.slice(0, maxLength - 1)}…`;
}
