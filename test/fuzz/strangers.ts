/** Strangers on the network: they send bytes from addresses of this machine's own, and count what comes back. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Certificate } from '../../core/identity/certificate.ts';
import type { Random } from './random.ts';

const ADDRESS = '127.0.0.1';
/** Strangers are 127.0.0.2 and so on; Linux answers for all of 127.0.0.0/8. */
const FIRST = 2;
const COUNT = 250;
/** A visit that nobody ends by then is over. */
const VISIT_MS_MAX = 400;
const PIECES_MAX = 4;

function address(index: number): string {
  return `127.0.0.${FIRST + (index % COUNT)}`;
}

/** What went out to a port, and what came back. */
export interface Traffic {
  inputs: number;
  bytesOut: number;
  bytesBack: number;
}

/** Nothing yet. */
export function createTraffic(): Traffic {
  return { inputs: 0, bytesOut: 0, bytesBack: 0 };
}

/** A few strangers with UDP sockets. */
export class UdpStrangers {
  readonly #sockets: UdpSocket[] = [];
  #bytesBack = 0;

  get bytesBack(): number {
    return this.#bytesBack;
  }

  async open(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const socket = createSocket('udp4');
      socket.on('message', (datagram) => (this.#bytesBack += datagram.length));
      // The target's own troubles show in the target.
      socket.on('error', () => undefined);
      socket.bind(0, address(index));
      await once(socket, 'listening');
      this.#sockets.push(socket);
    }
  }

  /** Resolves when the system has taken the datagram. */
  send(datagram: Uint8Array, port: number, by: number): Promise<void> {
    const socket = this.#sockets[by % this.#sockets.length];
    return new Promise((resolve) => {
      if (socket === undefined) resolve();
      else {
        socket.send(datagram, port, ADDRESS, () => {
          resolve();
        });
      }
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}

export interface VisitOptions {
  port: number;
  random: Random;
  /** With it: TLS, showing this certificate. */
  tls?: Certificate;
}

/** One TCP connection: all bytes, in one piece or some, then whatever is answered. @returns the bytes answered. */
export async function visit(bytes: Uint8Array, { port, random, tls }: VisitOptions): Promise<number> {
  const target = { port, host: ADDRESS, localAddress: address(random.int(COUNT)) };
  const cuts = random.chance(0.3) ? random.int(PIECES_MAX) : 0;
  const isRude = random.chance(0.1);
  const pieces = split(
    bytes,
    Array.from({ length: cuts }, () => random.int(bytes.length + 1)),
  );
  const tcp = connect(target);
  const socket: Socket = tls === undefined ? tcp : secure(tcp, tls);
  let back = 0;
  tcp.on('error', () => undefined);
  socket.on('error', () => tcp.destroy());
  socket.on('data', (chunk: Buffer) => (back += chunk.length));
  socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
    for (const piece of pieces) socket.write(piece);
    if (isRude) tcp.resetAndDestroy();
    else socket.end();
  });
  let timer: NodeJS.Timeout | undefined;
  // A TLS socket takes the connection over: its end is the end, and the other's may never be told.
  await new Promise((resolve) => {
    socket.once('close', resolve);
    tcp.once('close', resolve);
    timer = setTimeout(resolve, VISIT_MS_MAX);
  });
  clearTimeout(timer);
  socket.destroy();
  tcp.destroy();
  return back;
}

function secure(tcp: Socket, { certificatePem, privateKeyPem }: Certificate): Socket {
  return connectTls({ socket: tcp, cert: certificatePem, key: privateKeyPem, rejectUnauthorized: false });
}

function split(bytes: Uint8Array, cuts: number[]): Uint8Array[] {
  const ends = [...cuts.sort((one, other) => one - other), bytes.length];
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}
