import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSei, writeSei, type FrameStamp } from './sei.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const stamps: fc.Arbitrary<FrameStamp> = fc.record({
  sentAtUs: fc.oneof(fc.constant(0), fc.constant(1_790_000_000_123_456), fc.maxSafeNat()),
  inputEvents: u32,
  rikeyid: u32,
});

describe('writeSei', () => {
  it('writes an unregistered user data message', () => {
    const sei = Buffer.from(writeSei({ sentAtUs: 0x0001_0203_0405_0607, inputEvents: 7, rikeyid: 0xdecaf }));
    expect(sei.subarray(0, 7).toString('hex')).toBe('00000001060520');
    expect(sei.subarray(7, 23).toString('latin1')).toBe('gleipnir-sei-v1.');
    expect(sei.subarray(23).toString('hex')).toBe('0001020304050607' + '00000300' + '07' + '000decaf' + '80');
  });
});

describe('readSei', () => {
  it('reads what writeSei wrote, between the other parts of a frame', () => {
    fc.assert(
      fc.property(stamps, (stamp) => {
        const slice = Uint8Array.of(0, 0, 0, 1, 0x65, 1, 2, 3);
        const foreign = Uint8Array.of(0, 0, 1, 6, 5, 1, 0, 0x80);
        expect(readSei(Buffer.concat([foreign, writeSei(stamp), slice]))).toEqual(stamp);
      }),
    );
  });

  it('gives nothing for a frame without stamp', () => {
    expect(readSei(Uint8Array.of(0, 0, 0, 1, 0x65, 1, 2, 3))).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    const stamp = writeSei({ sentAtUs: 1, inputEvents: 2, rikeyid: 3 });
    fc.assert(
      fc.property(fc.nat(stamp.length), fc.uint8Array(), (length, tail) => {
        readSei(Buffer.concat([stamp.subarray(0, length), tail]));
      }),
    );
  });
});
