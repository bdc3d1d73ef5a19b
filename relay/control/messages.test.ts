import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENET_COMMAND } from '../../core/protocol/enet/command.ts';
import { datagram, DISCONNECT, ENET_ACK, ENET_PING, message, verifyConnect } from '../testing/fixture.ts';
import { commandsIn, hasDisconnect, highestSeqIn, needsAttention } from './messages.ts';

describe('commandsIn', () => {
  it('names every command of a datagram', () => {
    expect(commandsIn(datagram(1, 0, ENET_ACK, ENET_PING))).toBe(
      (1 << ENET_COMMAND.ACKNOWLEDGE) | (1 << ENET_COMMAND.PING),
    );
  });

  it.each([
    { name: 'nothing', bytes: '' },
    { name: 'a cut header', bytes: '8001' },
    { name: 'a compressed datagram', bytes: '4001' },
    { name: 'a cut command', bytes: '000144ff0000' },
    { name: 'an unknown command', bytes: '00010fff00000000' },
  ])('refuses $name', ({ bytes }) => {
    expect(commandsIn(Buffer.from(bytes, 'hex'))).toBe(-1);
  });

  it('never throws, and neither does what reads the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const commands = commandsIn(bytes);
        expect(commands).toBeGreaterThanOrEqual(-1);
        expect(needsAttention(bytes) && commands <= 0).toBe(false);
        expect(highestSeqIn(bytes)).toBeGreaterThanOrEqual(-1);
      }),
    );
  });
});

describe('needsAttention', () => {
  it.each([
    { name: 'VERIFY_CONNECT', bytes: verifyConnect(1, { peerID: 1 }), expected: true },
    { name: 'DISCONNECT behind others', bytes: datagram(0, 0, ENET_ACK, DISCONNECT), expected: true },
    { name: 'a message to acknowledge', bytes: datagram(0, 0, ENET_ACK, message(1)), expected: true },
    { name: 'acknowledgements', bytes: datagram(0, 0, ENET_ACK, ENET_ACK), expected: false },
    { name: 'a malformed datagram', bytes: new Uint8Array(3), expected: false },
  ])('is $expected for $name', ({ bytes, expected }) => {
    expect(needsAttention(bytes)).toBe(expected);
  });
});

describe('hasDisconnect', () => {
  it('is false for a malformed datagram', () => {
    expect(hasDisconnect(-1)).toBe(false);
    expect(hasDisconnect(commandsIn(datagram(0, 0, DISCONNECT)))).toBe(true);
  });
});

describe('highestSeqIn', () => {
  it('is the highest of all messages, up to 2^32-1', () => {
    expect(highestSeqIn(datagram(0, 0, message(7), ENET_ACK, message(0xffff_ffff), message(3)))).toBe(
      0xffff_ffff,
    );
    expect(highestSeqIn(datagram(0, 0, ENET_ACK))).toBe(-1);
  });
});
