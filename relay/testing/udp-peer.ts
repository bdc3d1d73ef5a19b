/** One UDP socket on loopback that keeps what it receives. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

/** What came, and from which port. */
export interface Received {
  bytes: Buffer;
  port: number;
}

const WAIT_MS_MAX = 3_000;

/** Resolves when `isMet`; rejects after 3 s, naming `what` did not happen. */
export async function until(isMet: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + WAIT_MS_MAX;
  while (!isMet()) {
    if (performance.now() > giveUpAt) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export class UdpPeer {
  readonly received: Received[] = [];
  readonly #socket: Socket;
  readonly #loopback: string;

  private constructor(socket: Socket, loopback: string) {
    this.#socket = socket;
    this.#loopback = loopback;
    socket.on('message', (bytes, { port }) => this.received.push({ bytes, port }));
  }

  static async open(address = '127.0.0.1'): Promise<UdpPeer> {
    const isV6 = isIPv6(address);
    const socket = createSocket(isV6 ? 'udp6' : 'udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new UdpPeer(socket, isV6 ? '::1' : '127.0.0.1');
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get last(): Buffer {
    return this.received.at(-1)?.bytes ?? Buffer.alloc(0);
  }

  /** To a port of this machine, over this peer's own family. */
  send(bytes: Uint8Array, port: number): void {
    this.#socket.send(bytes, port, this.#loopback);
  }

  /** Waits until `count` datagrams have come in all. */
  async expect(count: number): Promise<Received> {
    await until(() => this.received.length >= count, `${count} datagrams in all`);
    const newest = this.received[count - 1];
    if (newest === undefined) throw new Error('no datagram came');
    return newest;
  }

  close(): void {
    this.#socket.close();
  }
}
