import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeRbsp, makeFiller, NAL_TYPE, splitAccessUnits, splitNalUnits, unescapeRbsp } from './annexb.ts';

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

describe('splitNalUnits', () => {
  it('takes start codes of 3 and 4 bytes', () => {
    const units = splitNalUnits(bytes('00000001 67aa 000001 68bb 00000001 65cc00'));
    expect(units.map(({ type, bytes: data }) => [type, hex(data)])).toEqual([
      [NAL_TYPE.SPS, '67aa'],
      [NAL_TYPE.PPS, '68bb'],
      [NAL_TYPE.IDR_SLICE, '65cc00'],
    ]);
  });

  it.each(['', '00', '000001', '00000001', 'ffffff'])('finds none in %j', (text) => {
    expect(splitNalUnits(bytes(text))).toEqual([]);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 2, 0x65, 0x41)), (data) => {
        const stream = Uint8Array.from(data);
        for (const { bytes: unit } of splitNalUnits(stream)) expect(unit.length).toBeGreaterThan(0);
        splitAccessUnits(stream);
      }),
    );
  });
});

describe('splitAccessUnits', () => {
  it('ends a picture with its slice and keeps every byte', () => {
    const idr = '00000001 67aa 00000001 68bb 000001 65cc';
    const units = splitAccessUnits(bytes(`${idr} 00000001 41dd 000001 41ee`));
    expect(units.map(({ isIdr, parameters, slices }) => [isIdr, hex(parameters), hex(slices)])).toEqual([
      [true, '0000000167aa0000000168bb', '00000165cc'],
      [false, '', '0000000141dd'],
      [false, '', '00000141ee'],
    ]);
  });
});

describe('escapeRbsp', () => {
  it('breaks up what looks like a start code', () => {
    expect(hex(escapeRbsp(bytes('000000 000001 0000')))).toBe('00000300000300010000');
  });

  it('is undone by unescapeRbsp and leaves no start code', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 2, 3, 4)), (data) => {
        const escaped = escapeRbsp(Uint8Array.from(data));
        expect([...unescapeRbsp(escaped)]).toEqual(data);
        expect(hex(escaped)).not.toMatch(/^(..)*00000[012]/);
      }),
    );
  });
});

describe('makeFiller', () => {
  it('has the wanted size, or none at all', () => {
    expect(makeFiller(5)).toHaveLength(0);
    expect(hex(makeFiller(8))).toBe('000000010cffff80');
  });
});
