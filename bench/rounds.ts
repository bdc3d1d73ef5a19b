/** Rounds of direct wire, bare forwarder and relay under one load, and what they say together. */
import { isLossless } from './capacity.ts';
import { WIRES, type Bench, type Measurement, type Wire } from './load.ts';
import { spreadOfRounds, type Spread } from './statistics.ts';

/** One round: the three wires one after the other, then the two forwarders in front of a napping sink. */
export interface Round {
  direct: Measurement;
  bare: Measurement;
  relay: Measurement;
  bareUnwaking: Measurement;
  relayUnwaking: Measurement;
}

/** What `measureRounds` is to do. */
export interface RoundsPlan {
  flows: number;
  /** Datagrams per second, all flows together. */
  rate: number;
  rounds: number;
  warmMs: number;
  measuredMs: number;
}

/** Every second round runs backwards, so that no wire is always the one behind the same other. */
export async function measureRounds(bench: Bench, plan: RoundsPlan): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let index = 0; index < plan.rounds; index += 1) {
    rounds.push(await measureRound(bench, plan, index % 2 === 0 ? WIRES : WIRES.toReversed()));
  }
  return rounds;
}

async function measureRound(bench: Bench, plan: RoundsPlan, wires: readonly Wire[]): Promise<Round> {
  const awake: Partial<Record<Wire, Measurement>> = {};
  const napping: Partial<Record<Wire, Measurement>> = {};
  for (const wire of wires) awake[wire] = await bench.run({ ...plan, wire, isSinkNapping: false });
  for (const wire of wires) {
    if (wire !== 'direct') napping[wire] = await bench.run({ ...plan, wire, isSinkNapping: true });
  }
  const { direct, bare, relay } = awake as Record<Wire, Measurement>;
  const { bare: bareUnwaking, relay: relayUnwaking } = napping as Record<Wire, Measurement>;
  return { direct, bare, relay, bareUnwaking, relayUnwaking };
}

/** Several rounds of one load; every difference and ratio is of one and the same round. */
export interface RoundsSummary {
  flows: number;
  rate: number;
  rounds: number;
  /** Rounds in which all three wires carried the load without loss: only these count for added latency. */
  losslessRounds: number;
  directP50Us: Spread;
  directP99Us: Spread;
  /** Forwarder minus direct wire. */
  bareAddedP50Us: Spread;
  bareAddedP99Us: Spread;
  relayAddedP50Us: Spread;
  relayAddedP99Us: Spread;
  /** Relay minus bare forwarder. */
  relayOverBareP50Us: Spread;
  relayOverBareP99Us: Spread;
  /** CPU of the forwarding process for one delivered datagram, the waking of the sink included. */
  bareCpuUs: Spread;
  relayCpuUs: Spread;
  cpuRatio: Spread;
  /** The same without: the relay's own work, whose ratio has a target. */
  bareUnwakingCpuUs: Spread;
  relayUnwakingCpuUs: Spread;
  unwakingCpuRatio: Spread;
  /** CPU of all processes for one delivered datagram, to that with the direct wire. */
  bareTotalCpuRatio: Spread;
  relayTotalCpuRatio: Spread;
  foreignCpuPercent: Spread;
  lossPercentMax: number;
  generatorSaturated: number;
}

/** Middle and extremes of `rounds`. */
export function summarizeRounds({ flows, rate }: RoundsPlan, rounds: readonly Round[]): RoundsSummary {
  const lossless = rounds.filter((round) => WIRES.every((wire) => isLossless(round[wire])));
  const latency = (of: (round: Round) => number): Spread => spreadOfRounds(lossless, of);
  const cpu = (of: (round: Round) => number): Spread => spreadOfRounds(rounds, of);
  const loads = rounds.flatMap((round) => WIRES.map((wire) => round[wire]));
  return {
    flows,
    rate,
    rounds: rounds.length,
    losslessRounds: lossless.length,
    directP50Us: latency(({ direct }) => direct.p50Us),
    directP99Us: latency(({ direct }) => direct.p99Us),
    bareAddedP50Us: latency(({ direct, bare }) => bare.p50Us - direct.p50Us),
    bareAddedP99Us: latency(({ direct, bare }) => bare.p99Us - direct.p99Us),
    relayAddedP50Us: latency(({ direct, relay }) => relay.p50Us - direct.p50Us),
    relayAddedP99Us: latency(({ direct, relay }) => relay.p99Us - direct.p99Us),
    relayOverBareP50Us: latency(({ bare, relay }) => relay.p50Us - bare.p50Us),
    relayOverBareP99Us: latency(({ bare, relay }) => relay.p99Us - bare.p99Us),
    bareCpuUs: cpu(({ bare }) => bare.forwarderCpuUs),
    relayCpuUs: cpu(({ relay }) => relay.forwarderCpuUs),
    cpuRatio: cpu(({ bare, relay }) => relay.forwarderCpuUs / bare.forwarderCpuUs),
    bareUnwakingCpuUs: cpu(({ bareUnwaking }) => bareUnwaking.forwarderCpuUs),
    relayUnwakingCpuUs: cpu(({ relayUnwaking }) => relayUnwaking.forwarderCpuUs),
    unwakingCpuRatio: cpu(
      ({ bareUnwaking, relayUnwaking }) => relayUnwaking.forwarderCpuUs / bareUnwaking.forwarderCpuUs,
    ),
    bareTotalCpuRatio: cpu(({ direct, bare }) => bare.totalCpuUs / direct.totalCpuUs),
    relayTotalCpuRatio: cpu(({ direct, relay }) => relay.totalCpuUs / direct.totalCpuUs),
    foreignCpuPercent: cpu(({ direct, bare, relay }) =>
      Math.max(direct.foreignCpuPercent, bare.foreignCpuPercent, relay.foreignCpuPercent),
    ),
    lossPercentMax: Math.max(...loads.map(({ lossPercent }) => lossPercent)),
    generatorSaturated: loads.filter(({ isGeneratorSaturated }) => isGeneratorSaturated).length,
  };
}
