import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.js';

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

function addressesOf(resolved: string | LookupAddress[]): string[] {
  return typeof resolved === 'string' ? [resolved] : resolved.map(({ address }) => address);
}
