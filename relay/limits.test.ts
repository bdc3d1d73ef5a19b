import { describe, expect, it } from 'vitest';
import { SourceBuckets, TokenBucket } from './limits.ts';

describe('TokenBucket', () => {
  it('gives a burst, then so many per second, and never more than the burst', () => {
    const bucket = new TokenBucket({ burst: 3, perSecond: 2 });
    const taken = (nowMs: number): number => {
      let count = 0;
      while (bucket.take(nowMs)) count += 1;
      return count;
    };
    expect(taken(0)).toBe(3);
    expect(taken(400)).toBe(0);
    expect(taken(500)).toBe(1);
    expect(taken(1_000_000)).toBe(3);
  });
});

describe('SourceBuckets', () => {
  it('limits each source by itself', () => {
    const buckets = new SourceBuckets({ burst: 2, perSecond: 1 }, 0x1234_5678);
    expect([buckets.take('192.0.2.1', 0), buckets.take('192.0.2.1', 0)]).toEqual([true, true]);
    expect(buckets.take('192.0.2.1', 0)).toBe(false);
    expect(buckets.has('192.0.2.1', 999)).toBe(false);
    expect(buckets.has('192.0.2.1', 1_000)).toBe(true);
    expect(buckets.take('2001:db8::1', 0)).toBe(true);
  });

  it('spreads addresses over its table, differently for each seed', () => {
    const shared = (seed: number): number => {
      const buckets = new SourceBuckets({ burst: 1, perSecond: 0 }, seed);
      let refused = 0;
      for (let host = 1; host <= 254; host++) if (!buckets.take(`198.51.100.${host}`, 0)) refused += 1;
      return refused;
    };
    for (const seed of [1, 2, 0xffff_ffff]) expect(shared(seed)).toBeLessThan(30);
  });
});
