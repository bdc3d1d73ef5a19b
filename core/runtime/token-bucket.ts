/**
 * Token buckets: how often something may happen, in bursts and over time, by source address and in all. The state
 * is of fixed size whoever comes; the caller says what time it is.
 */
import { canonicalAddress } from './address.ts';

/** How many at once, and how many per second after that. */
export interface Rate {
  burst: number;
  perSecond: number;
}

/** Sources that one table of buckets remembers, by default: some 0.5 MB. */
export const SOURCES_MAX = 4096;

const GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * Who is limited together: an IPv4 address by itself, IPv6 addresses by their /64, since whoever has one address
 * of that has them all. IPv4-mapped addresses count as IPv4. What is no address stands for itself.
 */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length);
  const canonical = canonicalAddress(address);
  if (!canonical.includes(':')) return canonical;
  const [bare = ''] = canonical.split('%', 1);
  const [head, tail] = bare.split('::', 2).map((part) => (part === '' ? [] : part.split(':')));
  const groups = [...(head ?? [])];
  while (tail !== undefined && groups.length + tail.length < GROUPS) groups.push('0');
  if (tail !== undefined) groups.push(...tail);
  return `${groups.slice(0, NETWORK_GROUPS).join(':')}::/64`;
}

/** What is left in a bucket, and since when. */
interface Level {
  tokens: number;
  refilledAtMs: number;
}

function refill(level: Level, { burst, perSecond }: Rate, nowMs: number): void {
  // A clock that was set back gives nothing, and costs nothing.
  const elapsedMs = Math.max(0, nowMs - level.refilledAtMs);
  level.tokens = Math.min(burst, level.tokens + (elapsedMs * perSecond) / 1000);
  level.refilledAtMs = nowMs;
}

/** One bucket. Starts full. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #level: Level;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#level = { tokens: rate.burst, refilledAtMs: 0 };
  }

  /** Takes a token. @returns whether there was one. @param nowMs ms, of any clock, the same one each time. */
  take(nowMs: number): boolean {
    refill(this.#level, this.#rate, nowMs);
    if (this.#level.tokens < 1) return false;
    this.#level.tokens -= 1;
    return true;
  }
}

/**
 * A bucket for each source, `sourceOf` its address. At most `sourcesMax`: beyond, the one that was used longest ago
 * is forgotten, which is as good as full for whoever has been away, and lets nobody past a bucket for all.
 */
export class SourceBuckets {
  readonly #rate: Rate;
  readonly #sourcesMax: number;
  /** By source, longest unused first. At most sourcesMax. */
  readonly #levels = new Map<string, Level>();

  constructor(rate: Rate, sourcesMax: number = SOURCES_MAX) {
    this.#rate = rate;
    this.#sourcesMax = sourcesMax;
  }

  /** Sources remembered now. */
  get size(): number {
    return this.#levels.size;
  }

  /** Whether the source of `address` has a token left, without taking it. */
  has(address: string, nowMs: number): boolean {
    const level = this.#levels.get(sourceOf(address));
    if (level === undefined) return this.#rate.burst >= 1;
    refill(level, this.#rate, nowMs);
    return level.tokens >= 1;
  }

  /** Takes a token of the source of `address`. @returns whether there was one. */
  take(address: string, nowMs: number): boolean {
    const source = sourceOf(address);
    const level = this.#levels.get(source) ?? this.#vacant(nowMs);
    this.#levels.delete(source);
    this.#levels.set(source, level);
    refill(level, this.#rate, nowMs);
    if (level.tokens < 1) return false;
    level.tokens -= 1;
    return true;
  }

  #vacant(nowMs: number): Level {
    const oldest = this.#levels.size < this.#sourcesMax ? undefined : this.#levels.entries().next().value;
    if (oldest === undefined) return { tokens: this.#rate.burst, refilledAtMs: nowMs };
    const [source, level] = oldest;
    this.#levels.delete(source);
    level.tokens = this.#rate.burst;
    level.refilledAtMs = nowMs;
    return level;
  }
}

/** Rates of a `SourceLimiter`. */
export interface LimiterRates {
  /** Of one source, whoever it is. */
  perSource: Rate;
  /** Of all sources together. */
  all: Rate;
  /** What known sources have besides, when strangers have used up `all`. Default: nothing. */
  reserve?: Rate;
}

const NOTHING: Rate = { burst: 0, perSecond: 0 };

/**
 * A rate by source and a rate for all, with a reserve: when strangers have used up what is there for all, those who
 * are known are served on.
 */
export class SourceLimiter {
  readonly #sources: SourceBuckets;
  readonly #all: TokenBucket;
  readonly #reserve: TokenBucket;

  constructor({ perSource, all, reserve = NOTHING }: LimiterRates, sourcesMax: number = SOURCES_MAX) {
    this.#sources = new SourceBuckets(perSource, sourcesMax);
    this.#all = new TokenBucket(all);
    this.#reserve = new TokenBucket(reserve);
  }

  /** Sources remembered now; at most `sourcesMax`. */
  get size(): number {
    return this.#sources.size;
  }

  /**
   * Takes a token for `address`. What its source is refused costs the others nothing.
   *
   * @param isKnown asked only when the reserve is needed; it may be slow. Default: nobody is.
   * @returns whether there was one.
   */
  take(address: string, nowMs: number, isKnown?: () => boolean): boolean {
    if (!this.#sources.take(address, nowMs)) return false;
    return this.#all.take(nowMs) || (isKnown?.() === true && this.#reserve.take(nowMs));
  }
}
