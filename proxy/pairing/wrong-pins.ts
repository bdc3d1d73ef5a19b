/** Counts wrong PINs by source, so that nobody can try the 10,000 of them. */
import { sourceOf } from '../../core/runtime/token-bucket.ts';

/** Wrong PINs of one source within the window, after which it must wait. */
export const WRONG_PINS_MAX = 3;
/** How long a wrong PIN counts, ms. */
export const WRONG_PIN_WINDOW_MS = 10 * 60_000;

/** Each entry took a person who typed a PIN, so this is never reached in earnest. */
const ADDRESSES_MAX = 1024;

/** The wrong PINs of the last ten minutes. */
export class WrongPins {
  /** Instants by source, oldest first. At most ADDRESSES_MAX; swept of what is older than the window. */
  readonly #instants = new Map<string, number[]>();
  readonly #now: () => number;

  /** @param now milliseconds, of any clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the source of `address` has used up its tries for now. */
  isBlocked(address: string): boolean {
    return this.#recent(sourceOf(address)).length >= WRONG_PINS_MAX;
  }

  /** Milliseconds since the last wrong PIN of the source of `address`; Infinity where there was none. */
  sinceLastMs(address: string): number {
    const last = this.#recent(sourceOf(address)).at(-1);
    return last === undefined ? Infinity : this.#now() - last;
  }

  add(address: string): void {
    const source = sourceOf(address);
    const recent = [...this.#recent(source), this.#now()];
    for (const known of [...this.#instants.keys()]) {
      if (this.#recent(known).length === 0) this.#instants.delete(known);
    }
    const oldest = this.#instants.keys().next();
    if (this.#instants.size >= ADDRESSES_MAX && oldest.done !== true) this.#instants.delete(oldest.value);
    this.#instants.delete(source);
    this.#instants.set(source, recent);
  }

  #recent(source: string): number[] {
    const since = this.#now() - WRONG_PIN_WINDOW_MS;
    return (this.#instants.get(source) ?? []).filter((instant) => instant > since);
  }
}
