/** Token buckets: how often something may happen, in bursts and over time. All state is of fixed size. */

/** How many at once, and how many per second after that. */
export interface Rate {
  burst: number;
  perSecond: number;
}

/** One bucket. Starts full. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #refilledAtMs = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#tokens = rate.burst;
  }

  /** Takes a token. @returns whether there was one. `nowMs` is of a clock that never goes back. */
  take(nowMs: number): boolean {
    const { burst, perSecond } = this.#rate;
    const refill = ((nowMs - this.#refilledAtMs) * perSecond) / 1000;
    this.#tokens = Math.min(burst, this.#tokens + refill);
    this.#refilledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

const SLOTS = 4096;

/**
 * A bucket per source address, in a table of fixed size: addresses that share a slot share a bucket, which an
 * attacker with many addresses can bring about, but cannot aim (the hash is seeded).
 */
export class SourceBuckets {
  readonly #rate: Rate;
  readonly #seed: number;
  readonly #tokens: Float64Array;
  readonly #refilledAtMs = new Float64Array(SLOTS);

  /** @param seed 32 random bits. */
  constructor(rate: Rate, seed: number) {
    this.#rate = rate;
    this.#seed = seed;
    this.#tokens = new Float64Array(SLOTS).fill(rate.burst);
  }

  /** Whether `address` has a token left, without taking it. */
  has(address: string, nowMs: number): boolean {
    return this.#refill(this.#slotOf(address), nowMs) >= 1;
  }

  /** Takes a token of `address`. @returns whether there was one. */
  take(address: string, nowMs: number): boolean {
    const slot = this.#slotOf(address);
    const tokens = this.#refill(slot, nowMs);
    if (tokens < 1) return false;
    this.#tokens[slot] = tokens - 1;
    return true;
  }

  #refill(slot: number, nowMs: number): number {
    const { burst, perSecond } = this.#rate;
    const elapsedMs = nowMs - (this.#refilledAtMs[slot] ?? nowMs);
    const tokens = Math.min(burst, (this.#tokens[slot] ?? 0) + (elapsedMs * perSecond) / 1000);
    this.#tokens[slot] = tokens;
    this.#refilledAtMs[slot] = nowMs;
    return tokens;
  }

  /** FNV-1a over the address text. */
  #slotOf(address: string): number {
    let hash = this.#seed | 0;
    for (let index = 0; index < address.length; index++) {
      hash = Math.imul(hash ^ address.charCodeAt(index), 0x0100_0193);
    }
    return (hash ^ (hash >>> 16)) & (SLOTS - 1);
  }
}

/** Everything that is limited across flows. */
export interface Limits {
  /** Wrong connect data, by source. */
  wrongConnects: SourceBuckets;
  /** Opening a tag of a datagram from a new address, by source. */
  tagsBySource: SourceBuckets;
  /** The same, over all: about 2 % of a core at most. */
  tags: TokenBucket;
}

const WRONG_CONNECTS: Rate = { burst: 20, perSecond: 5 };
const TAGS_BY_SOURCE: Rate = { burst: 40, perSecond: 20 };
const TAGS: Rate = { burst: 1000, perSecond: 1000 };

/** Opening a tag for one flow. */
export const TAGS_BY_FLOW: Rate = { burst: 60, perSecond: 40 };
/** Moves of one stream of a client. */
export const MOVES: Rate = { burst: 8, perSecond: 1 };

/** @param seed 32 random bits. */
export function createLimits(seed: number): Limits {
  return {
    wrongConnects: new SourceBuckets(WRONG_CONNECTS, seed),
    tagsBySource: new SourceBuckets(TAGS_BY_SOURCE, seed),
    tags: new TokenBucket(TAGS),
  };
}
