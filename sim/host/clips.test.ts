import { describe, expect, it } from 'vitest';
import { NAL_TYPE, splitNalUnits } from '../media/annexb.ts';
import { ClipLibrary } from './clips.ts';

const library = new ClipLibrary();

describe('ClipLibrary', () => {
  it.each([720, 1080])(
    'has a loop of 240 pictures with an IDR every 30, in both variants, for %i lines',
    (height) => {
      const card = library.card(height);
      for (const units of [card.a, card.b]) {
        expect(units).toHaveLength(240);
        const idrs = units.flatMap(({ isIdr }, index) => (isIdr ? [index] : []));
        expect(idrs).toEqual([0, 30, 60, 90, 120, 150, 180, 210]);
      }
      expect(library.card(height)).toBe(card);
    },
  );

  it('repeats SPS and PPS at each IDR, and has one slice per picture and nothing else', () => {
    for (const { isIdr, parameters, slices } of library.card(720).b) {
      const types = (part: Uint8Array) => splitNalUnits(part).map(({ type }) => type);
      expect(types(parameters)).toEqual(isIdr ? [NAL_TYPE.SPS, NAL_TYPE.PPS] : []);
      expect(types(slices)).toEqual([isIdr ? NAL_TYPE.IDR_SLICE : NAL_TYPE.SLICE]);
    }
  });

  it('takes the card of the nearest height', () => {
    expect(library.card(2160)).toBe(library.card(1080));
    expect(library.card(480)).toBe(library.card(720));
  });

  it.each([
    { channels: 2, durationMs: 5, bytes: 60, count: 200 },
    { channels: 2, durationMs: 10, bytes: 120, count: 100 },
    { channels: 6, durationMs: 5, bytes: 160, count: 200 },
    { channels: 8, durationMs: 10, bytes: 562, count: 100 },
  ])(
    'has a second of $channels channels in packets of $durationMs ms',
    ({ channels, durationMs, bytes, count }) => {
      const tone = library.tone(channels, durationMs);
      expect(tone).toMatchObject({ channels, packetDurationMs: durationMs });
      expect(tone.packets.map((packet) => packet.length)).toEqual(Array.from({ length: count }, () => bytes));
    },
  );

  it('falls back to stereo and 5 ms', () => {
    expect(library.tone(3, 7)).toBe(library.tone(2, 5));
  });

  it('describes its own streams; 5.1 as Wolf does', () => {
    expect(library.surroundParams()).toEqual(['21101', '642014235', '85301645237']);
  });

  it('has a PNG', () => {
    expect(library.boxArt().subarray(1, 4).toString()).toBe('PNG');
  });
});
