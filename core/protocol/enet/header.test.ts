import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../test/support/captures.ts';
import {
  parseEnetHeader,
  PEER_ID_UNASSIGNED,
  readCommandsOffset,
  readPeerID,
  readSessionID,
  writeEnetHeader,
  writePeerID,
} from './header.ts';

const header = fc.record({
  peerID: fc.integer({ min: 0, max: 0xfff }),
  sessionID: fc.integer({ min: 0, max: 3 }),
  sentTime: fc.option(fc.integer({ min: 0, max: 0xffff }), { nil: undefined }),
});

describe('parseEnetHeader', () => {
  it.each([
    {
      name: 'CONNECT, no peer yet',
      bytes: '8fff 1234',
      peerID: PEER_ID_UNASSIGNED,
      sessionID: 0,
      sentTime: 0x1234,
      commandsOffset: 4,
    },
    {
      name: 'established, no sentTime',
      bytes: '1002',
      peerID: 2,
      sessionID: 1,
      sentTime: undefined,
      commandsOffset: 2,
    },
    {
      name: 'highest sessionID',
      bytes: 'b001 ffff',
      peerID: 1,
      sessionID: 3,
      sentTime: 0xffff,
      commandsOffset: 4,
    },
  ])('decodes $name', ({ bytes, peerID, sessionID, sentTime, commandsOffset }) => {
    expect(parseEnetHeader(hex(bytes))).toEqual({ peerID, sessionID, sentTime, commandsOffset });
  });

  it.each([
    { name: 'empty', bytes: '' },
    { name: 'one byte', bytes: '80' },
    { name: 'sentTime flag without sentTime', bytes: '8001 12' },
    { name: 'compressed', bytes: '4001' },
  ])('rejects $name', ({ bytes }) => {
    expect(parseEnetHeader(hex(bytes))).toBeUndefined();
    expect(readCommandsOffset(hex(bytes))).toBe(-1);
  });

  it('never throws, never reads past the end and agrees with the single reads, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (datagram) => {
        const parsed = parseEnetHeader(datagram);
        expect(readCommandsOffset(datagram)).toBe(parsed?.commandsOffset ?? -1);
        if (parsed === undefined) return;
        expect(parsed.commandsOffset).toBeLessThanOrEqual(datagram.length);
        expect(readPeerID(datagram)).toBe(parsed.peerID);
        expect(readSessionID(datagram)).toBe(parsed.sessionID);
      }),
    );
  });

  it('decodes what writeEnetHeader wrote', () => {
    fc.assert(
      fc.property(header, (written) => {
        const target = new Uint8Array(4);
        const size = writeEnetHeader(target, written);
        expect(parseEnetHeader(target.subarray(0, size))).toEqual({ ...written, commandsOffset: size });
      }),
    );
  });
});

describe('readPeerID and readSessionID', () => {
  it('are -1 for a datagram that is too short', () => {
    expect(readPeerID(hex('8f'))).toBe(-1);
    expect(readSessionID(hex('8f'))).toBe(-1);
  });
});

describe('writePeerID', () => {
  it('replaces the peerID and nothing else', () => {
    fc.assert(
      fc.property(header, fc.integer({ min: 0, max: 0xffe }), (written, peerID) => {
        const target = new Uint8Array(4);
        const datagram = target.subarray(0, writeEnetHeader(target, written));
        writePeerID(datagram, peerID);
        expect(parseEnetHeader(datagram)).toMatchObject({ ...written, peerID });
      }),
    );
  });
});
