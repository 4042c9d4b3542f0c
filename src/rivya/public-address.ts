import ipaddr from 'ipaddr.js';

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
export function addressInHost(hostname: string): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? bare : null;
}
