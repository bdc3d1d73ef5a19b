/**
 * What comes in by the device of one namespace, as it is on the wire: for what sockets do not show. With offloads on,
 * checksums are not there yet, and a super-packet is one frame.
 *
 * Source: packet(7); RFC 768, RFC 791, RFC 1071, RFC 8200.
 */
import { closeSync } from 'node:fs';
import { enlargeReceiveBuffer, testLibc } from './kernel-libc.ts';
import type { RoutedNetwork, Side } from './routed.ts';

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 0x8_0003;
/** In network order. */
const ETH_P_ALL = 0x0300;
const DO_NOT_WAIT = 0x40;
const FRAME_SIZE_MAX = 0x1_0100;

const ETHERNET_SIZE = 14;
const IPV4 = { type: 0x0800, size: 20, hops: 8, protocol: 9, addresses: 12 } as const;
const IPV6 = { type: 0x86dd, size: 40, hops: 7, protocol: 6, addresses: 8 } as const;
const UDP = { protocol: 17, size: 8, destination: 2, checksum: 6 } as const;

/** A UDP datagram in one piece, or several in a super-packet. */
export interface Frame {
  destinationPort: number;
  /** Time to live, or hop limit. */
  hops: number;
  /** As it stands there. */
  checksum: number;
  isChecksumRight: boolean;
  payload: Buffer;
}

export class Wire {
  readonly #descriptor: number;

  /** Listens from now on. */
  constructor(network: RoutedNetwork, side: Side) {
    this.#descriptor = network.inside(side, () => testLibc().socket(AF_PACKET, SOCK_RAW_CLOEXEC, ETH_P_ALL));
    if (this.#descriptor < 0) throw new Error('a packet socket cannot be had');
    enlargeReceiveBuffer(this.#descriptor);
  }

  /** What came to `port` since last time. */
  take(port: number): Frame[] {
    const frames: Frame[] = [];
    const bytes = Buffer.alloc(FRAME_SIZE_MAX);
    for (;;) {
      const size = testLibc().recv(this.#descriptor, bytes, bytes.length, DO_NOT_WAIT);
      if (size < 0) return frames;
      const frame = parseFrame(bytes.subarray(0, size));
      if (frame?.destinationPort === port) frames.push(frame);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function parseFrame(bytes: Buffer): Frame | undefined {
  const type = bytes.readUInt16BE(ETHERNET_SIZE - 2);
  if (type !== IPV4.type && type !== IPV6.type) return undefined;
  const layout = type === IPV4.type ? IPV4 : IPV6;
  const packet = bytes.subarray(ETHERNET_SIZE);
  if (packet.length < layout.size + UDP.size || packet[layout.protocol] !== UDP.protocol) return undefined;
  const udp = packet.subarray(layout.size);
  return {
    destinationPort: udp.readUInt16BE(UDP.destination),
    hops: packet.readUInt8(layout.hops),
    checksum: udp.readUInt16BE(UDP.checksum),
    isChecksumRight:
      sumOf(packet.subarray(layout.addresses, layout.size), udp, [UDP.protocol, udp.length]) === 0xffff,
    payload: Buffer.from(udp.subarray(UDP.size)),
  };
}

/** The ones' complement sum of both addresses, the datagram and the rest of the pseudo header. */
function sumOf(addresses: Buffer, udp: Buffer, rest: readonly number[]): number {
  let sum = rest.reduce((total, word) => total + word, 0);
  for (const bytes of [addresses, udp]) {
    for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
    if (bytes.length % 2 === 1) sum += (bytes.at(-1) ?? 0) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return sum;
}
