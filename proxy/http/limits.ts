/**
 * What Moonlight HTTP may cost: connections (and with them TLS handshakes), requests, first steps of pairing, sizes
 * and times; by source, and in all with a reserve for sources that a paired client came from of late.
 *
 * Many players may share one address, and most clients open a connection for each request: fifty that launch within
 * five seconds make some 300 of both, and as many again for each box art that they have not seen yet.
 */
import type { Registry } from 'prom-client';
import { SourceLimiter, sourceOf, SOURCES_MAX, type LimiterRates } from '../../core/runtime/token-bucket.ts';
import { DOOR_LIMITS, type DoorLimits } from '../../core/runtime/door.ts';
import { createHttpRefusalCounter, type HttpRefusalReason } from './refusals.ts';

/** What strangers and clients may cost; docs/limits.md says why. Only `pairingRates` is one for both listeners. */
export interface HttpLimitSettings extends DoorLimits {
  /** Request line and headers; step 1 of pairing has some 2.3 kB. */
  headersMaxBytes: number;
  /** For the TLS handshake, and for a whole request from its first byte, or from connect for the first one. */
  requestTimeoutMs: number;
  /** Between two requests of one connection. */
  keepAliveTimeoutMs: number;
  /** Without a byte in either direction; a client that pairs waits longest, for a person with a PIN. */
  idleTimeoutMs: number;
  requestRates: LimiterRates;
  /** First steps of pairing. */
  pairingRates: LimiterRates;
}

export const HTTP_LIMITS: HttpLimitSettings = {
  headersMaxBytes: 8 * 1024,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5_000,
  idleTimeoutMs: 300_000,
  ...DOOR_LIMITS.http,
  requestRates: {
    perSource: { burst: 3_000, perSecond: 300 },
    all: { burst: 4_000, perSecond: 600 },
    reserve: { burst: 3_000, perSecond: 300 },
  },
  pairingRates: {
    perSource: { burst: 60, perSecond: 1 },
    all: { burst: 200, perSecond: 4 },
    reserve: { burst: 60, perSecond: 1 },
  },
};

/** How long a source counts as known after a paired client came from there, ms. */
const KNOWN_MS = 24 * 3_600_000;

/** The sources that paired clients came from of late: at most SOURCES_MAX, then the oldest is forgotten. */
export class KnownSources {
  /** When each source was last seen, oldest first. At most SOURCES_MAX. */
  readonly #seenAtMs = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds, of any clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A paired client came from `address`. */
  add(address: string): void {
    const source = sourceOf(address);
    const oldest = this.#seenAtMs.keys().next();
    this.#seenAtMs.delete(source);
    if (this.#seenAtMs.size >= SOURCES_MAX && oldest.done !== true) this.#seenAtMs.delete(oldest.value);
    this.#seenAtMs.set(source, this.#now());
  }

  has(address: string): boolean {
    const seenAtMs = this.#seenAtMs.get(sourceOf(address));
    return seenAtMs !== undefined && this.#now() - seenAtMs < KNOWN_MS;
  }
}

/** What both listeners share. */
export interface HttpLimits {
  settings: HttpLimitSettings;
  known: KnownSources;
  /** Counts one refusal. */
  refused: (reason: HttpRefusalReason) => void;
  /** Takes a first step of pairing. @returns whether it may go on; if not, it is counted. */
  takePairing: (address: string) => boolean;
  /** Milliseconds, of any clock. */
  now: () => number;
}

export interface HttpLimitsDeps {
  /** Gets `gleipnir_proxy_http_refused_total`. */
  register: Registry;
  /** Departures from HTTP_LIMITS. */
  settings?: Partial<HttpLimitSettings>;
  /** Milliseconds. Default: the machine's monotonic clock. */
  now?: () => number;
}

/** Once for each registry. */
export function createHttpLimits({
  register,
  settings: departures,
  now = () => performance.now(),
}: HttpLimitsDeps): HttpLimits {
  const settings = { ...HTTP_LIMITS, ...departures };
  const refused = createHttpRefusalCounter(register);
  const known = new KnownSources(now);
  const pairing = new SourceLimiter(settings.pairingRates);
  return {
    settings,
    known,
    refused,
    now,
    takePairing: (address) => {
      const isTaken = pairing.take(address, now(), () => known.has(address));
      if (!isTaken) refused('pairingLimited');
      return isTaken;
    },
  };
}
