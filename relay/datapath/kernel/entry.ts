/** Which entry of the kernel's map forwards a leg, from what the relay knows of its two ends. */
import { isIPv4 } from 'node:net';
import { canonicalAddress } from '../../../core/runtime/address.ts';
import type { Leg } from '../../flow/flow.ts';
import type { UdpPort } from '../../ports/udp-port.ts';
import { bytesOf } from './address.ts';
import { ENTRY, FLAG, KEY4, KEY6 } from './layout.ts';
import { allocate } from './libc.ts';
import { FAMILY, type Network, type Route } from './network.ts';

const WILDCARDS = new Set(['0.0.0.0', '::']);

/** A key and its value, of which nothing is counted yet. */
export interface RouteEntry {
  isIPv4: boolean;
  key: Uint8Array;
  value: Uint8Array<ArrayBuffer>;
}

/** What the entry of a leg depends on besides the leg. */
export interface EntryDeps {
  network: Network;
  /** ifindexes of veth devices whose other end takes datagrams itself. */
  peerDevices: ReadonlySet<number>;
}

/**
 * Precondition: both ends of the leg are known and its sockets open.
 *
 * @returns `undefined` for ends that only sockets can join: of two families, of this machine, out of reach
 */
export function createEntry({ network, peerDevices }: EntryDeps, leg: Leg): RouteEntry | undefined {
  const { hostAddress } = leg;
  const clientAddress = canonicalAddress(leg.clientAddress);
  const isV4 = isIPv4(hostAddress);
  const isZoned = hostAddress.includes('%') || clientAddress.includes('%');
  if (isV4 !== isIPv4(clientAddress) || isZoned) return undefined;
  const toHost = findRouteFrom(network, leg.upstream.udp, hostAddress);
  const toClient = findRouteFrom(network, leg.downstream, clientAddress);
  if (toHost === undefined || toClient === undefined) return undefined;

  const layout = isV4 ? KEY4 : KEY6;
  const key = allocate(layout.size);
  const keyView = new DataView(key.buffer);
  key.set(bytesOf(hostAddress));
  key.set(bytesOf(toHost.source), layout.destination);
  keyView.setUint16(layout.source_port, leg.hostPort);
  keyView.setUint16(layout.destination_port, toHost.port);

  const value = allocate(ENTRY.size);
  const view = new DataView(value.buffer);
  value.set(bytesOf(clientAddress));
  value.set(bytesOf(toClient.source), ENTRY.public_address);
  view.setUint16(ENTRY.client_port, leg.clientPort);
  view.setUint16(ENTRY.public_port, toClient.port);
  view.setUint32(ENTRY.ifindex, toClient.ifindex, true);
  view.setUint32(ENTRY.hop_family, isIPv4(toClient.hop) ? FAMILY.INET : FAMILY.INET6, true);
  value.set(bytesOf(toClient.hop), ENTRY.hop_address);
  view.setUint32(ENTRY.host_ifindex, toHost.ifindex, true);
  view.setUint32(ENTRY.flags, flagsOf(leg) | (peerDevices.has(toClient.ifindex) ? FLAG.PEER : 0), true);
  return { isIPv4: isV4, key, value };
}

/** What is the same in two entries that forward the same alike: all but the id and the counts. */
export function routeOf(key: Uint8Array, value: Uint8Array): string {
  return Buffer.concat([key, value.subarray(0, ENTRY.id)]).toString('latin1');
}

function flagsOf({ stream, reception }: Leg): number {
  if (stream === 'control') return FLAG.CONTROL;
  if (stream === 'audio') return 0;
  return reception?.isEncrypted === true ? FLAG.VIDEO | FLAG.ENCRYPTED : FLAG.VIDEO;
}

/** The way that this socket's datagrams to `address` take, and where they say they come from. */
function findRouteFrom(
  network: Network,
  { local }: UdpPort,
  address: string,
): (Route & { port: number }) | undefined {
  if (local === undefined) return undefined;
  const bound = canonicalAddress(local.address);
  const route = network.findRoute(address, WILDCARDS.has(bound) ? '' : bound);
  return route === undefined ? undefined : { ...route, port: local.port };
}
