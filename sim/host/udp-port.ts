/** One UDP port of the simulated host. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { bind, type ListenAddress } from './listen.ts';
import type { Destination } from './stream.ts';

/** Several large frames; the kernel may grant less. */
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;

/** Bound from `start` to `stop`. */
export class UdpPort {
  readonly #address: ListenAddress;
  readonly #socket: Socket;
  #isOpen = false;

  constructor(address: ListenAddress, onDatagram: (datagram: Uint8Array, source: Destination) => void) {
    this.#address = address;
    this.#socket = createSocket(isIPv6(address.bindAddress) ? 'udp6' : 'udp4');
    this.#socket.on('message', (datagram, source: RemoteInfo) => {
      onDatagram(datagram, { address: canonicalAddress(source.address), port: source.port });
    });
  }

  /** @returns the port that was bound. @throws GleipnirError PORT_UNAVAILABLE */
  async start(): Promise<number> {
    const port = await bind(this.#socket, this.#address);
    // What a vanished client's machine answers is no fault of this port.
    this.#socket.on('error', () => undefined);
    this.#socket.setSendBufferSize(SEND_BUFFER_BYTES);
    this.#isOpen = true;
    return port;
  }

  async stop(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  /** Sends and forgets; nothing is sent once stopped. */
  readonly send = (datagram: Uint8Array, { address, port }: Destination): void => {
    if (this.#isOpen) this.#socket.send(datagram, port, address);
  };
}
