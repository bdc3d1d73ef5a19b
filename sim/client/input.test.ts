import { describe, expect, it } from 'vitest';
import { makeKeyEvent, makeMouseMove } from './input.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

// Payloads of decrypted messages of a real client: test/captures/enet.json, wolfSession10mbit.
describe('input packets', () => {
  it.each([
    { name: 'a key down', packet: makeKeyEvent(0x41, true), expected: '0000000a03000000004180000000' },
    { name: 'a key up', packet: makeKeyEvent(0x41, false), expected: '0000000a04000000004180000000' },
    { name: 'a mouse movement', packet: makeMouseMove(1, 1), expected: '000000080700000000010001' },
    {
      name: 'a mouse movement backwards',
      packet: makeMouseMove(-1, -1),
      expected: '0000000807000000ffffffff',
    },
  ])('are those of a real client for $name', ({ packet, expected }) => {
    expect(hex(packet)).toBe(expected);
  });
});
