import { describe, expect, it } from 'vitest';
import { findCapacity, isLossless, summarizeCapacity } from './capacity.ts';
import type { Bench, Load, Measurement, Wire } from './load.ts';

const good: Measurement = {
  sentRate: 40_000,
  isGeneratorSaturated: false,
  lossPercent: 0,
  p50Us: 200,
  p99Us: 1_000,
  forwarderCpuUs: 10,
  totalCpuUs: 20,
  foreignCpuPercent: 0,
};

/** Wires that lose one percent above their limits. */
function benchWith(limits: Record<Wire, number>): { bench: Bench; loads: Load[] } {
  const loads: Load[] = [];
  const bench: Bench = {
    run: (load) => {
      loads.push(load);
      return Promise.resolve({ ...good, lossPercent: load.rate > limits[load.wire] ? 1 : 0 });
    },
    dropped: () => Promise.resolve({}),
    stop: () => Promise.resolve(),
  };
  return { bench, loads };
}

describe('isLossless', () => {
  it.each([
    { name: 'nothing lost', change: {}, expected: true },
    { name: 'one in a thousand lost', change: { lossPercent: 0.1 }, expected: true },
    { name: 'more than that lost', change: { lossPercent: 0.11 }, expected: false },
    { name: 'p99 of 20 ms', change: { p99Us: 20_000 }, expected: true },
    { name: 'p99 above 20 ms', change: { p99Us: 20_001 }, expected: false },
    { name: 'nothing received', change: { p99Us: NaN }, expected: false },
    { name: 'a generator that could not', change: { isGeneratorSaturated: true }, expected: false },
  ])('is $expected with $name', ({ change, expected }) => {
    expect(isLossless({ ...good, ...change })).toBe(expected);
  });
});

describe('findCapacity', () => {
  it('comes from below to the highest rate of each wire', async () => {
    const limits = { direct: 150_000, bare: 80_000, relay: 75_000 };
    const found = await findCapacity(benchWith(limits).bench, 20, 8);
    for (const wire of ['direct', 'bare', 'relay'] as const) {
      expect(found[wire]).toBeLessThanOrEqual(limits[wire]);
      expect(found[wire]).toBeGreaterThan(limits[wire] * 0.98);
    }
  });

  it('tries the wires in turn, and again what failed', async () => {
    const { bench, loads } = benchWith({ direct: 200_000, bare: 200_000, relay: 1_000 });
    await findCapacity(bench, 20, 1);
    expect(loads.map(({ wire }) => wire)).toEqual(['direct', 'bare', 'relay', 'relay']);
  });

  it('stays at the lowest rate when even that is lossy', async () => {
    const found = await findCapacity(benchWith({ direct: 0, bare: 0, relay: 0 }).bench, 20, 2);
    expect(found).toEqual({ direct: 20_000, bare: 20_000, relay: 20_000 });
  });
});

describe('summarizeCapacity', () => {
  it('compares within each search', () => {
    const { relayToBare } = summarizeCapacity([
      { direct: 100, bare: 50, relay: 45 },
      { direct: 100, bare: 100, relay: 95 },
    ]);
    expect(relayToBare).toEqual({ median: 0.925, min: 0.9, max: 0.95 });
  });
});
