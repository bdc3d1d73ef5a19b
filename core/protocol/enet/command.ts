/**
 * ENet commands, which follow the datagram header back to back: bytes to values and back. Order, acknowledgement
 * and reassembly belong to whoever speaks ENet.
 *
 * Source and offsets: `command-layout.ts`.
 */
import { readU16, readU32, readU32LE, writeU16, writeU32, writeU32LE } from '../bytes.ts';
import {
  dataLengthOffset,
  ENET_COMMAND,
  fixedSize,
  readCommandNumber,
  skipEnetCommand,
  type ConnectFields,
  type EnetCommand,
  type EnetCommandBase,
  type EnetCommandType,
  type FragmentFields,
  type Throttle,
} from './command-layout.ts';

export {
  ENET_COMMAND,
  readCommandNumber,
  skipEnetCommand,
  type EnetCommand,
  type EnetCommandBase,
  type EnetCommandType,
} from './command-layout.ts';

const FLAG_NEEDS_ACKNOWLEDGE = 0x80;
const FLAG_UNSEQUENCED = 0x40;

const NUMBER_OF: Record<EnetCommandType, number> = {
  acknowledge: ENET_COMMAND.ACKNOWLEDGE,
  connect: ENET_COMMAND.CONNECT,
  verifyConnect: ENET_COMMAND.VERIFY_CONNECT,
  disconnect: ENET_COMMAND.DISCONNECT,
  ping: ENET_COMMAND.PING,
  sendReliable: ENET_COMMAND.SEND_RELIABLE,
  sendUnreliable: ENET_COMMAND.SEND_UNRELIABLE,
  sendFragment: ENET_COMMAND.SEND_FRAGMENT,
  sendUnsequenced: ENET_COMMAND.SEND_UNSEQUENCED,
  bandwidthLimit: ENET_COMMAND.BANDWIDTH_LIMIT,
  throttleConfigure: ENET_COMMAND.THROTTLE_CONFIGURE,
  sendUnreliableFragment: ENET_COMMAND.SEND_UNRELIABLE_FRAGMENT,
};

/**
 * Decodes every command from `offset` (see `readCommandsOffset`) to the end of the datagram. Never throws.
 *
 * @returns the commands in order, with data as views into `datagram`; `undefined` if any is malformed, cut
 * short or unknown. A datagram without commands gives an empty array.
 */
export function parseEnetCommands(datagram: Uint8Array, offset: number): EnetCommand[] | undefined {
  if (offset < 0 || offset > datagram.length) return undefined;
  const commands: EnetCommand[] = [];
  let start = offset;
  while (start < datagram.length) {
    const end = skipEnetCommand(datagram, start);
    if (end < 0) return undefined;
    commands.push(parseCommand(datagram.subarray(start, end)));
    start = end;
  }
  return commands;
}

/** Decodes one command that `skipEnetCommand` has measured. */
function parseCommand(bytes: Uint8Array): EnetCommand {
  const word = readU16(bytes, 0);
  const base: EnetCommandBase = {
    needsAcknowledge: ((word >>> 8) & FLAG_NEEDS_ACKNOWLEDGE) !== 0,
    isUnsequenced: ((word >>> 8) & FLAG_UNSEQUENCED) !== 0,
    channelID: word & 0xff,
    reliableSequenceNumber: readU16(bytes, 2),
  };
  const number = readCommandNumber(bytes, 0);
  switch (number) {
    case ENET_COMMAND.ACKNOWLEDGE:
      return {
        ...base,
        type: 'acknowledge',
        receivedReliableSequenceNumber: readU16(bytes, 4),
        receivedSentTime: readU16(bytes, 6),
      };
    case ENET_COMMAND.CONNECT:
      return { ...base, type: 'connect', ...parseConnectFields(bytes), data: readU32(bytes, 44) };
    case ENET_COMMAND.VERIFY_CONNECT:
      return { ...base, type: 'verifyConnect', ...parseConnectFields(bytes) };
    case ENET_COMMAND.DISCONNECT:
      return { ...base, type: 'disconnect', data: readU32(bytes, 4) };
    case ENET_COMMAND.SEND_RELIABLE:
      return { ...base, type: 'sendReliable', data: bytes.subarray(6) };
    case ENET_COMMAND.SEND_UNRELIABLE:
      return {
        ...base,
        type: 'sendUnreliable',
        unreliableSequenceNumber: readU16(bytes, 4),
        data: bytes.subarray(8),
      };
    case ENET_COMMAND.SEND_UNSEQUENCED:
      return {
        ...base,
        type: 'sendUnsequenced',
        unsequencedGroup: readU16(bytes, 4),
        data: bytes.subarray(8),
      };
    case ENET_COMMAND.SEND_FRAGMENT:
      return { ...base, type: 'sendFragment', ...parseFragmentFields(bytes) };
    case ENET_COMMAND.SEND_UNRELIABLE_FRAGMENT:
      return { ...base, type: 'sendUnreliableFragment', ...parseFragmentFields(bytes) };
    case ENET_COMMAND.BANDWIDTH_LIMIT:
      return {
        ...base,
        type: 'bandwidthLimit',
        incomingBandwidth: readU32(bytes, 4),
        outgoingBandwidth: readU32(bytes, 8),
      };
    case ENET_COMMAND.THROTTLE_CONFIGURE:
      return { ...base, type: 'throttleConfigure', ...parseThrottle(bytes, 4) };
    default:
      return { ...base, type: 'ping' };
  }
}

function parseThrottle(bytes: Uint8Array, offset: number): Throttle {
  return {
    packetThrottleInterval: readU32(bytes, offset),
    packetThrottleAcceleration: readU32(bytes, offset + 4),
    packetThrottleDeceleration: readU32(bytes, offset + 8),
  };
}

function parseConnectFields(bytes: Uint8Array): ConnectFields {
  const sessionIDs = readU16(bytes, 6);
  return {
    outgoingPeerID: readU16(bytes, 4),
    incomingSessionID: sessionIDs >>> 8,
    outgoingSessionID: sessionIDs & 0xff,
    mtu: readU32(bytes, 8),
    windowSize: readU32(bytes, 12),
    channelCount: readU32(bytes, 16),
    incomingBandwidth: readU32(bytes, 20),
    outgoingBandwidth: readU32(bytes, 24),
    ...parseThrottle(bytes, 28),
    connectID: readU32LE(bytes, 40),
  };
}

function parseFragmentFields(bytes: Uint8Array): FragmentFields {
  return {
    startSequenceNumber: readU16(bytes, 4),
    fragmentCount: readU32(bytes, 8),
    fragmentNumber: readU32(bytes, 12),
    totalLength: readU32(bytes, 16),
    fragmentOffset: readU32(bytes, 20),
    data: bytes.subarray(24),
  };
}

/** Bytes that `writeEnetCommand` writes for `command`, its data included. */
export function enetCommandSize(command: EnetCommand): number {
  const number = NUMBER_OF[command.type];
  const data = dataLengthOffset(number) !== 0 && 'data' in command ? command.data : 0;
  return fixedSize(number) + (typeof data === 'number' ? 0 : data.length);
}

/**
 * Encodes `command` at `offset` of `target`, which the caller owns and which has room for `enetCommandSize`.
 *
 * @returns the offset after the command.
 */
export function writeEnetCommand(target: Uint8Array, offset: number, command: EnetCommand): number {
  const end = offset + enetCommandSize(command);
  const bytes = target.subarray(offset, end);
  const first =
    NUMBER_OF[command.type] |
    (command.needsAcknowledge ? FLAG_NEEDS_ACKNOWLEDGE : 0) |
    (command.isUnsequenced ? FLAG_UNSEQUENCED : 0);
  writeU16(bytes, 0, (first << 8) | command.channelID);
  writeU16(bytes, 2, command.reliableSequenceNumber);
  writeFields(bytes, command);
  return end;
}

/** Writes what follows the first 4 bytes. */
function writeFields(bytes: Uint8Array, command: EnetCommand): void {
  switch (command.type) {
    case 'acknowledge':
      writeU16(bytes, 4, command.receivedReliableSequenceNumber);
      writeU16(bytes, 6, command.receivedSentTime);
      return;
    case 'connect':
      writeConnectFields(bytes, command);
      writeU32(bytes, 44, command.data);
      return;
    case 'verifyConnect':
      writeConnectFields(bytes, command);
      return;
    case 'disconnect':
      writeU32(bytes, 4, command.data);
      return;
    case 'ping':
      return;
    case 'sendReliable':
      writeU16(bytes, 4, command.data.length);
      bytes.set(command.data, 6);
      return;
    case 'sendUnreliable':
      writeU16(bytes, 4, command.unreliableSequenceNumber);
      writeU16(bytes, 6, command.data.length);
      bytes.set(command.data, 8);
      return;
    case 'sendUnsequenced':
      writeU16(bytes, 4, command.unsequencedGroup);
      writeU16(bytes, 6, command.data.length);
      bytes.set(command.data, 8);
      return;
    case 'sendFragment':
    case 'sendUnreliableFragment':
      writeFragmentFields(bytes, command);
      return;
    case 'bandwidthLimit':
      writeU32(bytes, 4, command.incomingBandwidth);
      writeU32(bytes, 8, command.outgoingBandwidth);
      return;
    case 'throttleConfigure':
      writeThrottle(bytes, 4, command);
  }
}

function writeThrottle(bytes: Uint8Array, offset: number, fields: Throttle): void {
  writeU32(bytes, offset, fields.packetThrottleInterval);
  writeU32(bytes, offset + 4, fields.packetThrottleAcceleration);
  writeU32(bytes, offset + 8, fields.packetThrottleDeceleration);
}

function writeConnectFields(bytes: Uint8Array, fields: ConnectFields): void {
  writeU16(bytes, 4, fields.outgoingPeerID);
  writeU16(bytes, 6, (fields.incomingSessionID << 8) | fields.outgoingSessionID);
  writeU32(bytes, 8, fields.mtu);
  writeU32(bytes, 12, fields.windowSize);
  writeU32(bytes, 16, fields.channelCount);
  writeU32(bytes, 20, fields.incomingBandwidth);
  writeU32(bytes, 24, fields.outgoingBandwidth);
  writeThrottle(bytes, 28, fields);
  writeU32LE(bytes, 40, fields.connectID);
}

function writeFragmentFields(bytes: Uint8Array, fields: FragmentFields): void {
  writeU16(bytes, 4, fields.startSequenceNumber);
  writeU16(bytes, 6, fields.data.length);
  writeU32(bytes, 8, fields.fragmentCount);
  writeU32(bytes, 12, fields.fragmentNumber);
  writeU32(bytes, 16, fields.totalLength);
  writeU32(bytes, 20, fields.fragmentOffset);
  bytes.set(fields.data, 24);
}
