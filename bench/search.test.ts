import { describe, expect, it } from 'vitest';
import { findHighest, isLossless, type Carried } from './search.ts';

const good: Carried = { isReached: true, lossPercent: 0, p50Us: 200, p99Us: 1_000, foreignCpuPercent: 0 };
const RANGE = { min: 20_000, max: 200_000 } as const;
const WIRES = ['direct', 'bare', 'relay'] as const;
type Limits = Record<(typeof WIRES)[number], number>;

/** Wires that lose one percent above their limits. @param tried - is told of each load */
function loadWith(
  limits: Limits,
  tried: string[] = [],
): (wire: keyof Limits, rate: number) => Promise<Carried> {
  return (wire, rate) => {
    tried.push(wire);
    return Promise.resolve({ ...good, lossPercent: rate > limits[wire] ? 1 : 0 });
  };
}

describe('isLossless', () => {
  it.each([
    { name: 'nothing lost', change: {}, expected: true },
    { name: 'one in a thousand lost', change: { lossPercent: 0.1 }, expected: true },
    { name: 'more than that lost', change: { lossPercent: 0.11 }, expected: false },
    { name: 'p99 of 20 ms', change: { p99Us: 20_000 }, expected: true },
    { name: 'p99 above 20 ms', change: { p99Us: 20_001 }, expected: false },
    { name: 'nothing received', change: { p99Us: NaN }, expected: false },
    { name: 'a generator that could not', change: { isReached: false }, expected: false },
  ])('is $expected with $name', ({ change, expected }) => {
    expect(isLossless({ ...good, ...change })).toBe(expected);
  });
});

describe('findHighest', () => {
  it('comes from below to the highest rate of each wire', async () => {
    const limits = { direct: 150_000, bare: 80_000, relay: 75_000 };
    const found = await findHighest(WIRES, { ...RANGE, steps: 8 }, loadWith(limits));
    for (const [index, wire] of WIRES.entries()) {
      expect(found[index]).toBeLessThanOrEqual(limits[wire]);
      expect(found[index]).toBeGreaterThan(limits[wire] * 0.98);
    }
  });

  it('tries the wires in turn, and again what failed', async () => {
    const tried: string[] = [];
    const limits = { direct: 200_000, bare: 200_000, relay: 1_000 };
    await findHighest(WIRES, { ...RANGE, steps: 1 }, loadWith(limits, tried));
    expect(tried).toEqual(['direct', 'bare', 'relay', 'relay']);
  });

  it('stays at the lowest rate when even that is lossy', async () => {
    const load = loadWith({ direct: 0, bare: 0, relay: 0 });
    expect(await findHighest(WIRES, { ...RANGE, steps: 2 }, load)).toEqual([20_000, 20_000, 20_000]);
  });
});
