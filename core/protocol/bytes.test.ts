import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readU16,
  readU16LE,
  readU32,
  readU32LE,
  writeU16,
  writeU16LE,
  writeU32,
  writeU32LE,
} from './bytes.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const offset = fc.integer({ min: 0, max: 4 });

describe.each([
  { name: '16 bits big-endian', read: readU16, write: writeU16, value: u16, bytes: [0x80, 0x01], is: 0x8001 },
  {
    name: '16 bits little-endian',
    read: readU16LE,
    write: writeU16LE,
    value: u16,
    bytes: [0x01, 0x80],
    is: 0x8001,
  },
  {
    name: '32 bits big-endian',
    read: readU32,
    write: writeU32,
    value: u32,
    bytes: [0xfe, 2, 3, 4],
    is: 0xfe020304,
  },
  {
    name: '32 bits little-endian',
    read: readU32LE,
    write: writeU32LE,
    value: u32,
    bytes: [4, 3, 2, 0xfe],
    is: 0xfe020304,
  },
])('$name', ({ read, write, value, bytes, is }) => {
  it('reads an unsigned number', () => {
    expect(read(Uint8Array.from([0, ...bytes]), 1)).toBe(is);
  });

  it('reads what it wrote, and writes nothing else', () => {
    fc.assert(
      fc.property(value, offset, (number, at) => {
        const target = new Uint8Array(8).fill(0xa5);
        write(target, at, number);
        expect(read(target, at)).toBe(number);
        expect(target.filter((_, index) => index < at || index >= at + bytes.length)).toEqual(
          new Uint8Array(8 - bytes.length).fill(0xa5),
        );
      }),
    );
  });
});
