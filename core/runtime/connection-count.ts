/**
 * How many connections a listener holds: at most so many of one source and so many in all, with a part kept for
 * sources that are known.
 */
import { sourceOf } from './token-bucket.ts';

export interface ConnectionLimits {
  /** Connections of one source, `sourceOf` its address. */
  perSourceMax: number;
  /** Connections in all. */
  max: number;
  /** How many of `max` strangers cannot have. */
  reserved: number;
}

/** The connections of one listener. */
export class ConnectionCount {
  readonly #limits: ConnectionLimits;
  /** Connections by source; a source goes with its last one, so at most `max`. */
  readonly #bySource = new Map<string, number>();
  #size = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Connections held now. */
  get size(): number {
    return this.#size;
  }

  /**
   * Counts a connection in. Each one that was admitted must be released once.
   *
   * @param isKnown asked only when strangers' part is full; it may be slow.
   * @returns whether there was room.
   */
  admit(address: string, isKnown: () => boolean): boolean {
    const { perSourceMax, max, reserved } = this.#limits;
    const source = sourceOf(address);
    const fromThere = this.#bySource.get(source) ?? 0;
    if (fromThere >= perSourceMax || this.#size >= max) return false;
    if (this.#size >= max - reserved && !isKnown()) return false;
    this.#bySource.set(source, fromThere + 1);
    this.#size += 1;
    return true;
  }

  /** Counts out a connection that was admitted. */
  release(address: string): void {
    const source = sourceOf(address);
    const rest = (this.#bySource.get(source) ?? 0) - 1;
    if (rest < 0) return;
    this.#size -= 1;
    if (rest === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, rest);
  }
}
