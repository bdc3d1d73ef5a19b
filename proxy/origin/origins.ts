/**
 * Where connections come from and came in: what their PROXY header said, where there is one that counts, and what the
 * sockets say otherwise. Addresses are canonical.
 */
import type { Server, Socket } from 'node:net';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { readHeadersOf, type ProxiedDeps, type SaidOrigin } from './proxied.ts';

/** `source` is empty when the connection has gone. */
export type Origin = SaidOrigin;

/** Asked by socket, or by the TLS socket upon it: both have the same ends. */
export class Origins {
  readonly #proxied: ProxiedDeps | undefined;
  /** What headers said, by the connection's own ends; each goes with its connection. */
  readonly #said = new Map<string, Origin>();

  /** @param proxied who may send headers; without, connections come from their clients, and nothing is read. */
  constructor(proxied?: ProxiedDeps) {
    this.#proxied = proxied;
  }

  /** Reads headers before `server` gets its connections. Call it when all its listeners of `connection` are there. */
  attend(server: Server): void {
    if (this.#proxied === undefined) return;
    readHeadersOf(server, this.#proxied, (socket, origin) => {
      this.#note(socket, origin);
    });
  }

  of(socket: Socket): Origin {
    return (
      this.#said.get(endsOf(socket)) ?? {
        source: canonicalAddress(socket.remoteAddress ?? ''),
        local: canonicalAddress(socket.localAddress ?? ''),
      }
    );
  }

  /** Holds `origin` for as long as the connection is open. */
  #note(socket: Socket, origin: Origin): void {
    const ends = endsOf(socket);
    this.#said.set(ends, origin);
    socket.once('close', () => {
      this.#said.delete(ends);
    });
  }
}

function endsOf({ remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ');
}
