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

/** Address families. */
export const FAMILY = { INET: 2, INET6: 10 } as const;
const TYPE = { NEW_LINK: 16, GET_LINK: 18, NEW_ROUTE: 24, GET_ROUTE: 26 } as const;
const ROUTE = { size: 12, family: 0, destinationBits: 1, sourceBits: 2, type: 7 } as const;
const UNICAST = 1;
const LINK = { size: 16, type: 2, index: 4, flags: 8 } as const;
const ROUTE_ATTRIBUTE = {
  DESTINATION: 1,
  SOURCE: 2,
  DEVICE: 4,
  GATEWAY: 5,
  PREFERRED_SOURCE: 7,
  VIA: 18,
} as const;
/** What comes before the address of a gateway of the other family. */
const VIA_HEAD = 2;
const LINK_NAME = 3;
const IFF_UP = 1;
const ETHERNET = 1;
/** RTMGRP_LINK; of IPv4 _IFADDR, _ROUTE, _RULE; of IPv6 _IFADDR, _ROUTE, RULE; and RTNLGRP_NEXTHOP, as bits. */
const NEWS = (0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x4_0000 | 0x8000_0000) >>> 0;

/** More ways than sessions have; then all are forgotten. */
const ROUTES_MAX = 16_384;

/** How an address is reached. */
export interface Route {
  ifindex: number;
  /** Canonical. */
  source: string;
  /** Who takes the frames for it on that device: a gateway, or the address itself. Canonical. */
  hop: string;
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
  /** Answers since the last news, `undefined` ones too; at most ROUTES_MAX. */
  readonly #routes = new Map<string, Route | undefined>();

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
    const hasChanged = this.#news.hasNews();
    if (hasChanged) this.#routes.clear();
    return hasChanged;
  }

  /**
   * @param source - the address of ours that it is to be reached from; empty: the system's choice
   * @returns `undefined` for what cannot be reached, or is this machine itself
   */
  findRoute(destination: string, source = ''): Route | undefined {
    const name = `${source} ${destination}`;
    if (this.#routes.has(name)) return this.#routes.get(name);
    if (this.#routes.size >= ROUTES_MAX) this.#routes.clear();
    const route = this.#askRoute(destination, source);
    this.#routes.set(name, route);
    return route;
  }

  #askRoute(destination: string, source: string): Route | undefined {
    const answers = this.#questions.ask(TYPE.GET_ROUTE, formatRouteRequest(destination, source));
    const answer = answers.find(({ type }) => type === TYPE.NEW_ROUTE);
    if (answer === undefined || answer.body.getUint8(ROUTE.type) !== UNICAST) return undefined;
    const attributes = readAttributes(answer, ROUTE.size);
    const ifindex = attributes.get(ROUTE_ATTRIBUTE.DEVICE)?.getUint32(0, true);
    const preferred = attributes.get(ROUTE_ATTRIBUTE.PREFERRED_SOURCE);
    if (ifindex === undefined) return undefined;
    const hop = readHop(attributes) ?? destination;
    if (source !== '') return { ifindex, source, hop };
    return preferred === undefined ? undefined : { ifindex, source: textOf(toBytes(preferred)), hop };
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

function readHop(attributes: Map<number, DataView>): string | undefined {
  const gateway = attributes.get(ROUTE_ATTRIBUTE.GATEWAY);
  if (gateway !== undefined) return textOf(toBytes(gateway));
  const via = attributes.get(ROUTE_ATTRIBUTE.VIA);
  return via === undefined ? undefined : textOf(toBytes(via).subarray(VIA_HEAD));
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

function formatRouteRequest(destination: string, source: string): Uint8Array {
  const parts = [formatAttribute(ROUTE_ATTRIBUTE.DESTINATION, bytesOf(destination))];
  if (source !== '') parts.push(formatAttribute(ROUTE_ATTRIBUTE.SOURCE, bytesOf(source)));
  const head = new Uint8Array(ROUTE.size);
  const bits = isIPv4(destination) ? 32 : 128;
  head[ROUTE.family] = isIPv4(destination) ? FAMILY.INET : FAMILY.INET6;
  head[ROUTE.destinationBits] = bits;
  head[ROUTE.sourceBits] = source === '' ? 0 : bits;
  return Buffer.concat([head, ...parts]);
}

function toBytes(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
