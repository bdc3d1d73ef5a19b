/** The addresses of this machine that a person can type into a client elsewhere. */
import type { NetworkInterfaceInfo } from 'node:os';
import { isLoopback } from './address.ts';

/** Devices whose addresses only programs on this machine know: bridges to containers and virtual machines. */
const INNER_DEVICE = /^(docker|br-|veth|virbr|lxc|lxdbr|cni|flannel|podman)/;

/**
 * The addresses that other machines can use: the one that is bound, or all of the machine's; none where only loopback
 * is bound or there.
 */
export function reachableAddresses(
  bindAddress: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
): string[] {
  if (!isWildcard(bindAddress)) return isLoopback(bindAddress) ? [] : [bindAddress];
  return Object.entries(interfaces)
    .filter(([device]) => !INNER_DEVICE.test(device))
    .flatMap(([, addresses = []]) => addresses)
    .filter(({ internal, family, address }) => {
      return !internal && (family === 'IPv4' || (bindAddress === '::' && !address.startsWith('fe80')));
    })
    .map(({ address }) => address);
}

/** Whether every address of the machine is bound. */
export function isWildcard(bindAddress: string): boolean {
  return bindAddress === '0.0.0.0' || bindAddress === '::';
}

/** As before a port: IPv6 in brackets. */
export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** What to type: the address, and the port unless it is the one that clients try anyway. */
export function typedAddress(address: string, port: number, usualPort: number): string {
  return bracketed(address) + (port === usualPort ? '' : `:${port}`);
}
