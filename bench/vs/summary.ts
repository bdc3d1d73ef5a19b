/** What rounds and searches say together. Every ratio and difference is of figures of one and the same round. */
import { spreadOf, spreadOfRounds, type Spread } from '../statistics.ts';
import type { Measurement } from './measure.ts';

/** What latencies are compared to. */
export const WIRE = 'direct';
/** What costs and rates are compared to. */
export const LIMIT = 'kernel-forwarding';

/** A load during which other programs had more of the machine, percent, says nothing about latency. */
const FOREIGN_PERCENT_MAX = 5;

/** One candidate's part of a round: at a fixed rate, and with as much as it carries. */
export interface Turn {
  paced: Measurement;
  saturated: Measurement;
}

/** One round: every candidate's turn, by its name. */
export type Round = Readonly<Record<string, Turn>>;

/** The highest rates of one search, datagrams per second, with single datagrams and with segmented bursts. */
export interface RatesMax {
  single: number;
  segmented: number;
}

/** One search: every candidate's rates, by its name. */
export type Search = Readonly<Record<string, RatesMax>>;

/** One candidate over all rounds. */
export interface Summary {
  name: string;
  title: string;
  /** CPU of all processes for one datagram that came, ns, at the fixed rate and saturated; ratios to the limit. */
  pacedCpuNs: Spread;
  pacedRatio: Spread;
  saturatedCpuNs: Spread;
  saturatedRatio: Spread;
  /** Latency percentiles at the fixed rate, minus the bare wire's; of rounds in which both had the machine to themselves. */
  addedP50Us: Spread;
  addedP99Us: Spread;
  quietRounds: number;
  /** Of the worst round at the fixed rate. */
  lossPercentMax: number;
  /** Highest lossless rates, and their ratios to the limit's. */
  rateMax: Spread;
  rateMaxRatio: Spread;
  segmentedRateMax: Spread;
  segmentedRateMaxRatio: Spread;
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
  const own = (of: (turn: Turn) => number): Spread =>
    spreadOfRounds(rounds, (round) => apply(of, round[name]));
  const ratio = (of: (turn: Turn) => number): Spread =>
    spreadOfRounds(rounds, (round) => divide(apply(of, round[name]), apply(of, round[LIMIT])));
  const pairs = rounds.flatMap(({ [name]: mine, [WIRE]: wire }) =>
    mine === undefined || wire === undefined ? [] : [{ mine: mine.paced, wire: wire.paced }],
  );
  const quiet = pairs.filter(({ mine, wire }) => isQuiet(mine) && isQuiet(wire));
  const added = (of: (load: Measurement) => number): Spread =>
    spreadOfRounds(quiet, ({ mine, wire }) => of(mine) - of(wire));
  const loads = rounds.flatMap(({ [name]: turn }) =>
    turn === undefined ? [] : [turn.paced, turn.saturated],
  );
  const sum = (of: (load: Measurement) => number): number =>
    loads.reduce((total, load) => total + of(load), 0);
  return {
    name,
    title,
    pacedCpuNs: own(({ paced }) => paced.cpuNs),
    pacedRatio: ratio(({ paced }) => paced.cpuNs),
    saturatedCpuNs: own(({ saturated }) => saturated.cpuNs),
    saturatedRatio: ratio(({ saturated }) => saturated.cpuNs),
    addedP50Us: added(({ p50Us }) => p50Us),
    addedP99Us: added(({ p99Us }) => p99Us),
    quietRounds: quiet.length,
    lossPercentMax: own(({ paced }) => paced.lossPercent).max,
    ...summarizeRates(name, searches),
    delivered: sum(({ delivered }) => delivered),
    slow: sum(({ slow }) => slow),
    pings: sum(({ pings }) => pings),
  };
}

type Rates = Pick<Summary, 'rateMax' | 'rateMaxRatio' | 'segmentedRateMax' | 'segmentedRateMaxRatio'>;

function summarizeRates(name: string, searches: readonly Search[]): Rates {
  const rates = (kind: keyof RatesMax): Spread =>
    spreadOf(searches.flatMap((search) => search[name]?.[kind] ?? []));
  const ratios = (kind: keyof RatesMax): Spread =>
    spreadOfRounds(searches, ({ [name]: mine, [LIMIT]: limit }) => divide(mine?.[kind], limit?.[kind]));
  return {
    rateMax: rates('single'),
    rateMaxRatio: ratios('single'),
    segmentedRateMax: rates('segmented'),
    segmentedRateMaxRatio: ratios('segmented'),
  };
}

function apply(of: (turn: Turn) => number, turn: Turn | undefined): number | undefined {
  return turn === undefined ? undefined : of(turn);
}

/** Where the machine does not tell, it is believed. */
export function isQuiet({ foreignCpuPercent }: Measurement): boolean {
  return !(foreignCpuPercent > FOREIGN_PERCENT_MAX);
}

function divide(dividend: number | undefined, divisor: number | undefined): number | undefined {
  return dividend === undefined || divisor === undefined ? undefined : dividend / divisor;
}
