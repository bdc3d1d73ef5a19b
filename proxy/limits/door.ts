/** The door of a listener: lets connections in by the limits on how many may be held and opened. */
import type { Socket } from 'node:net';
import { canonicalAddress } from '../../core/runtime/address.ts';
import { ConnectionCount, type ConnectionLimits } from '../../core/runtime/connection-count.ts';
import { SourceLimiter, type LimiterRates } from '../../core/runtime/token-bucket.ts';
import type { DoorRefusalReason } from './refusals.ts';

/** What connections may cost; docs/limits.md says why. */
export interface DoorLimits {
  /** Connections held. */
  connections: ConnectionLimits;
  /** New connections. */
  connectionRates: LimiterRates;
}

export interface DoorDeps {
  limits: DoorLimits;
  /** Whether the reserve is for this (canonical) address; asked only when strangers' part is used up. */
  isKnown: (address: string) => boolean;
  /** Counts one refusal. */
  refused: (reason: DoorRefusalReason) => void;
  /** Milliseconds, of any clock. */
  now: () => number;
}

/** Knows the open connections of one listener. */
export class Door {
  readonly #deps: DoorDeps;
  readonly #count: ConnectionCount;
  readonly #rate: SourceLimiter;
  /** At most `connections.max`, as the count says. */
  readonly #open = new Set<Socket>();

  constructor(deps: DoorDeps) {
    this.#deps = deps;
    this.#count = new ConnectionCount(deps.limits.connections);
    this.#rate = new SourceLimiter(deps.limits.connectionRates);
  }

  /** Counts a new connection in until it closes. @returns `false`, counting and destroying it, if it may not stay. */
  enter(socket: Socket): boolean {
    const address = canonicalAddress(socket.remoteAddress ?? '');
    const refusal = this.#admit(address);
    if (refusal !== undefined) {
      this.#deps.refused(refusal);
      socket.destroy();
      return false;
    }
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#count.release(address);
    });
    return true;
  }

  /** Destroys every open connection. */
  closeAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #admit(address: string): DoorRefusalReason | undefined {
    const { isKnown, now } = this.#deps;
    const isKnownHere = (): boolean => isKnown(address);
    if (!this.#rate.take(address, now(), isKnownHere)) return 'connectionsLimited';
    return this.#count.admit(address, isKnownHere) ? undefined : 'tooManyConnections';
  }
}
