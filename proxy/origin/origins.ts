/**
 * Where connections come from and came in: what their PROXY header said, where there is one that counts, and what the
 * sockets say otherwise. Addresses are canonical.
 */
import type { Socket } from 'node:net';
import { canonicalAddress } from '../../core/runtime/address.ts';

export interface Origin {
  /** The client's address; empty when the connection has gone. */
  source: string;
  /** Our address that the client came in by. */
  local: string;
}

/** Origins that headers said. Asked by socket, or by the TLS socket upon it: both have the same ends. */
export class Origins {
  /** By the connection's own ends; each goes with its connection. */
  readonly #said = new Map<string, Origin>();

  /** Holds `origin` for as long as the connection is open. */
  note(socket: Socket, origin: Origin): void {
    const ends = endsOf(socket);
    this.#said.set(ends, origin);
    socket.once('close', () => {
      this.#said.delete(ends);
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
}

function endsOf({ remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ');
}
