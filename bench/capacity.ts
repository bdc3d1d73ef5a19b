/** The highest rate that a wire carries without loss, found by halving the interval, all wires in turn. */
import { WIRES, type Bench, type Measurement, type Wire } from './load.ts';
import { spreadOfRounds, type Spread } from './statistics.ts';

/** More than this counts as loss. */
export const LOSS_PERCENT_MAX = 0.1;
export const P99_MS_MAX = 20;

/** Datagrams per second between which is searched, on a scale of ratios. */
const RATE_MIN = 20_000;
const RATE_MAX = 200_000;
/** One load. A quarter of a second of overload by a tenth is enough to show. */
const WARM_MS = 200;
const MEASURED_MS = 600;
/** A hiccup of the machine is no limit of the wire: the first good try counts. */
const TRIES = 2;

/** Highest lossless rate of each wire, datagrams per second; `RATE_MIN` when even that was lossy. */
export type Capacity = Record<Wire, number>;

/** Whether the wire carried what was sent. A rate that the generator did not reach was not carried. */
export function isLossless({ lossPercent, p99Us, isGeneratorSaturated }: Measurement): boolean {
  return lossPercent <= LOSS_PERCENT_MAX && p99Us <= P99_MS_MAX * 1000 && !isGeneratorSaturated;
}

/**
 * One search, about a second for each try.
 *
 * @param steps - halvings; six leave an uncertainty of 4 %
 */
export async function findCapacity(bench: Bench, flows: number, steps: number): Promise<Capacity> {
  const low: Capacity = { direct: RATE_MIN, bare: RATE_MIN, relay: RATE_MIN };
  const high: Capacity = { direct: RATE_MAX, bare: RATE_MAX, relay: RATE_MAX };
  for (let step = 0; step < steps; step += 1) {
    for (const wire of WIRES) {
      const rate = Math.round(Math.sqrt(low[wire] * high[wire]));
      const side = (await isCarried(bench, wire, { flows, rate })) ? low : high;
      side[wire] = rate;
    }
  }
  return low;
}

async function isCarried(bench: Bench, wire: Wire, load: { flows: number; rate: number }): Promise<boolean> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const measurement = await bench.run({
      ...load,
      wire,
      warmMs: WARM_MS,
      measuredMs: MEASURED_MS,
      isSinkNapping: false,
    });
    if (isLossless(measurement)) return true;
  }
  return false;
}

/** Several searches together. */
export interface CapacitySummary {
  direct: Spread;
  bare: Spread;
  relay: Spread;
  /** Of the same search. */
  relayToBare: Spread;
}

/** Middle and extremes of `rounds`. */
export function summarizeCapacity(rounds: readonly Capacity[]): CapacitySummary {
  return {
    direct: spreadOfRounds(rounds, ({ direct }) => direct),
    bare: spreadOfRounds(rounds, ({ bare }) => bare),
    relay: spreadOfRounds(rounds, ({ relay }) => relay),
    relayToBare: spreadOfRounds(rounds, ({ bare, relay }) => relay / bare),
  };
}
