/**
 * The layout of ENet commands: numbers, fields and sizes, and how to step over one without decoding it.
 *
 * Source: enet `protocol.h` (`ENetProtocol*`), fork used by Moonlight. All integers are big-endian, but
 * connectID, which is raw. Offsets count from the start of the command:
 *
 *   0   1  command number (low 4 bits), 0x80 wants an acknowledgement, 0x40 unsequenced
 *   1   1  channelID, 0xff for the connection itself
 *   2   2  reliableSequenceNumber
 *
 *   ACKNOWLEDGE         4:2 receivedReliableSequenceNumber  6:2 receivedSentTime
 *   CONNECT             4:2 outgoingPeerID  6:1 incomingSessionID  7:1 outgoingSessionID  8:4 mtu
 *                       12:4 windowSize  16:4 channelCount  20:4 incomingBandwidth  24:4 outgoingBandwidth
 *                       28:4 packetThrottleInterval  32:4 packetThrottleAcceleration
 *                       36:4 packetThrottleDeceleration  40:4 connectID  44:4 data
 *   VERIFY_CONNECT      as CONNECT, without data
 *   DISCONNECT          4:4 data
 *   PING                nothing
 *   SEND_RELIABLE       4:2 dataLength  6: data
 *   SEND_UNRELIABLE     4:2 unreliableSequenceNumber  6:2 dataLength  8: data
 *   SEND_UNSEQUENCED    4:2 unsequencedGroup  6:2 dataLength  8: data
 *   SEND_FRAGMENT, SEND_UNRELIABLE_FRAGMENT
 *                       4:2 startSequenceNumber  6:2 dataLength  8:4 fragmentCount  12:4 fragmentNumber
 *                       16:4 totalLength  20:4 fragmentOffset  24: data
 *   BANDWIDTH_LIMIT     4:4 incomingBandwidth  8:4 outgoingBandwidth
 *   THROTTLE_CONFIGURE  4:4 packetThrottleInterval  8:4 packetThrottleAcceleration
 *                       12:4 packetThrottleDeceleration
 */
import { readU16 } from '../bytes.ts';

/** Command numbers, the low 4 bits of a command's first byte. */
export const ENET_COMMAND = {
  ACKNOWLEDGE: 1,
  CONNECT: 2,
  VERIFY_CONNECT: 3,
  DISCONNECT: 4,
  PING: 5,
  SEND_RELIABLE: 6,
  SEND_UNRELIABLE: 7,
  SEND_FRAGMENT: 8,
  SEND_UNSEQUENCED: 9,
  BANDWIDTH_LIMIT: 10,
  THROTTLE_CONFIGURE: 11,
  SEND_UNRELIABLE_FRAGMENT: 12,
} as const;

/** What every command carries in its first 4 bytes. */
export interface EnetCommandBase {
  needsAcknowledge: boolean;
  isUnsequenced: boolean;
  /** 0..0xff; 0xff is the connection itself. */
  channelID: number;
  /** 0..0xffff, modulo 2^16, counted per channel. */
  reliableSequenceNumber: number;
}

/** The throttle settings of one direction: an interval in milliseconds, and two steps. */
export interface Throttle {
  packetThrottleInterval: number;
  packetThrottleAcceleration: number;
  packetThrottleDeceleration: number;
}

/** What CONNECT proposes and VERIFY_CONNECT grants. Sizes in bytes, bandwidths in bytes per second (0: any). */
export interface ConnectFields extends Throttle {
  /** The index that the receiver must use towards the sender, 0..0xfff. */
  outgoingPeerID: number;
  /** 0..3; 0xff in a CONNECT: none yet. In a VERIFY_CONNECT both are as the connecting side sees them. */
  incomingSessionID: number;
  outgoingSessionID: number;
  mtu: number;
  windowSize: number;
  channelCount: number;
  incomingBandwidth: number;
  outgoingBandwidth: number;
  /** 4 raw bytes, read as little-endian; only ever compared. */
  connectID: number;
}

/** One piece of a message too long for a datagram. Nothing about it is checked but its length. */
export interface FragmentFields {
  startSequenceNumber: number;
  fragmentCount: number;
  fragmentNumber: number;
  totalLength: number;
  fragmentOffset: number;
  data: Uint8Array;
}

/** One command, decoded. `data` of a parsed command is a view into its datagram. */
export type EnetCommand = EnetCommandBase &
  (
    | { type: 'acknowledge'; receivedReliableSequenceNumber: number; receivedSentTime: number }
    | ({ type: 'connect'; data: number } & ConnectFields)
    | ({ type: 'verifyConnect' } & ConnectFields)
    | { type: 'disconnect'; data: number }
    | { type: 'ping' }
    | { type: 'sendReliable'; data: Uint8Array }
    | { type: 'sendUnreliable'; unreliableSequenceNumber: number; data: Uint8Array }
    | { type: 'sendUnsequenced'; unsequencedGroup: number; data: Uint8Array }
    | ({ type: 'sendFragment' | 'sendUnreliableFragment' } & FragmentFields)
    | { type: 'bandwidthLimit'; incomingBandwidth: number; outgoingBandwidth: number }
    | ({ type: 'throttleConfigure' } & Throttle)
  );

/** Name of a command in `EnetCommand['type']`. */
export type EnetCommandType = EnetCommand['type'];

const COMMAND_MASK = 0x0f;
const HEADER_SIZE = 4;

/** Bytes of a command without its data, by number; 0: no such command. */
export function fixedSize(number: number): number {
  switch (number) {
    case ENET_COMMAND.ACKNOWLEDGE:
    case ENET_COMMAND.DISCONNECT:
    case ENET_COMMAND.SEND_UNRELIABLE:
    case ENET_COMMAND.SEND_UNSEQUENCED:
      return 8;
    case ENET_COMMAND.CONNECT:
      return 48;
    case ENET_COMMAND.VERIFY_CONNECT:
      return 44;
    case ENET_COMMAND.PING:
      return 4;
    case ENET_COMMAND.SEND_RELIABLE:
      return 6;
    case ENET_COMMAND.SEND_FRAGMENT:
    case ENET_COMMAND.SEND_UNRELIABLE_FRAGMENT:
      return 24;
    case ENET_COMMAND.BANDWIDTH_LIMIT:
      return 12;
    case ENET_COMMAND.THROTTLE_CONFIGURE:
      return 16;
    default:
      return 0;
  }
}

/** Where `dataLength` stands in a command, by number; 0: the command carries no data. */
export function dataLengthOffset(number: number): number {
  switch (number) {
    case ENET_COMMAND.SEND_RELIABLE:
      return 4;
    case ENET_COMMAND.SEND_UNRELIABLE:
    case ENET_COMMAND.SEND_UNSEQUENCED:
    case ENET_COMMAND.SEND_FRAGMENT:
    case ENET_COMMAND.SEND_UNRELIABLE_FRAGMENT:
      return 6;
    default:
      return 0;
  }
}

/** The number of the command at `offset`, one of `ENET_COMMAND` or unknown. Precondition: `offset + 2 <= length`. */
export function readCommandNumber(datagram: Uint8Array, offset: number): number {
  return (readU16(datagram, offset) >>> 8) & COMMAND_MASK;
}

/**
 * Steps over the command at `offset`. For the hot path: no allocation.
 *
 * @returns where the next command starts (the datagram's length after the last one), or -1 if there is no whole
 * command at `offset` or its number is unknown.
 */
export function skipEnetCommand(datagram: Uint8Array, offset: number): number {
  if (offset < 0 || offset + HEADER_SIZE > datagram.length) return -1;

  const number = readCommandNumber(datagram, offset);
  const size = fixedSize(number);
  if (size === 0 || offset + size > datagram.length) return -1;

  const lengthOffset = dataLengthOffset(number);
  if (lengthOffset === 0) return offset + size;
  const end = offset + size + readU16(datagram, offset + lengthOffset);
  return end > datagram.length ? -1 : end;
}
