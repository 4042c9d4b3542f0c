import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { errorCode } from './transport-failure.js';

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
  if (!trusted && isInsideHost(url.hostname)) return refused('its host is in a private network');
  return { kind: 'allowed', url, trusted };
}

function refused(what: string): UrlVerdict {
  return { kind: 'refused', reason: `The result's URL is not fetched: ${what}.` };
}

/** Whether a URL's host is of a private network, or this machine, by what it says itself. */
export function isInsideHost(hostname: string): boolean {
  const address = addressInHost(hostname);
  if (address !== null) return !isPublicAddress(address);
  // Reserved for this machine (RFC 6761), also where a proxy does the resolving.
  return /(^|\.)localhost\.?$/.test(hostname);
}

export const privateAddressCode = 'ERR_RIVYA_PRIVATE_ADDRESS';

/** A host name that leads into a private network. */
class PrivateAddress extends Error {
  override readonly name = 'PrivateAddress';
  readonly code = privateAddressCode;
}

/**
 * Name resolution for connections that must stay outside: fails if any address of the name is not public.
 * It is what the socket itself calls, so there is no second look-up for a DNS server to answer differently.
 */
export function guardedLookup(resolve: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, options, (error, address, family) => {
      if (error) return callback(error, address, family);
      if (addressesOf(address).every(isPublicAddress)) return callback(null, address, family);
      callback(new PrivateAddress('The host name leads into a private network.'), '', 0);
    });
  };
}

/**
 * The guard's error for a name that leads into a private network; null for any other. A name that cannot be looked up
 * here is left to the proxy: behind one, machines often know no names of the world outside.
 */
export function privateAddress(hostname: string, lookup: LookupFunction): Promise<Error | null> {
  return new Promise((resolve) => {
    lookup(hostname, { all: true }, (error) => {
      resolve(error !== null && errorCode(error) === privateAddressCode ? error : null);
    });
  });
}

function addressesOf(resolved: string | LookupAddress[]): string[] {
  return typeof resolved === 'string' ? [resolved] : resolved.map(({ address }) => address);
}

const nat64Prefix = ipaddr.IPv6.parse('64:ff9b::');

/**
 * Whether an IP address is of the public internet: not private, loopback, link-local, shared (CGNAT),
 * reserved, multicast, or an IPv4 address of those kinds inside an IPv6 one. Text that is no address is not.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  // process() turns ::ffff:10.0.0.1 into 10.0.0.1.
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.match(nat64Prefix, 96)) {
    // What an IPv6-only network's DNS makes of an IPv4 address: the last four bytes count.
    return new ipaddr.IPv4(parsed.toByteArray().slice(12)).range() === 'unicast';
  }
  return parsed.range() === 'unicast';
}

/** Whether a URL's host is an IP address; IPv6 stands in brackets there. */
function addressInHost(hostname: string): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? bare : null;
}
