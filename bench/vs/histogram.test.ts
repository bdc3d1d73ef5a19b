import { describe, expect, it } from 'vitest';
import { Histogram, LATENCY_US_MAX } from './histogram.ts';

describe('Histogram', () => {
  it('gives percentiles by nearest rank, to the microsecond below', () => {
    const histogram = new Histogram();
    for (let value = 1; value <= 100; value += 1) histogram.add(value + 0.9);
    expect(histogram.percentile(50)).toBe(50);
    expect(histogram.percentile(99)).toBe(99);
    expect(histogram.percentile(100)).toBe(100);
    expect(histogram.count).toBe(100);
  });

  it('counts what is out of range as the ends', () => {
    const histogram = new Histogram();
    histogram.add(-3);
    histogram.add(10 * LATENCY_US_MAX);
    expect(histogram.percentile(50)).toBe(0);
    expect(histogram.percentile(100)).toBe(LATENCY_US_MAX);
  });

  it('says nothing of nothing', () => {
    const histogram = new Histogram();
    histogram.add(5);
    histogram.clear();
    expect(histogram.percentile(50)).toBeNaN();
    expect(histogram.count).toBe(0);
  });
});
