import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress } from '../../../core/runtime/address.ts';
import { bytesOf, textOf } from './address.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Groups with runs of zeros of every length and place, as compression has to do with nothing else. */
const anyGroups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
  minLength: 8,
  maxLength: 8,
});

const bytesOfGroups = (groups: readonly number[]): Uint8Array =>
  Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));

/** Whether these are the groups of an IPv4-mapped address, which is canonical as IPv4 only. */
const isMapped = (groups: readonly number[]): boolean =>
  groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;

describe('bytesOf', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['0.0.0.0', '00000000'],
    ['255.255.255.255', 'ffffffff'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['1::', '00010000000000000000000000000000'],
    ['fd78:2::1', 'fd780002000000000000000000000001'],
    ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001'],
    ['2001:db8::1:0:0:1', '20010db8000000000001000000000001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['64:ff9b::c000:201', '0064ff9b0000000000000000c0000201'],
  ])('gives those of %s', (text, bytes) => {
    expect(hex(bytesOf(text))).toBe(bytes);
    expect(textOf(bytesOf(text))).toBe(text);
  });

  it('gives four for an IPv4-mapped address, whose canonical spelling is IPv4', () => {
    expect(hex(bytesOf(canonicalAddress('::ffff:192.0.2.1')))).toBe('c0000201');
    expect(hex(bytesOf(canonicalAddress('0:0:0:0:0:FFFF:c000:0201')))).toBe('c0000201');
  });

  it('gives the same for every spelling once it is canonical', () => {
    fc.assert(
      fc.property(anyGroups, fc.boolean(), (groups, isPadded) => {
        fc.pre(!isMapped(groups));
        const spelled = groups.map((group) => group.toString(16).padStart(isPadded ? 4 : 1, '0')).join(':');
        expect(bytesOf(canonicalAddress(spelled.toUpperCase()))).toEqual(bytesOfGroups(groups));
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const canonical = canonicalAddress(text);
        expect(textOf(bytesOf(canonical))).toBe(canonical);
      }),
    );
  });
});

describe('textOf', () => {
  it('spells four bytes as IPv4, and comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
        expect(textOf(bytes)).toBe([...bytes].join('.'));
        expect(bytesOf(textOf(bytes))).toEqual(bytes);
      }),
    );
  });

  it('spells sixteen bytes canonically, and comes back', () => {
    fc.assert(
      fc.property(anyGroups, (groups) => {
        fc.pre(!isMapped(groups));
        const text = textOf(bytesOfGroups(groups));
        expect(canonicalAddress(text)).toBe(text);
        expect(bytesOf(text)).toEqual(bytesOfGroups(groups));
      }),
    );
  });

  it('spells an IPv4-mapped address as IPv4', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
        expect(textOf(Uint8Array.of(...new Array<number>(10).fill(0), 0xff, 0xff, ...bytes))).toBe(
          textOf(bytes),
        );
      }),
    );
  });
});
