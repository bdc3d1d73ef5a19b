/** The highest rate that something carries without loss, found by halving the interval, all that are compared in turn. */

/** More than this counts as loss. */
const LOSS_PERCENT_MAX = 0.1;
const P99_US_MAX = 20_000;
/** A hiccup of the machine is no limit: the first good try counts. */
const TRIES = 2;

/** What came of a load. */
export interface Carried {
  /** Part of the sent datagrams that never came, percent. */
  lossPercent: number;
  /** From send call to receiving call, µs. */
  p50Us: number;
  p99Us: number;
  /** Part of the machine's CPU time that went to others meanwhile, percent. `NaN` if not told. */
  foreignCpuPercent: number;
  /** Whether the generator kept the rate (98 %): otherwise this says nothing about what lies behind it. */
  isReached: boolean;
}

/** Between which rates, datagrams per second; and how many halvings, of which six leave 4 % of a range of ten. */
export type Search = Record<'min' | 'max' | 'steps', number>;

/** Whether what was sent came, and in time. A rate that the generator did not reach was not carried. */
export function isLossless({ lossPercent, p99Us, isReached }: Carried): boolean {
  return isReached && lossPercent <= LOSS_PERCENT_MAX && p99Us <= P99_US_MAX;
}

/** @returns datagrams per second, in the order of `items`; `min` where even that was lossy. */
export async function findHighest<I>(
  items: readonly I[],
  { min, max, steps }: Search,
  load: (item: I, rate: number) => Promise<Carried>,
): Promise<number[]> {
  const bounds = items.map((item) => ({ item, low: min, high: max }));
  for (let step = 0; step < steps; step += 1) {
    for (const bound of bounds) {
      const rate = Math.round(Math.sqrt(bound.low * bound.high));
      let isCarried = false;
      for (let left = TRIES; left > 0 && !isCarried; left -= 1)
        isCarried = isLossless(await load(bound.item, rate));
      bound[isCarried ? 'low' : 'high'] = rate;
    }
  }
  return bounds.map(({ low }) => low);
}
