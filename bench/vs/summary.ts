/** What rounds and searches say together. Every ratio and difference is of figures of one and the same round. */
import type { Measurement } from '../stage/measure.ts';
import { figure, spreadOfRounds, spreadsOf, type Spread } from '../statistics.ts';

/** What latencies are compared to. */
const WIRE = 'direct';
/** What costs and rates are compared to. */
const LIMIT = 'kernel-forwarding';

/** A load during which other programs had more of the machine, percent, says nothing about latency. */
const FOREIGN_PERCENT_MAX = 5;

/** One candidate's part of a round: at a fixed rate, and with as much as it carries. */
export type Turn = Record<'paced' | 'saturated', Measurement>;

/** One round: every candidate's turn, by its name. */
export type Round = Readonly<Record<string, Turn>>;

/** The highest rates of one search, datagrams per second, with single datagrams and with segmented bursts. */
export type RatesMax = Record<'single' | 'segmented', number>;

/** One search: every candidate's rates, by its name. */
export type Search = Readonly<Record<string, RatesMax>>;

/** A candidate's part of something, and that of the bare wire and of the limit. */
type Pair<T> = Readonly<{ mine: T; wire: T | undefined; limit: T | undefined }>;

function pairsOf<T>(all: readonly Readonly<Record<string, T>>[], name: string): Pair<T>[] {
  return all.flatMap(({ [name]: mine, [WIRE]: wire, [LIMIT]: limit }) =>
    mine ? [{ mine, wire, limit }] : [],
  );
}

function ratio<T>({ mine, limit }: Pair<T>, of: (part: T) => number): number {
  return limit === undefined ? NaN : of(mine) / of(limit);
}

/** CPU of all processes for one datagram that came, ns, at the fixed rate and saturated; ratios to the limit. */
export const COSTS = {
  pacedRatio: figure('**CPU ratio**', 2, (pair: Pair<Turn>) => ratio(pair, ({ paced }) => paced.cpuNs)),
  saturatedRatio: figure('**saturated**', 2, (pair: Pair<Turn>) =>
    ratio(pair, ({ saturated }) => saturated.cpuNs),
  ),
  pacedCpuNs: figure('CPU, ns', 0, ({ mine }: Pair<Turn>) => mine.paced.cpuNs),
  saturatedCpuNs: figure('saturated, ns', 0, ({ mine }: Pair<Turn>) => mine.saturated.cpuNs),
};

type Quiet = Record<'mine' | 'wire', Measurement>;

/** Latency percentiles at the fixed rate, minus the bare wire's; of rounds in which both had the machine to themselves. */
export const LATENCIES = {
  addedP50Us: figure('adds p50, µs', 0, ({ mine, wire }: Quiet) => mine.p50Us - wire.p50Us),
  addedP99Us: figure('adds p99, µs', 0, ({ mine, wire }: Quiet) => mine.p99Us - wire.p99Us),
};

/** Highest lossless rates, and their ratios to the limit's. */
export const RATES = {
  rateMax: figure('single datagrams', 0, ({ mine }: Pair<RatesMax>) => mine.single, 1000),
  rateMaxRatio: figure('to the limit', 2, (pair: Pair<RatesMax>) => ratio(pair, ({ single }) => single)),
  segmentedRateMax: figure('GSO sender', 0, ({ mine }: Pair<RatesMax>) => mine.segmented, 1000),
  segmentedRateMaxRatio: figure('to the limit', 2, (pair: Pair<RatesMax>) =>
    ratio(pair, ({ segmented }) => segmented),
  ),
};

type FigureName = keyof typeof COSTS | keyof typeof LATENCIES | keyof typeof RATES;

/** One candidate over all rounds. */
export interface Summary extends Record<FigureName, Spread> {
  name: string;
  title: string;
  /** That count for latency. */
  quietRounds: number;
  /** Of the worst round at the fixed rate. */
  lossPercentMax: number;
  /** Over all loads: what came to the client, what came up to the candidate's sockets, and pings that were sent. */
  delivered: number;
  slow: number;
  pings: number;
}

/** @param searches - may be none: then there are no rates */
export function summarize(
  { name, title }: { name: string; title: string },
  rounds: readonly Round[],
  searches: readonly Search[],
): Summary {
  const pairs = pairsOf(rounds, name);
  const quiet = pairs.flatMap(({ mine, wire }) =>
    wire !== undefined && isQuiet(mine.paced) && isQuiet(wire.paced)
      ? [{ mine: mine.paced, wire: wire.paced }]
      : [],
  );
  const loads = pairs.flatMap(({ mine }) => [mine.paced, mine.saturated]);
  const sum = (figure: 'delivered' | 'slow' | 'pings'): number =>
    loads.reduce((total, load) => total + load[figure], 0);
  return {
    name,
    title,
    ...spreadsOf(pairs, COSTS),
    ...spreadsOf(quiet, LATENCIES),
    quietRounds: quiet.length,
    lossPercentMax: spreadOfRounds(pairs, ({ mine }) => mine.paced.lossPercent).max,
    ...spreadsOf(pairsOf(searches, name), RATES),
    delivered: sum('delivered'),
    slow: sum('slow'),
    pings: sum('pings'),
  };
}

/** Where the machine does not tell, it is believed. */
export function isQuiet({ foreignCpuPercent }: Measurement): boolean {
  return !(foreignCpuPercent > FOREIGN_PERCENT_MAX);
}

type Figure = 'pacedRatio' | 'saturatedRatio' | 'addedP99Us';

/** What medians of our relay must not be above, with 1200-byte datagrams, 20 flows, 2 cores. */
const TARGETS: Readonly<Record<string, Record<Figure, number>>> = {
  'relay-neigh': { pacedRatio: 1.05, saturatedRatio: 1.1, addedP99Us: 20 },
  'relay-peer': { pacedRatio: 1, saturatedRatio: 1, addedP99Us: 10 },
  'relay-userspace': { pacedRatio: 2.3, saturatedRatio: 2.7, addedP99Us: 400 },
};

/** One figure beside its target. */
export interface Verdict extends Record<'value' | 'target', number> {
  title: string;
  figure: Figure;
  /** `undefined` where it could not be measured. */
  isMet: boolean | undefined;
}

/** Whether this is our relay. */
export function isOurs({ name }: { name: string }): boolean {
  return name in TARGETS;
}

export function judgeAll(summaries: readonly Summary[]): Verdict[] {
  return summaries.flatMap((summary) => {
    const targets = Object.entries(TARGETS[summary.name] ?? {}) as [Figure, number][];
    return targets.map(([figure, target]) => {
      const { median: value } = summary[figure];
      const isMet = Number.isNaN(value) ? undefined : value <= target;
      return { title: summary.title, figure, value, target, isMet };
    });
  });
}
