/** Whether memory grows with what a process was sent: the slope of samples, after a warm-up. */

/** Share of the run before which samples do not count: caches fill, code is compiled. */
const WARM_UP = 0.3;
const MIB = 1024 * 1024;

/** Taken after a collection of garbage. */
export interface MemorySample {
  /** Inputs sent so far. */
  inputs: number;
  rssBytes: number;
  heapBytes: number;
}

export interface MemoryGrowth {
  samples: number;
  /** Bytes for each input, by least squares. */
  rssSlope: number;
  heapSlope: number;
  /** The same over all inputs after the warm-up, MiB. */
  rssGrowthMiB: number;
  heapGrowthMiB: number;
  /** Of the last sample, MiB. */
  rssMiB: number;
  heapMiB: number;
}

/** @param samples in the order they were taken. */
export function measureGrowth(samples: readonly MemorySample[]): MemoryGrowth {
  const last = samples.at(-1) ?? { inputs: 0, rssBytes: 0, heapBytes: 0 };
  const counted = samples.filter(({ inputs }) => inputs >= last.inputs * WARM_UP);
  const [first = last] = counted;
  const inputs = last.inputs - first.inputs;
  const rssSlope = slopeOf(counted.map((sample) => [sample.inputs, sample.rssBytes]));
  const heapSlope = slopeOf(counted.map((sample) => [sample.inputs, sample.heapBytes]));
  return {
    samples: counted.length,
    rssSlope: round(rssSlope),
    heapSlope: round(heapSlope),
    rssGrowthMiB: round((rssSlope * inputs) / MIB),
    heapGrowthMiB: round((heapSlope * inputs) / MIB),
    rssMiB: round(last.rssBytes / MIB),
    heapMiB: round(last.heapBytes / MIB),
  };
}

function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (pick: (point: readonly [number, number]) => number): number =>
    points.reduce((all, point) => all + pick(point), 0) / Math.max(1, points.length);
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const covariance = mean(([x, y]) => (x - meanX) * (y - meanY));
  const variance = mean(([x]) => (x - meanX) ** 2);
  return variance === 0 ? 0 : covariance / variance;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
