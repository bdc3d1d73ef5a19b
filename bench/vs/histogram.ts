/** Latencies counted in bins of a microsecond: one increment for each, percentiles afterwards. */

/** Longer ones count as this. Above what counts as a lossless rate. */
export const LATENCY_US_MAX = 25_000;

export class Histogram {
  readonly #bins = new Uint32Array(LATENCY_US_MAX + 1);
  #count = 0;

  /** Below zero counts as zero. */
  add(latencyUs: number): void {
    const bin = latencyUs > LATENCY_US_MAX ? LATENCY_US_MAX : latencyUs < 0 ? 0 : Math.floor(latencyUs);
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1;
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * The smallest whole number of µs that at least `percent` of all do not exceed (nearest rank), to the µs below.
   *
   * @param percent - above 0, at most 100
   * @returns `NaN` when there are none.
   */
  percentile(percent: number): number {
    let left = Math.ceil((percent / 100) * this.#count);
    if (this.#count === 0) return NaN;
    for (const [bin, count] of this.#bins.entries()) {
      left -= count;
      if (left <= 0) return bin;
    }
    return LATENCY_US_MAX;
  }

  clear(): void {
    this.#bins.fill(0);
    this.#count = 0;
  }
}
