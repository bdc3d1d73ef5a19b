/** The door of a listener: lets connections in by the limits on how many may be held and opened. */
import type { Socket } from 'node:net';
import { ConnectionCount, type ConnectionLimits } from './connection-count.ts';
import { SourceLimiter, type LimiterRates } from './token-bucket.ts';

/** Why a `Door` turned a connection away. */
export const DOOR_REFUSAL_REASONS = [
  /** More connections than one source, or all together, may hold. */
  'tooManyConnections',
  /** More new connections than one source, or all together, may open. */
  'connectionsLimited',
] as const;
export type DoorRefusalReason = (typeof DOOR_REFUSAL_REASONS)[number];

/** What connections may cost. */
export interface DoorLimits {
  /** Connections held. */
  connections: ConnectionLimits;
  /** New connections. */
  connectionRates: LimiterRates;
}

/** Of Moonlight's public ports, wherever their connections come in; docs/limits.md says why. */
export const DOOR_LIMITS = {
  /** HTTP and HTTPS, each; on HTTPS every connection is a TLS handshake. */
  http: {
    connections: { perSourceMax: 256, max: 1024, reserved: 256 },
    connectionRates: {
      perSource: { burst: 1_000, perSecond: 100 },
      all: { burst: 1_500, perSecond: 150 },
      reserve: { burst: 1_000, perSecond: 100 },
    },
  },
  rtsp: {
    connections: { perSourceMax: 128, max: 1024, reserved: 256 },
    connectionRates: {
      perSource: { burst: 800, perSecond: 100 },
      all: { burst: 2_000, perSecond: 400 },
      reserve: { burst: 1_000, perSecond: 200 },
    },
  },
} as const satisfies Record<string, DoorLimits>;

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

  /**
   * Counts a new connection in until it closes.
   *
   * @param address whose it is, canonical.
   * @returns `false`, counting and destroying it, if it may not stay.
   */
  enter(socket: Socket, address: string): boolean {
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
