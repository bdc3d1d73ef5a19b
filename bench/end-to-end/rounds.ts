/** Rounds of streams, straight to the host and through appliances, and what they say together. Pure. */
import { percentile, spreadOfRounds, type Spread } from '../statistics.ts';
import { formatParts, formatTable, type Column } from '../tables.ts';
import type { StreamResult } from './client.ts';

/** What lies between client and host: nothing of ours, or the appliance, forwarding here or there. */
export type Wire = 'direct' | 'userspace' | 'kernel';

/** Of all frames, so many percent are no later. */
const PERCENTS = [50, 95, 99] as const;
type Percentiles<T> = Record<(typeof PERCENTS)[number], T>;

function percentiles<T>(of: (percent: (typeof PERCENTS)[number]) => T): Percentiles<T> {
  return { 50: of(50), 95: of(95), 99: of(99) };
}

/** What one stream's frames were like. */
export interface StreamSummary {
  frames: number;
  framesLost: number;
  /** Latency, ms. */
  latencyMs: Percentiles<number>;
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
  const latencyMs = percentiles((percent) => percentile(sorted, percent) / 1000);
  return { frames: sorted.length, framesLost, latencyMs };
}

/** One wire over all rounds; added and ratio are to the direct wire of the same round. */
export interface WireSummary extends Record<'frames' | 'framesLost' | 'kernelRoutes', number> {
  wire: Wire;
  latencyMs: Percentiles<Spread>;
  addedMs: Percentiles<Spread>;
  ratio: Percentiles<Spread>;
  applianceCpuPercent: Spread;
}

/** Middle and extremes of `rounds`; every difference and ratio is of one and the same round. */
export function summarizeWire(wire: Wire, rounds: readonly Round[]): WireSummary {
  const pairs = rounds.flatMap(({ direct, [wire]: here }) => (direct && here ? [{ here, direct }] : []));
  const played = pairs.map(({ here }) => here);
  const latency = (of: (here: number, direct: number) => number): Percentiles<Spread> =>
    percentiles((percent) =>
      spreadOfRounds(pairs, ({ here, direct }) => of(here.latencyMs[percent], direct.latencyMs[percent])),
    );
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
  const columns = (
    name: string,
    of: 'latencyMs' | 'addedMs' | 'ratio',
    digits: number,
  ): Column<WireSummary>[] =>
    PERCENTS.map((percent) => [`${name}p${percent}`, ({ [of]: at }) => at[percent], digits]);
  const name = ({ wire }: WireSummary): string => wire;
  return formatParts(
    formatTable(wires, [
      ['Frame latency, ms', name],
      ...columns('', 'latencyMs', 2),
      ['frames', ({ frames }) => frames],
      ['lost', ({ framesLost }) => framesLost],
      ['ways in the kernel', ({ kernelRoutes }) => kernelRoutes],
      ['appliance, % of a core', ({ applianceCpuPercent }) => applianceCpuPercent, 1],
    ]),
    formatTable(
      wires.filter(({ wire }) => wire !== 'direct'),
      [
        ['To direct, in the same round', name],
        ...columns('added ms, ', 'addedMs', 3),
        ...columns('ratio, ', 'ratio', 2),
      ],
    ),
  );
}
