/** One bound UDP socket: opening, sending with a bound on what waits in the queue, closing. */
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Traffic } from '../counts/counters.ts';

/** A key frame is a burst of hundreds of datagrams; the kernel caps this at its own limit. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** Bytes that may wait inside the process because the kernel takes no more; looked at every tick. */
const QUEUE_BYTES_MAX = 8 * 1024 * 1024;

/** The longest UDP payload that is forwarded: nothing Moonlight sends comes near an Ethernet frame. */
export const DATAGRAM_SIZE_MAX = 1500;

export interface UdpPortDeps {
  address: string;
  /** 0: any free port. */
  port: number;
  /** Whether `::` takes IPv4 as well. */
  isDualStack: boolean;
  /** Where this port counts what it sent. */
  sent: Traffic;
  onDatagram: (datagram: Buffer, source: RemoteInfo) => void;
  onError: (error: Error) => void;
}

export class UdpPort {
  readonly #deps: UdpPortDeps;
  #socket: Socket | undefined;
  #local: { address: string; port: number } | undefined;
  #isCongested = false;
  /** Whether something was sent since the queue was looked at: most ports towards hosts hardly ever send. */
  #hasSent = false;

  constructor(deps: UdpPortDeps) {
    this.#deps = deps;
  }

  /** Binds. @returns the port bound. @throws GleipnirError PORT_UNAVAILABLE */
  async open(): Promise<number> {
    const { address, port, isDualStack, onDatagram, onError } = this.#deps;
    const socket = isIPv6(address)
      ? createSocket({ type: 'udp6', ipv6Only: !isDualStack, lookup: LITERAL[6] })
      : createSocket({ type: 'udp4', lookup: LITERAL[4] });
    try {
      // Without a name to resolve, binding is done before `bind` returns.
      const listening = once(socket, 'listening');
      socket.bind({ address, port, exclusive: true });
      await listening;
    } catch (cause) {
      socket.close();
      throw new GleipnirError('PORT_UNAVAILABLE', 'A UDP port cannot be bound', { address, port }, { cause });
    }
    socket.on('error', onError);
    socket.on('message', onDatagram);
    enlargeBuffers(socket);
    this.#socket = socket;
    this.#local = socket.address();
    return this.#local.port;
  }

  /** Where it is bound, wildcards included; `undefined` while it is not. */
  get local(): { address: string; port: number } | undefined {
    return this.#local;
  }

  /** Idempotent. */
  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#local = undefined;
    socket?.removeAllListeners('message');
    socket?.close();
  }

  /**
   * Sends one datagram and counts it. `port` is 1..65535, `address` an IP address of this port's family; what the
   * network makes of it is nobody's business.
   *
   * @returns `false`, sending nothing, when the port is not open or its queue is full.
   */
  send(datagram: Uint8Array, port: number, address: string): boolean {
    if (this.#socket === undefined || this.#isCongested) return false;
    this.#hasSent = true;
    this.#socket.send(datagram, port, address);
    this.#deps.sent.datagrams += 1;
    this.#deps.sent.bytes += datagram.length;
    return true;
  }

  /** Looks at the send queue, once per tick. */
  checkQueue(): void {
    if (!this.#hasSent && !this.#isCongested) return;
    this.#hasSent = false;
    this.#isCongested = this.#socket !== undefined && this.#socket.getSendQueueSize() > QUEUE_BYTES_MAX;
  }
}

type Lookup = NonNullable<SocketOptions['lookup']>;

/**
 * Every address here is an IP literal. Told so, node:dgram sends at once instead of in the next tick, which saves
 * about a tenth of the CPU per datagram.
 */
const LITERAL: Record<4 | 6, Lookup> = {
  4: (address, _options, callback) => {
    callback(null, address, 4);
  },
  6: (address, _options, callback) => {
    callback(null, address, 6);
  },
};

/** A system that refuses larger buffers still works, with more loss in bursts. */
function enlargeBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    return;
  }
}
