import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlayQuality } from '../../core/history/event.ts';
import { sumUp } from './play.ts';

const figure = fc.integer({ min: 0, max: 1_000_000 });
const quality: fc.Arbitrary<PlayQuality> = fc
  .record({
    streamedS: fc.integer({ min: 1, max: 10_000 }),
    bitrateBps: figure,
    jitterMs: figure,
    rttMs: fc.option(figure, { nil: undefined }),
    videoLost: figure,
    videoDatagrams: figure,
    fecReports: figure,
  })
  .map(({ rttMs, ...rest }) => (rttMs === undefined ? rest : { ...rest, rttMs }));

describe('sumUp', () => {
  it('knows nothing of nothing', () => {
    expect(sumUp([])).toBeUndefined();
  });

  it('adds what is counted, and keeps means between the least and the greatest', () => {
    fc.assert(
      fc.property(fc.array(quality, { minLength: 1, maxLength: 8 }), (plays) => {
        const all = sumUp(plays);
        const sum = (of: (play: PlayQuality) => number) => plays.reduce((total, play) => total + of(play), 0);
        expect(all?.videoLost).toBe(sum(({ videoLost }) => videoLost));
        expect(all?.streamedS).toBe(sum(({ streamedS }) => streamedS));
        const rates = plays.map(({ bitrateBps }) => bitrateBps);
        expect(all?.bitrateBps).toBeGreaterThanOrEqual(Math.min(...rates) - 1e-6);
        expect(all?.bitrateBps).toBeLessThanOrEqual(Math.max(...rates) + 1e-6);
        expect(all?.rttMs === undefined).toBe(plays.every(({ rttMs }) => rttMs === undefined));
      }),
    );
  });

  it('weighs means by time', () => {
    const counts = { videoLost: 0, videoDatagrams: 0, fecReports: 0 };
    const short = { streamedS: 10, bitrateBps: 100, jitterMs: 1, ...counts };
    expect(sumUp([short, { ...short, streamedS: 30, bitrateBps: 200 }])?.bitrateBps).toBe(175);
  });
});
