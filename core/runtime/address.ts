/**
 * IP addresses: one spelling for every compare, and the addresses that Gleipnir never sends to.
 *
 * Sockets report an IPv4 peer as `::ffff:192.0.2.1` on a dual-stack listener, and one IPv6 address has many
 * spellings; compared as text, these would be strangers to each other.
 */
import { BlockList, isIP, isIPv4 } from 'node:net';

/** What follows `::ffff:` in the URL parser's spelling of an IPv4-mapped address: two groups of 16 bits. */
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/**
 * The one spelling of an IP address: IPv4 dotted, IPv6 lower-case and compressed (RFC 5952), an IPv4-mapped
 * address as IPv4. A zone (`%eth0`) is kept. What is no IP address, such as a name, is returned in lower case.
 */
export function canonicalAddress(text: string): string {
  const lower = text.toLowerCase();
  if (isIP(lower) !== 6) return lower;
  const [address = lower, zone] = lower.split('%', 2);
  const compressed = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const mapped = MAPPED.exec(compressed);
  if (mapped !== null) return dotted(mapped);
  return zone === undefined ? compressed : `${compressed}%${zone}`;
}

function dotted([, high = '', low = '']: RegExpExecArray): string {
  const [h, l] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [h >> 8, h & 0xff, l >> 8, l & 0xff].join('.');
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

const NEVER = new BlockList();
NEVER.addSubnet('0.0.0.0', 8, 'ipv4');
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('224.0.0.0', 4, 'ipv4');
NEVER.addAddress('255.255.255.255', 'ipv4');
// Unspecified, and the IPv4 addresses of old that were written behind 96 zero bits.
NEVER.addSubnet('::', 96, 'ipv6');
NEVER.addSubnet('fe80::', 10, 'ipv6');
NEVER.addSubnet('ff00::', 8, 'ipv6');

/**
 * Whether datagrams and connections must not go to `address`: link-local (cloud metadata lives there), multicast,
 * unspecified, broadcast, and loopback unless `allowLoopback`. What is no IP address is forbidden too.
 */
export function isForbiddenUpstream(address: string, options: { allowLoopback: boolean }): boolean {
  const canonical = canonicalAddress(address).split('%', 1)[0] ?? '';
  if (isIP(canonical) === 0) return true;
  const family = isIPv4(canonical) ? 'ipv4' : 'ipv6';
  if (LOOPBACK.check(canonical, family)) return !options.allowLoopback;
  return NEVER.check(canonical, family);
}

/** Whether `address`, in any spelling, is this machine's own. */
export function isLoopback(address: string): boolean {
  const canonical = canonicalAddress(address);
  return isIP(canonical) !== 0 && LOOPBACK.check(canonical, isIPv4(canonical) ? 'ipv4' : 'ipv6');
}
