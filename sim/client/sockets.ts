/**
 * The client's UDP sockets. Each can be moved to a new port, or to another local address, while the stream runs:
 * what a NAT or a change of network does, seen from the host.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { LEGACY_PING, PING_SIZE, writePing } from '../../core/protocol/rtp/ping.ts';

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const PING_INTERVAL_MS = 500;

export interface RemoteEndpoint {
  /** IP address. */
  address: string;
  port: number;
}

/** The local IP address that the system would use towards `remote`. */
export async function findLocalAddress(remote: RemoteEndpoint): Promise<string> {
  const socket = createSocket(isIP(remote.address) === 6 ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(remote.port, remote.address, resolve);
    });
    return socket.address().address;
  } finally {
    socket.close();
  }
}

/** One socket towards one address; datagrams of anybody are taken, as a real client does. */
export class ClientSocket {
  /** The host's port; known only once SETUP was answered. */
  remotePort = 0;
  /** From the newest move to the first datagram that found the socket, ms; `null`: none did, or no move. */
  recoveryMs: number | null = null;
  readonly #address: string;
  readonly #onDatagram: (datagram: Uint8Array) => void;
  #socket: Socket | undefined;
  #isClosed = false;
  #localAddress = '';

  /** @param address IP address of the host. */
  constructor(address: string, onDatagram: (datagram: Uint8Array) => void) {
    this.#address = address;
    this.#onDatagram = onDatagram;
  }

  /** Opens the socket on any free port of `localAddress`; rejects if there is no such address. */
  async open(localAddress: string): Promise<void> {
    this.#localAddress = localAddress;
    const type = isIP(this.#address) === 6 ? 'udp6' : 'udp4';
    const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, localAddress, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    if (this.#isClosed) {
      socket.close();
      return;
    }
    // ICMP errors do not end a session.
    socket.on('error', () => undefined);
    socket.on('message', this.#onDatagram);
    this.#socket = socket;
  }

  /** Moves to a new port, and to `localAddress` if given. What arrives at the old port from now on is lost. */
  async rebind(localAddress?: string): Promise<void> {
    const old = this.#socket;
    if (old === undefined) return;
    await this.open(localAddress ?? this.#localAddress);
    if (this.#isClosed) return;
    old.off('message', this.#onDatagram);
    old.close();
    const movedAtMs = performance.now();
    this.recoveryMs = null;
    this.#socket?.once('message', () => {
      this.recoveryMs = performance.now() - movedAtMs;
    });
  }

  /** Send errors are ignored, as a real client does. */
  send(datagram: Uint8Array): void {
    this.#socket?.send(datagram, this.remotePort, this.#address, () => undefined);
  }

  /** For good. */
  close(): void {
    this.#isClosed = true;
    this.#socket?.off('message', this.#onDatagram);
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** Pings one media port every 500 ms, from now on until stopped. The counter begins at 1. */
export class Pinger {
  readonly #timer: NodeJS.Timeout;
  readonly #send: () => void;
  #counter = 0;

  /** @param payload 16 characters; `undefined`: the legacy ping. */
  constructor(payload: string | undefined, transmit: (datagram: Uint8Array) => void) {
    this.#send = () => {
      this.#counter += 1;
      if (payload === undefined) {
        transmit(LEGACY_PING);
        return;
      }
      const ping = new Uint8Array(PING_SIZE);
      writePing(ping, payload, this.#counter);
      transmit(ping);
    };
    this.#send();
    this.#timer = setInterval(this.#send, PING_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
