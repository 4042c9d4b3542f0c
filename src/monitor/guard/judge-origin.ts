import type { IncomingHttpHeaders } from 'node:http';

/**
 * Where a request that changes something comes from: a browser sends the login along with a form on any page of
 * the world, and says with it which page that was. What says nothing is taken for another site.
 */
export function judgeOrigin(headers: IncomingHttpHeaders): 'same' | 'other' {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' ? 'same' : 'other';
  const { origin, host } = headers;
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return 'other';
  return new URL(origin).host === host ? 'same' : 'other';
}

/**
 * Whether a request names this machine itself. A page of the world can have its own name point to 127.0.0.1, and
 * would then read what no login protects; the browser still tells the name that it used.
 */
export function namesThisMachine(host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  return isLoopback(new URL(`http://${host}`).hostname);
}

/** For `--host` as for the name in a request. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(host);
}
