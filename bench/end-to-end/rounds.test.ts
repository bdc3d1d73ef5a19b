import { describe, expect, it } from 'vitest';
import { formatWires, summarizeStream, summarizeWire, type Played } from './rounds.ts';

function played(latencyMs: number, change: Partial<Played> = {}): Played {
  return {
    frames: 100,
    framesLost: 0,
    latencyMs: { 50: latencyMs, 95: latencyMs * 2, 99: latencyMs * 4 },
    kernelRoutes: 3,
    applianceCpuPercent: 10,
    ...change,
  };
}

describe('summarizeStream', () => {
  it('takes the percentiles of frames in any order, in milliseconds', () => {
    const latenciesUs = Array.from({ length: 100 }, (_, index) => (100 - index) * 1_000);
    const { frames, latencyMs } = summarizeStream({ latenciesUs, framesLost: 0, end: 'stopped' });
    expect(frames).toBe(100);
    expect(latencyMs).toEqual({ 50: 50, 95: 95, 99: 99 });
  });

  it('orders latencies as numbers', () => {
    const stream = { latenciesUs: [10_000, 9_000, 100_000], framesLost: 2, end: 'stopped' };
    expect(summarizeStream(stream)).toMatchObject({ framesLost: 2, latencyMs: { 50: 10, 99: 100 } });
  });
});

describe('summarizeWire', () => {
  const rounds = [
    { direct: played(1), userspace: played(3, { framesLost: 2 }) },
    { direct: played(10), userspace: played(11, { kernelRoutes: 1 }) },
  ];

  it('compares within each round, not across', () => {
    const { addedMs, ratio } = summarizeWire('userspace', rounds);
    expect(addedMs[50]).toEqual({ median: 1.5, min: 1, max: 2 });
    expect(ratio[50].max).toBe(3);
    expect(ratio[50].min).toBeCloseTo(1.1);
    expect(addedMs[99]).toEqual({ median: 6, min: 4, max: 8 });
  });

  it('adds up frames, and tells of the stream that the kernel had least of', () => {
    expect(summarizeWire('userspace', rounds)).toMatchObject({
      frames: 200,
      framesLost: 2,
      kernelRoutes: 1,
    });
  });

  it('leaves out rounds without the wire', () => {
    expect(summarizeWire('kernel', [...rounds, { direct: played(1), kernel: played(1) }])).toMatchObject({
      frames: 100,
      ratio: { 50: { median: 1, min: 1, max: 1 } },
    });
  });
});

describe('formatWires', () => {
  it('has a line for each wire, and none that compares the direct one with itself', () => {
    const rounds = [{ direct: played(1), kernel: played(1.5) }];
    const [latencies = '', added = ''] = formatWires(
      (['direct', 'kernel'] as const).map((wire) => summarizeWire(wire, rounds)),
    ).split('\n\n');
    expect(latencies.split('\n')).toHaveLength(4);
    expect(added.split('\n')).toHaveLength(3);
    expect(added).toContain('| kernel | 0.500 (0.500 to 0.500) |');
  });
});
