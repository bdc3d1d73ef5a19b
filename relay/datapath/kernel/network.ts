/**
 * What the kernel path must know of this network namespace: by which device an address is reached and from which
 * address of ours, which devices there are, and whether any of that has changed.
 *
 * Source: rtnetlink(7).
 */
import { isIPv4 } from 'node:net';
import { bytesOf, textOf } from './address.ts';
import type { Libc } from './libc.ts';
import { formatAttribute, NetlinkSocket, readAttributes, type Message } from './netlink.ts';

const AF = { INET: 2, INET6: 10 } as const;
const TYPE = { NEW_LINK: 16, GET_LINK: 18, NEW_ROUTE: 24, GET_ROUTE: 26 } as const;
const ROUTE = { size: 12, family: 0, destinationBits: 1, sourceBits: 2, type: 7 } as const;
const UNICAST = 1;
const LINK = { size: 16, type: 2, index: 4, flags: 8 } as const;
const ROUTE_ATTRIBUTE = { DESTINATION: 1, SOURCE: 2, DEVICE: 4, PREFERRED_SOURCE: 7 } as const;
const LINK_NAME = 3;
const IFF_UP = 1;
const ETHERNET = 1;
/** RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE. */
const NEWS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;

/** How an address is reached. */
export interface Route {
  ifindex: number;
  /** Canonical. */
  source: string;
}

/** A network device that is up. */
export interface Device {
  name: string;
  ifindex: number;
  /** Whether its frames have Ethernet headers. */
  isEthernet: boolean;
}

/** Addresses are canonical throughout. */
export class Network {
  readonly #questions: NetlinkSocket;
  readonly #news: NetlinkSocket;

  /** @throws GleipnirError KERNEL_PATH_UNAVAILABLE */
  constructor(libc: Libc) {
    this.#questions = new NetlinkSocket(libc);
    this.#news = new NetlinkSocket(libc, NEWS);
  }

  /** Idempotent. */
  close(): void {
    this.#questions.close();
    this.#news.close();
  }

  /** Whether devices, addresses or routes changed since last time; true as well when that cannot be told. */
  hasChanged(): boolean {
    return this.#news.hasNews();
  }

  /** @returns `undefined` for what cannot be reached, or is this machine itself. */
  findRoute(destination: string, source?: string): Route | undefined {
    const answers = this.#questions.ask(TYPE.GET_ROUTE, formatRouteRequest(destination, source));
    const answer = answers.find(({ type }) => type === TYPE.NEW_ROUTE);
    if (answer === undefined || answer.body.getUint8(ROUTE.type) !== UNICAST) return undefined;
    const attributes = readAttributes(answer, ROUTE.size);
    const ifindex = attributes.get(ROUTE_ATTRIBUTE.DEVICE)?.getUint32(0, true);
    const preferred = attributes.get(ROUTE_ATTRIBUTE.PREFERRED_SOURCE);
    const found = source ?? (preferred === undefined ? undefined : textOf(toBytes(preferred)));
    return ifindex === undefined || found === undefined ? undefined : { ifindex, source: found };
  }

  /** Devices that are up, the loopback device included. */
  listDevices(): Device[] {
    const devices: Device[] = [];
    this.#questions.dump(TYPE.GET_LINK, new Uint8Array(LINK.size), (message) => {
      const device = readDevice(message);
      if (device !== undefined) devices.push(device);
    });
    return devices;
  }
}

function readDevice(message: Message): Device | undefined {
  const { type, body } = message;
  if (type !== TYPE.NEW_LINK || (body.getUint32(LINK.flags, true) & IFF_UP) === 0) return undefined;
  const name = readAttributes(message, LINK.size).get(LINK_NAME);
  return {
    name: name === undefined ? '' : Buffer.from(toBytes(name)).toString('latin1').replace(/\0$/, ''),
    ifindex: body.getUint32(LINK.index, true),
    isEthernet: body.getUint16(LINK.type, true) === ETHERNET,
  };
}

function formatRouteRequest(destination: string, source: string | undefined): Uint8Array {
  const parts = [formatAttribute(ROUTE_ATTRIBUTE.DESTINATION, bytesOf(destination))];
  if (source !== undefined) parts.push(formatAttribute(ROUTE_ATTRIBUTE.SOURCE, bytesOf(source)));
  const head = new Uint8Array(ROUTE.size);
  const bits = isIPv4(destination) ? 32 : 128;
  head[ROUTE.family] = isIPv4(destination) ? AF.INET : AF.INET6;
  head[ROUTE.destinationBits] = bits;
  head[ROUTE.sourceBits] = source === undefined ? 0 : bits;
  return Buffer.concat([head, ...parts]);
}

function toBytes(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
