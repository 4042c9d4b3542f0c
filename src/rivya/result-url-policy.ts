import { addressInHost, isPublicAddress } from './public-address.js';

export type UrlVerdict =
  /** `trusted`: the API's own host, which may be on this machine or in a private network. */
  { kind: 'allowed'; url: URL; trusted: boolean } | { kind: 'refused'; reason: string };

/**
 * Whether a URL out of an answer, or one it redirects to, may be fetched at all: https without a login,
 * and no private address; names are checked once more when they are resolved (`guardedLookup`).
 * The API's own host, port included, is exempt, also from https where the API itself has none.
 * Reasons hold no part of the URL, as its query may be a token (S8).
 */
export function judgeResultUrl(text: string, apiOrigin: string): UrlVerdict {
  if (!URL.canParse(text)) return refused('it is not a URL');
  const url = new URL(text);
  const api = new URL(apiOrigin);
  const trusted = url.host === api.host;
  const schemeAllowed = url.protocol === 'https:' || (trusted && url.protocol === api.protocol);
  if (!schemeAllowed) return refused('it is not https');
  if (url.username !== '' || url.password !== '') return refused('it contains a login');
  if (!trusted && isInside(url.hostname)) return refused('its host is in a private network');
  return { kind: 'allowed', url, trusted };
}

function refused(what: string): UrlVerdict {
  return { kind: 'refused', reason: `The result's URL is not fetched: ${what}.` };
}

function isInside(hostname: string): boolean {
  const address = addressInHost(hostname);
  if (address !== null) return !isPublicAddress(address);
  // Reserved for this machine (RFC 6761), also where a proxy does the resolving.
  return /(^|\.)localhost\.?$/.test(hostname);
}
