import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, readCapture } from '../../../test/support/captures.ts';
import { readEnetStreams } from '../../../test/support/enet-captures.ts';
import { readU32LE } from '../bytes.ts';
import { parseEnetCommands } from './command.ts';
import {
  findVerifyConnect,
  isConnect,
  readConnectData,
  readConnectID,
  readVerifyConnectID,
  readVerifyIncomingSessionID,
  readVerifyOutgoingSessionID,
  readVerifyPeerID,
  writeConnectData,
  writeVerifyPeerID,
} from './connect.ts';
import { parseEnetHeader } from './header.ts';

const RECORDED = readEnetStreams().flatMap(({ datagrams }) => datagrams);
const withCommand = (name: string) =>
  RECORDED.flatMap((recorded) => {
    const command = recorded.enet.commands.find((candidate) => candidate.command === name);
    return command === undefined ? [] : [{ datagram: hex(recorded.hex), command }];
  });
const CONNECTS = withCommand('CONNECT');
const VERIFIES = withCommand('VERIFY_CONNECT');

/** A VERIFY_CONNECT behind an ACKNOWLEDGE, as a host sends it that answers both at once. */
const VERIFY = VERIFIES[0]?.datagram ?? new Uint8Array();
const BEHIND_ACKNOWLEDGE = Uint8Array.of(
  ...VERIFY.subarray(0, 4),
  1,
  0xff,
  0,
  1,
  0,
  1,
  0,
  9,
  ...VERIFY.subarray(4),
);

/** Bytes of heap that one call of `work` takes: the median of several rounds of many calls. */
function heapBytesPerCall(work: () => void): number {
  const calls = 20_000;
  const rounds = Array.from({ length: 9 }, () => {
    const before = process.memoryUsage().heapUsed;
    for (let call = 0; call < calls; call++) work();
    return (process.memoryUsage().heapUsed - before) / calls;
  });
  return rounds.sort((a, b) => a - b)[4] ?? NaN;
}

describe('isConnect', () => {
  it('is true for the recorded CONNECTs and for no other datagram', () => {
    expect(CONNECTS.length).toBeGreaterThan(1);
    for (const recorded of RECORDED) {
      expect(isConnect(hex(recorded.hex))).toBe(recorded.enet.commands[0]?.command === 'CONNECT');
    }
  });

  it.each([
    { name: 'a byte short', change: (bytes: Uint8Array) => bytes.subarray(0, 51), is: false },
    { name: 'with a peer', change: (bytes: Uint8Array) => bytes.with(1, 0xfe), is: false },
    { name: 'without sentTime', change: (bytes: Uint8Array) => bytes.with(0, 0x0f), is: false },
    { name: 'another command', change: (bytes: Uint8Array) => bytes.with(4, 0x85), is: false },
    { name: 'other session bits', change: (bytes: Uint8Array) => bytes.with(0, 0xbf), is: true },
  ])('is $is for one $name', ({ change, is }) => {
    expect(isConnect(change(CONNECTS[0]?.datagram ?? new Uint8Array()))).toBe(is);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (datagram) => {
        expect(typeof isConnect(datagram)).toBe('boolean');
      }),
    );
  });
});

describe('CONNECT', () => {
  it('gives connectID and data as recorded', () => {
    for (const { datagram, command } of CONNECTS) {
      expect(readConnectID(datagram)).toBe(readU32LE(hex(command.connectIdHex ?? ''), 0));
      expect(readConnectData(datagram)).toBe(command.data);
    }
  });

  it('carries the X-SS-Connect-Data that the client was told in RTSP', () => {
    const data = readConnectData(CONNECTS[0]?.datagram ?? new Uint8Array());
    const handshake = JSON.stringify(readCapture<object>('rtsp-plain-10mbit'));
    expect(handshake).toContain(`X-SS-Connect-Data: ${String(data)}`);
  });

  it('carries other data after writeConnectData, all else being equal', () => {
    const datagram = CONNECTS[0]?.datagram.slice() ?? new Uint8Array();
    const before = parseEnetCommands(datagram, 4);
    writeConnectData(datagram, 0x89ab_cdef);
    expect(readConnectData(datagram)).toBe(0x89ab_cdef);
    expect(parseEnetCommands(datagram, 4)).toEqual(
      before?.map((command) => ({ ...command, data: 0x89ab_cdef })),
    );
  });
});

describe('findVerifyConnect', () => {
  it('finds the recorded ones and no others', () => {
    expect(VERIFIES.length).toBeGreaterThan(0);
    for (const recorded of RECORDED) {
      const command = recorded.enet.commands.find((candidate) => candidate.command === 'VERIFY_CONNECT');
      expect(findVerifyConnect(hex(recorded.hex))).toBe(command?.offset ?? -1);
    }
  });

  it('finds one behind another command', () => {
    expect(findVerifyConnect(BEHIND_ACKNOWLEDGE)).toBe(12);
  });

  it('does not find one that is cut short, or stands behind a malformed command', () => {
    expect(findVerifyConnect(VERIFY.subarray(0, VERIFY.length - 1))).toBe(-1);
    expect(findVerifyConnect(BEHIND_ACKNOWLEDGE.with(4, 0))).toBe(-1);
    expect(findVerifyConnect(VERIFY.with(0, 0xc0))).toBe(-1);
  });

  it('agrees with the parser, whatever the bytes', () => {
    const bytes = fc
      .uint8Array({ maxLength: 30 })
      .map((tail) => Uint8Array.of(...BEHIND_ACKNOWLEDGE, ...tail));
    const broken = fc
      .tuple(bytes, fc.nat(80), fc.integer({ min: 0, max: 0xff }))
      .map(([datagram, at, value]) => datagram.with(Math.min(at, datagram.length - 1), value));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), broken), (datagram) => {
        const found = findVerifyConnect(datagram);
        if (found >= 0) expect(found + 44).toBeLessThanOrEqual(datagram.length);
        const header = parseEnetHeader(datagram);
        const commands = header && parseEnetCommands(datagram, header.commandsOffset);
        if (commands === undefined) return;
        expect(found >= 0).toBe(commands.some((command) => command.type === 'verifyConnect'));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('VERIFY_CONNECT', () => {
  it('gives connectID, peerID and sessionIDs as recorded', () => {
    for (const { datagram, command } of VERIFIES) {
      expect(readVerifyConnectID(datagram, command.offset)).toBe(
        readU32LE(hex(command.connectIdHex ?? ''), 0),
      );
      expect(readVerifyPeerID(datagram, command.offset)).toBe(command.outgoingPeerId);
      expect(readVerifyIncomingSessionID(datagram, command.offset)).toBe(command.incomingSessionId);
      expect(readVerifyOutgoingSessionID(datagram, command.offset)).toBe(command.outgoingSessionId);
    }
  });

  it('tells the two sessionIDs apart', () => {
    const datagram = VERIFY.with(10, 3).with(11, 1);
    expect(readVerifyIncomingSessionID(datagram, 4)).toBe(3);
    expect(readVerifyOutgoingSessionID(datagram, 4)).toBe(1);
  });

  it('carries another peerID after writeVerifyPeerID, all else being equal', () => {
    const datagram = BEHIND_ACKNOWLEDGE.slice();
    const before = parseEnetCommands(datagram, 4) ?? [];
    writeVerifyPeerID(datagram, 12, 0xabc);
    expect(readVerifyPeerID(datagram, 12)).toBe(0xabc);
    expect(parseEnetCommands(datagram, 4)).toEqual([before[0], { ...before[1], outgoingPeerID: 0xabc }]);
  });
});

describe('the relay’s reads and rewrites', () => {
  it('allocate nothing', () => {
    const connect = CONNECTS[0]?.datagram.slice() ?? new Uint8Array();
    const verify = BEHIND_ACKNOWLEDGE.slice();
    let sum = 0;
    const work = () => {
      if (isConnect(connect)) sum ^= readConnectID(connect) ^ readConnectData(connect);
      writeConnectData(connect, sum >>> 1);
      const offset = findVerifyConnect(verify);
      sum ^= readVerifyConnectID(verify, offset) ^ readVerifyPeerID(verify, offset);
      writeVerifyPeerID(verify, offset, sum & 0xfff);
    };
    const object = () => {
      sum ^= Object.keys({ sum }).length;
    };
    expect(heapBytesPerCall(work)).toBeLessThan(8);
    // The measure itself: one small object a call is seen.
    expect(heapBytesPerCall(object)).toBeGreaterThan(8);
  });
});
