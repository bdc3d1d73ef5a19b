/** A socket in one namespace of a routed network. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { until } from '../../relay/testing/udp-peer.ts';
import { enlargeReceiveBuffer, numberOption, openUdpSocket, setSocketOption } from './kernel-libc.ts';
import type { RoutedNetwork, Side } from './routed.ts';

/** Socket options that node:dgram does not know. Source: socket(7), ip(7), ipv6(7), udp(7). */
const OPTION = {
  noChecksum: ['SO_NO_CHECK', 1, 11],
  segment: ['UDP_SEGMENT', 17, 103],
  timeToLive: ['IP_TTL', 0, 2],
  unicastHops: ['IPV6_UNICAST_HOPS', 41, 16],
  options: ['IP_OPTIONS', 0, 4],
  destinationOptions: ['IPV6_DSTOPTS', 41, 59],
} as const;
/** Four bytes of options that say nothing, and an extension header that says nothing. */
const NOTHING = { options: '01010100', destinationOptions: '0000010400000000' } as const;

export class NetworkPeer {
  /** What came, and from where. */
  readonly received: { bytes: Buffer; address: string; port: number }[] = [];
  readonly #socket: Socket;
  readonly #descriptor: number;
  readonly #relayAddress: string;
  readonly #isIPv6: boolean;

  /** @param place - its own address, and that of the relay as this side knows it */
  constructor(network: RoutedNetwork, side: Side, place: { address: string; relayAddress: string }) {
    const { address, relayAddress } = place;
    this.#relayAddress = relayAddress;
    this.#isIPv6 = isIPv6(address);
    const family = this.#isIPv6 ? 6 : 4;
    this.#descriptor = network.inside(side, () => openUdpSocket(address));
    this.#socket = createSocket({
      type: `udp${family}`,
      // Without a name to resolve, datagrams leave before `send` returns.
      lookup: (name, _options, callback) => {
        callback(null, name, family);
      },
    });
    this.#socket.on('message', (bytes, source) => {
      this.received.push({ bytes, address: source.address, port: source.port });
    });
    this.#socket.bind({ fd: this.#descriptor });
    enlargeReceiveBuffer(this.#descriptor);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** To a port of the relay, unless told otherwise. */
  send(bytes: Uint8Array, port: number, address = this.#relayAddress): void {
    this.#socket.send(bytes, port, address);
  }

  /** What is sent from now on leaves with this time to live, or hop limit. */
  setTimeToLive(hops: number): void {
    this.#set(this.#isIPv6 ? 'unicastHops' : 'timeToLive', numberOption(hops));
  }

  /** What is sent from now on has no UDP checksum. IPv4 only. */
  leaveOutChecksum(): void {
    this.#set('noChecksum', numberOption(1));
  }

  /** What is sent from now on are super-packets: the system makes datagrams of `bytes` of them. 0: no more. */
  segment(bytes: number): void {
    this.#set('segment', numberOption(bytes));
  }

  /** What is sent from now on has IP options or, over IPv6, an extension header. */
  addOptions(): void {
    const option = this.#isIPv6 ? 'destinationOptions' : 'options';
    this.#set(option, Buffer.from(NOTHING[option], 'hex'));
  }

  /** Resolves when `count` have come in all. @returns what those from number `from` on said. */
  async expect(count: number, from = 0): Promise<Buffer[]> {
    await until(
      () => this.received.length >= count,
      `${count} datagrams in all, instead of ${this.received.length}`,
    );
    return this.received.slice(from).map(({ bytes }) => bytes);
  }

  close(): void {
    this.#socket.close();
  }

  #set(option: keyof typeof OPTION, value: Uint8Array): void {
    setSocketOption(this.#descriptor, OPTION[option], value);
  }
}
