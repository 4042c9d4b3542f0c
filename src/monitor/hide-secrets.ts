import { redactSecrets } from '../rivya/transport-failure.js';

/**
 * In JSON, in HTML and in plain text alike, an absolute URL ends at the latest at one of these. One without a query is
 * found as well, and left as it is: looked for from each `http` in it anew, a long one would take the square of its length.
 */
const urlAndQuery = /(https?:\/\/[^\s"<?#\\]+)([?#][^\s"<\\]*)?/gi;

const urlWithLogin = /(https?:\/\/)[^\s"<?#\\/]*@/gi;

/**
 * The last thing that happens to whatever leaves the monitor (S8): keys and webhook secrets are taken out, and so
 * is what follows `?` or `#` in every absolute URL, because in a result's URL it may be a token, and a login in it.
 */
export function hideSecrets(text: string): string {
  return redactSecrets(text)
    .replace(urlWithLogin, '$1[hidden]@')
    .replace(urlAndQuery, (_all, url: string, query?: string) =>
      query === undefined ? url : `${url}?[hidden]`,
    );
}
