import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../test/support/captures.ts';
import {
  readEnetStreams,
  type RecordedCommand,
  type RecordedDatagram,
} from '../../../test/support/enet-captures.ts';
import { readU32LE } from '../bytes.ts';
import {
  ENET_COMMAND,
  enetCommandSize,
  parseEnetCommands,
  readCommandNumber,
  skipEnetCommand,
  writeEnetCommand,
  type EnetCommand,
} from './command.ts';
import { parseEnetHeader, writeEnetHeader } from './header.ts';

const RECORDED: (RecordedDatagram & { stream: string })[] = readEnetStreams().flatMap(({ name, datagrams }) =>
  datagrams.map((datagram) => ({ ...datagram, stream: name })),
);

const RECORDED_NAMES: Record<EnetCommand['type'], string> = {
  acknowledge: 'ACKNOWLEDGE',
  connect: 'CONNECT',
  verifyConnect: 'VERIFY_CONNECT',
  disconnect: 'DISCONNECT',
  ping: 'PING',
  sendReliable: 'SEND_RELIABLE',
  sendUnreliable: 'SEND_UNRELIABLE',
  sendFragment: 'SEND_FRAGMENT',
  sendUnsequenced: 'SEND_UNSEQUENCED',
  bandwidthLimit: 'BANDWIDTH_LIMIT',
  throttleConfigure: 'THROTTLE_CONFIGURE',
  sendUnreliableFragment: 'SEND_UNRELIABLE_FRAGMENT',
};

/** Encodes a datagram from its parts. */
function writeDatagram(header: Parameters<typeof writeEnetHeader>[1], commands: EnetCommand[]): Uint8Array {
  const target = new Uint8Array(4 + commands.reduce((size, command) => size + enetCommandSize(command), 0));
  let end = writeEnetHeader(target, header);
  for (const command of commands) end = writeEnetCommand(target, end, command);
  return target.subarray(0, end);
}

/** What the recording's own decoder said of a command, in our words; fields that it did not name are absent. */
function expected(command: RecordedCommand): Record<string, unknown> {
  const fields: Record<string, unknown> = {
    needsAcknowledge: command.wantsAck,
    isUnsequenced: command.unsequenced,
    channelID: command.channel,
    reliableSequenceNumber: command.reliableSequenceNumber,
    receivedReliableSequenceNumber: command.receivedReliableSequenceNumber,
    receivedSentTime: command.receivedSentTime,
    outgoingPeerID: command.outgoingPeerId,
    incomingSessionID: command.incomingSessionId,
    outgoingSessionID: command.outgoingSessionId,
    data: command.payloadHex === undefined ? command.data : hex(command.payloadHex),
    connectID: command.connectIdHex === undefined ? undefined : readU32LE(hex(command.connectIdHex), 0),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const data = fc.uint8Array({ maxLength: 40 });
const base = {
  needsAcknowledge: fc.boolean(),
  isUnsequenced: fc.boolean(),
  channelID: u8,
  reliableSequenceNumber: u16,
};
const throttle = {
  packetThrottleInterval: u32,
  packetThrottleAcceleration: u32,
  packetThrottleDeceleration: u32,
};
const connect = {
  outgoingPeerID: u16,
  incomingSessionID: u8,
  outgoingSessionID: u8,
  mtu: u32,
  windowSize: u32,
  channelCount: u32,
  incomingBandwidth: u32,
  outgoingBandwidth: u32,
  connectID: u32,
  ...throttle,
};
const fragment = {
  startSequenceNumber: u16,
  fragmentCount: u32,
  fragmentNumber: u32,
  totalLength: u32,
  fragmentOffset: u32,
  data,
};
const type = <T extends EnetCommand['type']>(name: T) => fc.constant(name);
const anyCommand: fc.Arbitrary<EnetCommand> = fc.oneof(
  fc.record({
    type: type('acknowledge'),
    ...base,
    receivedReliableSequenceNumber: u16,
    receivedSentTime: u16,
  }),
  fc.record({ type: type('connect'), ...base, ...connect, data: u32 }),
  fc.record({ type: type('verifyConnect'), ...base, ...connect }),
  fc.record({ type: type('disconnect'), ...base, data: u32 }),
  fc.record({ type: type('ping'), ...base }),
  fc.record({ type: type('sendReliable'), ...base, data }),
  fc.record({ type: type('sendUnreliable'), ...base, unreliableSequenceNumber: u16, data }),
  fc.record({ type: type('sendUnsequenced'), ...base, unsequencedGroup: u16, data }),
  fc.record({ type: type('sendFragment'), ...base, ...fragment }),
  fc.record({ type: type('sendUnreliableFragment'), ...base, ...fragment }),
  fc.record({ type: type('bandwidthLimit'), ...base, incomingBandwidth: u32, outgoingBandwidth: u32 }),
  fc.record({ type: type('throttleConfigure'), ...base, ...throttle }),
);

describe('recorded control datagrams', () => {
  it('are all there', () => {
    expect(RECORDED.length).toBeGreaterThan(200);
  });

  it.each(RECORDED)('$stream $n: parses to its end and encodes to the same bytes', (recorded) => {
    const datagram = hex(recorded.hex);
    const header = parseEnetHeader(datagram);
    expect(header).toMatchObject({
      peerID: recorded.enet.peerId,
      sessionID: recorded.enet.sessionId,
      sentTime: recorded.enet.sentTime ?? undefined,
    });
    if (header === undefined) return;

    const commands = parseEnetCommands(datagram, header.commandsOffset) ?? [];
    expect(commands.map((command) => RECORDED_NAMES[command.type])).toEqual(
      recorded.enet.commands.map(({ command }) => command),
    );
    for (const [index, command] of recorded.enet.commands.entries()) {
      expect(commands[index]).toMatchObject(expected(command));
    }
    expect(writeDatagram(header, commands)).toEqual(datagram);
  });

  it.each(RECORDED)('$stream $n: skips from command to command', (recorded) => {
    const datagram = hex(recorded.hex);
    for (const [index, { offset }] of recorded.enet.commands.entries()) {
      const next = recorded.enet.commands[index + 1]?.offset ?? datagram.length;
      expect(skipEnetCommand(datagram, offset)).toBe(next);
    }
  });

  it('hold the numbers of commands that ENET_COMMAND names', () => {
    for (const recorded of RECORDED) {
      for (const { command, offset } of recorded.enet.commands) {
        const number = Object.entries(ENET_COMMAND).find(([name]) => name === command)?.[1];
        expect(readCommandNumber(hex(recorded.hex), offset)).toBe(number);
      }
    }
  });

  it('are rejected when cut anywhere but between commands', () => {
    for (const recorded of RECORDED) {
      const datagram = hex(recorded.hex);
      const ends = new Set(recorded.enet.commands.map(({ offset }) => offset));
      const start = recorded.enet.commands[0]?.offset ?? 0;
      for (let length = start; length < datagram.length; length++) {
        const isWhole = parseEnetCommands(datagram.subarray(0, length), start) !== undefined;
        expect(isWhole).toBe(ends.has(length));
      }
    }
  });
});

describe('parseEnetCommands', () => {
  it('gives an empty list where the datagram ends', () => {
    expect(parseEnetCommands(hex('8000 0000'), 4)).toEqual([]);
  });

  it.each([
    { name: 'command 0', bytes: '00000000 00000000', offset: 0 },
    { name: 'command 13', bytes: '0d000000 00000000', offset: 0 },
    { name: 'an offset past the end', bytes: '0500', offset: 4 },
    { name: 'a negative offset', bytes: '05000000', offset: -1 },
    { name: 'data longer than the datagram', bytes: '86000001 0003 0102', offset: 0 },
    { name: 'a second command cut short', bytes: '05000000 0500', offset: 0 },
  ])('rejects $name', ({ bytes, offset }) => {
    expect(parseEnetCommands(hex(bytes), offset)).toBeUndefined();
  });

  it('gives data as views into the datagram', () => {
    const datagram = hex('86000001 0003 010203');
    const [command] = parseEnetCommands(datagram, 0) ?? [];
    datagram[8] = 0xff;
    expect(command).toMatchObject({ type: 'sendReliable', data: hex('0102ff') });
  });

  it('never throws and never reads past the end, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.integer({ min: -2, max: 130 }),
        (datagram, offset) => {
          const commands = parseEnetCommands(datagram, offset);
          const size = commands?.reduce((sum, command) => sum + enetCommandSize(command), offset);
          if (size !== undefined) expect(size).toBe(datagram.length);
          const next = skipEnetCommand(datagram, offset);
          expect(next === -1 || (next > offset && next <= datagram.length)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('decodes what writeEnetCommand wrote', () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 8 }), (commands) => {
        const datagram = writeDatagram({ peerID: 1, sessionID: 2, sentTime: 3 }, commands);
        expect(parseEnetCommands(datagram, 4)).toEqual(commands);
      }),
    );
  });
});

describe('writeEnetCommand', () => {
  it('writes enetCommandSize bytes and no more', () => {
    fc.assert(
      fc.property(anyCommand, (command) => {
        const size = enetCommandSize(command);
        const target = new Uint8Array(size + 4).fill(0xa5);
        expect(writeEnetCommand(target, 2, command)).toBe(2 + size);
        expect([target[0], target[1], ...target.subarray(size + 2)]).toEqual([0xa5, 0xa5, 0xa5, 0xa5]);
      }),
    );
  });
});
