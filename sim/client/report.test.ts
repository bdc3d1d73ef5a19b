import { describe, expect, it } from 'vitest';
import { createLoss } from './loss.ts';
import { formatHex, FrameStatistics } from './report.ts';

describe('FrameStatistics', () => {
  it('tells latency, gaps and frames of others', () => {
    const statistics = new FrameStatistics(-5);
    for (let index = 0; index < 100; index++) {
      const stamp = { sentAtUs: index * 1000, inputEvents: index, rikeyid: index === 7 ? 1 : -5 >>> 0 };
      statistics.add(stamp, { atMs: index === 99 ? 2000 : index * 16, atUs: index * 1000 + index * 10 });
    }
    statistics.add(undefined, { atMs: 2001, atUs: 0 });
    expect(statistics.latencyMs()).toEqual({ p50: 0.5, p99: 0.99 });
    expect(statistics).toMatchObject({
      ownFrames: 99,
      foreignFrames: 1,
      inputEventsSeen: 99,
      longestGapMs: 2000 - 98 * 16,
    });
  });

  it('knows no latency without stamps', () => {
    expect(new FrameStatistics(1).latencyMs()).toBeNull();
  });
});

describe('createLoss', () => {
  it.each([0, 5, 50, 100])('loses %d percent', (percent) => {
    const isLost = createLoss(percent, 42);
    const lost = Array.from({ length: 10_000 }, isLost).filter(Boolean).length;
    expect(Math.abs(lost / 100 - percent)).toBeLessThan(1);
  });

  it('loses the same ones for the same seed', () => {
    const draw = (seed: number) => Array.from({ length: 50 }, createLoss(50, seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

describe('formatHex', () => {
  it('has at least 4 digits', () => {
    expect([formatHex(0x109), formatHex(0x80030023)]).toEqual(['0x0109', '0x80030023']);
  });
});
