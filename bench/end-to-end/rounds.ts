/** Rounds of streams, straight to the host and through appliances, and what they say together. Pure but for `play`. */
import type { StreamResult } from './client.ts';
import { formatSpread, formatTable } from '../tables.ts';
import { percentile, spreadOfRounds, type Spread } from '../statistics.ts';

/** What lies between client and host: nothing of ours, or the appliance, forwarding here or there. */
export type Wire = 'direct' | 'userspace' | 'kernel';

/** Of all frames, so many percent are no later. */
export const PERCENTS = [50, 95, 99] as const;
type Percent = (typeof PERCENTS)[number];

/** What one stream's frames were like. */
export interface StreamSummary {
  frames: number;
  framesLost: number;
  /** Latency, ms. */
  latencyMs: Record<Percent, number>;
}

/** One stream, and what else was seen meanwhile. */
export interface Played extends StreamSummary {
  /** Ways from the host that the kernel forwarded by itself; a stream has 3. */
  kernelRoutes: number;
  /** Of one core, launch and end included. */
  applianceCpuPercent: number;
}

/** One stream on each wire, one after the other. */
export type Round = Partial<Record<Wire, Played>>;

/** Percentiles of one stream. */
export function summarizeStream({ latenciesUs, framesLost }: StreamResult): StreamSummary {
  const sorted = Float64Array.from(latenciesUs).sort();
  const latency = (percent: Percent): number => percentile(sorted, percent) / 1000;
  return {
    frames: sorted.length,
    framesLost,
    latencyMs: { 50: latency(50), 95: latency(95), 99: latency(99) },
  };
}

/** Plays `count` rounds; every second one backwards, so that no wire is always the one behind the same other. */
export async function playRounds(
  wires: readonly Wire[],
  count: number,
  play: (wire: Wire) => Promise<Played>,
): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let index = 0; index < count; index += 1) {
    const round: Round = {};
    for (const wire of index % 2 === 0 ? wires : wires.toReversed()) round[wire] = await play(wire);
    rounds.push(round);
  }
  return rounds;
}

/** One wire over all rounds. */
export interface WireSummary {
  wire: Wire;
  /** Of all rounds. */
  frames: number;
  framesLost: number;
  kernelRoutes: number;
  latencyMs: Record<Percent, Spread>;
  /** To the direct wire of the same round. */
  addedMs: Record<Percent, Spread>;
  ratio: Record<Percent, Spread>;
  applianceCpuPercent: Spread;
}

/** Middle and extremes of `rounds`; every difference and ratio is of one and the same round. */
export function summarizeWire(wire: Wire, rounds: readonly Round[]): WireSummary {
  const played = rounds.flatMap((round) => round[wire] ?? []);
  const latency = (of: (here: number, direct: number) => number): Record<Percent, Spread> => {
    const at = (percent: Percent): Spread =>
      spreadOfRounds(
        rounds,
        ({ direct, [wire]: here }) =>
          direct && here && of(here.latencyMs[percent], direct.latencyMs[percent]),
      );
    return { 50: at(50), 95: at(95), 99: at(99) };
  };
  return {
    wire,
    frames: played.reduce((sum, { frames }) => sum + frames, 0),
    framesLost: played.reduce((sum, { framesLost }) => sum + framesLost, 0),
    kernelRoutes: Math.min(...played.map(({ kernelRoutes }) => kernelRoutes)),
    latencyMs: latency((here) => here),
    addedMs: latency((here, direct) => here - direct),
    ratio: latency((here, direct) => here / direct),
    applianceCpuPercent: spreadOfRounds(played, ({ applianceCpuPercent }) => applianceCpuPercent),
  };
}

/** Two tables in Markdown: each wire's latencies, and what the others add to the direct one. */
export function formatWires(wires: readonly WireSummary[]): string {
  const ofEach = (of: Record<Percent, Spread>, digits: number): string[] =>
    PERCENTS.map((percent) => formatSpread(of[percent], digits));
  const columns = (name: string): string[] => PERCENTS.map((percent) => `${name} p${percent}`);
  return [
    formatTable(
      [
        'Frame latency, ms',
        'p50',
        'p95',
        'p99',
        'frames',
        'lost',
        'ways in the kernel',
        'appliance, % of a core',
      ],
      wires.map((summary) => [
        summary.wire,
        ...ofEach(summary.latencyMs, 2),
        String(summary.frames),
        String(summary.framesLost),
        String(summary.kernelRoutes),
        formatSpread(summary.applianceCpuPercent, 1),
      ]),
    ),
    formatTable(
      ['To direct, in the same round', ...columns('added ms,'), ...columns('ratio,')],
      wires
        .filter(({ wire }) => wire !== 'direct')
        .map(({ wire, addedMs, ratio }) => [wire, ...ofEach(addedMs, 3), ...ofEach(ratio, 2)]),
    ),
  ].join('\n\n');
}
