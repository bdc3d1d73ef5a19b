/** Rounds of direct wire, bare forwarder and relay under one load, and what they say together. */
import { isLossless } from '../search.ts';
import { figure, spreadsOf, type Spread } from '../statistics.ts';
import { inTurn } from '../turns.ts';
import { WIRES, type Bench, type Load, type Measurement, type Wire } from './load.ts';

/** One round: the three wires one after the other, then the two forwarders in front of a napping sink. */
export type Round = Record<'direct' | 'bare' | 'relay' | 'bareUnwaking' | 'relayUnwaking', Measurement>;

/** What is sent in every load of a round. */
export type RoundLoad = Omit<Load, 'wire' | 'isSinkNapping'>;

/** @param round - from 1 */
export async function measureRound(bench: Bench, load: RoundLoad, round: number): Promise<Round> {
  const measure = (isSinkNapping: boolean, wires: readonly Wire[]): Promise<Measurement[]> =>
    inTurn(wires, round, (wire) => bench.run({ ...load, wire, isSinkNapping }));
  const [direct, bare, relay] = (await measure(false, WIRES)) as [Measurement, Measurement, Measurement];
  const napping = (await measure(true, ['bare', 'relay'])) as [Measurement, Measurement];
  return { direct, bare, relay, bareUnwaking: napping[0], relayUnwaking: napping[1] };
}

/** Between two wires of a round. */
const added =
  (of: 'p50Us' | 'p99Us', wire: Wire, to: Wire) =>
  (round: Round): number =>
    round[wire][of] - round[to][of];

/** Of lossless rounds, µs. */
export const DIRECT = {
  directP50Us: figure('direct p50', 0, ({ direct }: Round) => direct.p50Us),
  directP99Us: figure('direct p99', 0, ({ direct }: Round) => direct.p99Us),
};

/** The same. */
export const LATENCIES = {
  bareAddedP50Us: figure('bare adds p50', 0, added('p50Us', 'bare', 'direct')),
  relayAddedP50Us: figure('relay adds p50', 0, added('p50Us', 'relay', 'direct')),
  relayOverBareP50Us: figure('relay - bare p50', 0, added('p50Us', 'relay', 'bare')),
  bareAddedP99Us: figure('bare adds p99', 0, added('p99Us', 'bare', 'direct')),
  relayAddedP99Us: figure('relay adds p99', 0, added('p99Us', 'relay', 'direct')),
  relayOverBareP99Us: figure('relay - bare p99', 0, added('p99Us', 'relay', 'bare')),
};

type Cpu = 'forwarderCpuUs' | 'totalCpuUs';
const cost =
  (part: keyof Round) =>
  (round: Round): number =>
    round[part].forwarderCpuUs;
const ratio =
  (part: keyof Round, to: keyof Round, of: Cpu = 'forwarderCpuUs') =>
  (round: Round): number =>
    round[part][of] / round[to][of];

/**
 * Of the forwarding process for one delivered datagram, µs; unwaking is its own work, without the waking of the sink,
 * and total is of all processes.
 */
export const COSTS = {
  bareUnwakingCpuUs: figure('bare', 1, cost('bareUnwaking')),
  relayUnwakingCpuUs: figure('relay', 1, cost('relayUnwaking')),
  unwakingCpuRatio: figure('**relay : bare**', 2, ratio('relayUnwaking', 'bareUnwaking')),
  bareCpuUs: figure('bare, waking', 1, cost('bare')),
  relayCpuUs: figure('relay, waking', 1, cost('relay')),
  cpuRatio: figure('relay : bare, waking', 2, ratio('relay', 'bare')),
  bareTotalCpuRatio: figure('all processes, bare : direct', 2, ratio('bare', 'direct', 'totalCpuUs')),
  relayTotalCpuRatio: figure('all processes, relay : direct', 2, ratio('relay', 'direct', 'totalCpuUs')),
  foreignCpuPercent: figure('foreign CPU, %', 0, (round: Round) =>
    Math.max(...WIRES.map((wire) => round[wire].foreignCpuPercent)),
  ),
};

type FigureName = keyof typeof DIRECT | keyof typeof LATENCIES | keyof typeof COSTS;

/** Several rounds of one load; every difference and ratio is of one and the same round. */
export interface RoundsSummary extends Record<FigureName, Spread> {
  flows: number;
  rate: number;
  rounds: number;
  /** Rounds in which all three wires carried the load without loss: only these count for latency. */
  losslessRounds: number;
  lossPercentMax: number;
  /** Loads at which the generator could not keep the rate. */
  generatorSaturated: number;
}

/** Middle and extremes of `rounds`. */
export function summarizeRounds({ flows, rate }: RoundLoad, rounds: readonly Round[]): RoundsSummary {
  const lossless = rounds.filter((round) => WIRES.every((wire) => isLossless(round[wire])));
  const loads = rounds.flatMap((round) => WIRES.map((wire) => round[wire]));
  return {
    flows,
    rate,
    rounds: rounds.length,
    losslessRounds: lossless.length,
    ...spreadsOf(lossless, DIRECT),
    ...spreadsOf(lossless, LATENCIES),
    ...spreadsOf(rounds, COSTS),
    lossPercentMax: Math.max(...loads.map(({ lossPercent }) => lossPercent)),
    generatorSaturated: loads.filter(({ isReached }) => !isReached).length,
  };
}
