/** Claims in memory, for one process that holds every component. */
import { Listeners } from '../runtime/listeners.ts';
import type { Claim, TableClaims } from './table.ts';

/** Entries at which those that ran out are looked for; it grows with what lives. */
const SWEEP_AT_MIN = 256;

interface Entry<T> {
  value: T;
  /** On the clock of `now`. */
  expiresAt: number;
}

export interface MemoryClaimsDeps {
  /** Told what a listener threw; the others and the caller never notice. */
  onListenerError: (error: unknown) => void;
  /** Monotonic, ms. */
  now?: () => number;
}

export function createMemoryClaims({
  onListenerError,
  now = () => performance.now(),
}: MemoryClaimsDeps): TableClaims {
  const holders = new Expiring<string>(now);
  const numbers = new Expiring<number>(now);
  const listeners = new Listeners<string>(onListenerError);

  const claimOf = (name: string): Claim | undefined => {
    const entry = holders.get(name);
    return entry && { holder: entry.value, remainingMs: Math.ceil(entry.expiresAt - now()) };
  };

  return {
    take: (name, holder, ttlMs) => {
      const standing = claimOf(name);
      if (standing !== undefined && standing.holder !== holder) return Promise.resolve(standing);
      holders.set(name, holder, ttlMs);
      return Promise.resolve({ holder, remainingMs: ttlMs });
    },
    release: (name, holder) => {
      if (holders.get(name)?.value === holder) {
        holders.delete(name);
        listeners.tell(name);
      }
      return Promise.resolve();
    },
    look: (name) => Promise.resolve(claimOf(name)),
    advance: (name, value, ttlMs) => {
      if (value <= (numbers.get(name)?.value ?? 0)) return Promise.resolve(false);
      numbers.set(name, value, ttlMs);
      return Promise.resolve(true);
    },
    watch: (listener) => listeners.add(listener),
  };
}

/** Values that run out. */
class Expiring<T> {
  readonly #now: () => number;
  /** Bounded by what its callers set within a time to live, twice at most. */
  readonly #entries = new Map<string, Entry<T>>();
  #sweepAt = SWEEP_AT_MIN;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(name: string): Entry<T> | undefined {
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.expiresAt > this.#now() ? entry : undefined;
  }

  set(name: string, value: T, ttlMs: number): void {
    this.#entries.set(name, { value, expiresAt: this.#now() + ttlMs });
    if (this.#entries.size >= this.#sweepAt) this.#sweep();
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }

  #sweep(): void {
    for (const name of [...this.#entries.keys()])
      if (this.get(name) === undefined) this.#entries.delete(name);
    this.#sweepAt = Math.max(SWEEP_AT_MIN, 2 * this.#entries.size);
  }
}
