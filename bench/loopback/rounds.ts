/** Rounds of direct wire, bare forwarder and relay under one load, and what they say together. */
import { isLossless } from '../search.ts';
import { figure, spreadsOf, type Spread } from '../statistics.ts';
import { inTurn } from '../turns.ts';
import { WIRES, type Bench, type Load, type Measurement } from './load.ts';

/** One round: the three wires one after the other, then the two forwarders in front of a napping sink. */
export type Round = Record<'direct' | 'bare' | 'relay' | 'bareUnwaking' | 'relayUnwaking', Measurement>;

/** What is sent in every load of a round. */
export type RoundLoad = Omit<Load, 'wire' | 'isSinkNapping'>;

/** @param round - from 1 */
export async function measureRound(bench: Bench, load: RoundLoad, round: number): Promise<Round> {
  const measure = (isSinkNapping: boolean, wires: readonly Load['wire'][]): Promise<Measurement[]> =>
    inTurn(wires, round, (wire) => bench.run({ ...load, wire, isSinkNapping }));
  const [direct, bare, relay] = (await measure(false, WIRES)) as [Measurement, Measurement, Measurement];
  const napping = (await measure(true, ['bare', 'relay'])) as [Measurement, Measurement];
  return { direct, bare, relay, bareUnwaking: napping[0], relayUnwaking: napping[1] };
}

/** Of lossless rounds, µs. */
export const DIRECT = {
  directP50Us: figure('direct p50', ({ direct }: Round) => direct.p50Us),
  directP99Us: figure('direct p99', ({ direct }: Round) => direct.p99Us),
};

/** The same. Added is forwarder minus direct wire; over is relay minus bare forwarder. */
export const LATENCIES = {
  bareAddedP50Us: figure('bare adds p50', ({ direct, bare }: Round) => bare.p50Us - direct.p50Us),
  relayAddedP50Us: figure('relay adds p50', ({ direct, relay }: Round) => relay.p50Us - direct.p50Us),
  relayOverBareP50Us: figure('relay - bare p50', ({ bare, relay }: Round) => relay.p50Us - bare.p50Us),
  bareAddedP99Us: figure('bare adds p99', ({ direct, bare }: Round) => bare.p99Us - direct.p99Us),
  relayAddedP99Us: figure('relay adds p99', ({ direct, relay }: Round) => relay.p99Us - direct.p99Us),
  relayOverBareP99Us: figure('relay - bare p99', ({ bare, relay }: Round) => relay.p99Us - bare.p99Us),
};

type Part = keyof Round;
const cost =
  (part: Part) =>
  (round: Round): number =>
    round[part].forwarderCpuUs;
type Cpu = 'forwarderCpuUs' | 'totalCpuUs';
const ratio =
  (part: Part, to: Part, of: Cpu = 'forwarderCpuUs') =>
  (round: Round): number =>
    round[part][of] / round[to][of];

/**
 * Of the forwarding process for one delivered datagram, µs; unwaking is its own work, without the waking of the sink,
 * and total is of all processes.
 */
export const COSTS = {
  bareUnwakingCpuUs: figure('bare', cost('bareUnwaking'), 1),
  relayUnwakingCpuUs: figure('relay', cost('relayUnwaking'), 1),
  unwakingCpuRatio: figure('**relay : bare**', ratio('relayUnwaking', 'bareUnwaking'), 2),
  bareCpuUs: figure('bare, waking', cost('bare'), 1),
  relayCpuUs: figure('relay, waking', cost('relay'), 1),
  cpuRatio: figure('relay : bare, waking', ratio('relay', 'bare'), 2),
  bareTotalCpuRatio: figure('all processes, bare : direct', ratio('bare', 'direct', 'totalCpuUs'), 2),
  relayTotalCpuRatio: figure('all processes, relay : direct', ratio('relay', 'direct', 'totalCpuUs'), 2),
  foreignCpuPercent: figure('foreign CPU, %', (round: Round) =>
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
