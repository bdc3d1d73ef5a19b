/** The addresses of this machine that a person can type into a client. */
import type { NetworkInterfaceInfo } from 'node:os';

/** The addresses a client can use: the one that is bound, or all of the machine's that are not internal. */
export function reachableAddresses(
  bindAddress: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
): string[] {
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') return [bindAddress];
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ internal, family, address }) => {
    return !internal && (family === 'IPv4' || (bindAddress === '::' && !address.startsWith('fe80')));
  });
  return usable.length === 0 ? ['127.0.0.1'] : usable.map(({ address }) => address);
}

/** As before a port: IPv6 in brackets. */
export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** What to type: the address, and the port unless it is the one that clients try anyway. */
export function typedAddress(address: string, port: number, usualPort: number): string {
  return bracketed(address) + (port === usualPort ? '' : `:${port}`);
}
