/** What the install bench found, put together. Pure. */
import type { Measurement } from '../stage/measure.ts';
import { figure, spreadOfRounds, spreadsOf, type Spread } from '../statistics.ts';

/** One system call for each entry; one for all; or as the relay's engine does: one each, after asking for two routes. */
export const WAYS = ['each', 'batch', 'routed'] as const;
export type Way = (typeof WAYS)[number];

/** As many datagrams per second as asked for; or as many as come through. */
const LOADS = ['paced', 'saturated'] as const;
type LoadName = (typeof LOADS)[number];

/** Sessions that are put into an empty map. */
export type InstallCase = Record<'sessions' | 'entriesEach', number>;

/** Time by way, ms. */
export type InstallRound = Record<Way, number>;

/** Traffic through a map with so many entries; CPU is of generator, sink and kernel. */
export interface Traffic extends Pick<Measurement, 'cpuNs' | 'rate' | 'lossPercent'> {
  entries: number;
}

/** One load on each lane, one after the other. */
export type CostRound = Record<LoadName, readonly Traffic[]>;

/** Run time of the kernel program for a datagram, ns: one figure for each lane. */
export type ProgramRound = readonly number[];

/** Everything that was measured, round by round. */
export interface InstallMeasurements {
  installs: { what: InstallCase; rounds: readonly InstallRound[] }[];
  /** ms, by entries. */
  reads: { entries: number; rounds: readonly number[] }[];
  /** The kernel's memory for a map with room for so many. */
  maps: Record<'entriesMax' | 'bytes', number>[];
  costs: readonly CostRound[];
  /** On the lanes of `costs`. */
  programs: readonly ProgramRound[];
  /** RSS that each idle session adds to the relay, table and RTSP server included. */
  rssBytesPerSession: number;
}

/** Between two values; infinite where too little is known. */
export type Interval = Record<'low' | 'high', number>;

/**
 * Where the median of what `values` are samples of lies with 95 % certainty, whatever their distribution: between
 * two of them by rank (sign test). Less than 6 do not tell.
 */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b);
  const count = sorted.length;
  let rank = -1;
  // Chance that just so many of the samples are below the median, and that so many or fewer are.
  let exactly = 0.5 ** count;
  let atMost = exactly;
  while (atMost <= 0.025) {
    rank += 1;
    exactly *= (count - rank) / (rank + 1);
    atMost += exactly;
  }
  return { low: sorted[rank] ?? -Infinity, high: sorted[count - 1 - rank] ?? Infinity };
}

/** One lane over all rounds. The first of a round's lanes is what the others are compared with. */
export interface LaneSummary {
  entries: number;
  /** Whether this is a lane like the first: how far two are apart that are alike. */
  isControl: boolean;
}

type Pair = Record<'here' | 'first', Traffic>;

export const COSTS = {
  cpuNs: figure('CPU, ns per datagram', 0, ({ here }: Pair) => here.cpuNs),
  ratio: figure('**ratio**', 3, ({ here, first }: Pair) => here.cpuNs / first.cpuNs),
};

/** CPU with so many entries. */
export interface CostSummary extends LaneSummary, Record<keyof typeof COSTS, Spread> {
  load: LoadName;
  /** Where the median of the ratio lies with 95 % certainty. */
  interval: Interval;
  rate: Spread;
  lossPercentMax: number;
}

/** Each load and number of entries over all rounds. */
export function summarizeCosts(rounds: readonly CostRound[]): CostSummary[] {
  return LOADS.flatMap((load) => {
    const lanes = rounds[0]?.[load] ?? [];
    return lanes.map(({ entries }, lane): CostSummary => {
      const pairs = rounds.flatMap(({ [load]: { 0: first, [lane]: here } }) =>
        first && here ? [{ first, here }] : [],
      );
      return {
        load,
        entries,
        isControl: lane > 0 && entries === lanes[0]?.entries,
        ...spreadsOf(pairs, COSTS),
        interval: medianInterval(pairs.map(({ here, first }) => here.cpuNs / first.cpuNs)),
        rate: spreadOfRounds(pairs, ({ here }) => here.rate),
        lossPercentMax: Math.max(...pairs.map(({ here }) => here.lossPercent)),
      };
    });
  });
}

/** Run time of the program with so many entries, ns, and what of it is more than on the first lane. */
export interface ProgramSummary extends LaneSummary, Record<'programNs' | 'addedNs', Spread> {
  /** What is more, as part of all CPU for a datagram on the first lane under the same load, percent. */
  addedPercent: number;
}

/** Each lane over all rounds. */
export function summarizePrograms(
  rounds: readonly ProgramRound[],
  costs: readonly CostSummary[],
): ProgramSummary[] {
  const lanes = costs.filter(({ load }) => load === 'paced');
  return lanes.map(({ entries, isControl }, lane) => {
    const programNs = spreadOfRounds(rounds, (round) => round[lane]);
    const addedNs = spreadOfRounds(rounds, ({ 0: first = NaN, [lane]: here = NaN }) => here - first);
    const addedPercent = (100 * addedNs.median) / (lanes[0]?.cpuNs.median ?? NaN);
    return { entries, isControl, programNs, addedNs, addedPercent };
  });
}
