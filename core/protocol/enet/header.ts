/**
 * ENet datagram header, the first 2 or 4 bytes of every datagram on the control stream.
 *
 * Source: enet `protocol.h` (`ENetProtocolHeader`), fork used by Moonlight; no checksum, no compression.
 *
 *   offset  size  field
 *   0       2     bit 15 sentTime present, bit 14 compressed, bits 12-13 sessionID, bits 0-11 peerID
 *   2       2     sentTime, ms modulo 2^16; present only when bit 15 is set
 */
import { readU16, writeU16 } from '../bytes.ts';

const OFFSET = { peerID: 0, sentTime: 2 } as const;
const SIZE = { short: 2, withSentTime: 4 } as const;

const FLAG_SENT_TIME = 1 << 15;
const FLAG_COMPRESSED = 1 << 14;
const SESSION_ID_MASK = 0x3;
const SESSION_ID_SHIFT = 12;
const PEER_ID_MASK = 0xfff;

/** peerID of a datagram whose sender has no peer yet: it holds a CONNECT command. */
export const PEER_ID_UNASSIGNED = 0xfff;

/** Every field of the header, decoded. */
export interface EnetHeader {
  /** The receiver's index for this connection, 0..0xfff. */
  peerID: number;
  /** Connection generation of that peer, 0..3. */
  sessionID: number;
  /** Sender's clock, ms modulo 2^16; `undefined` when the datagram carries none. */
  sentTime: number | undefined;
  /** Where the first command starts, in bytes from the start of the datagram: 2 or 4. */
  commandsOffset: number;
}

/**
 * Decodes the header of one datagram. Never throws; reads only `datagram`.
 *
 * @returns `undefined` for bytes that are no ENet header: too short, or compressed (Moonlight never compresses).
 */
export function parseEnetHeader(datagram: Uint8Array): EnetHeader | undefined {
  const commandsOffset = readCommandsOffset(datagram);
  if (commandsOffset < 0) return undefined;

  const word = readU16(datagram, OFFSET.peerID);
  return {
    peerID: word & PEER_ID_MASK,
    sessionID: (word >>> SESSION_ID_SHIFT) & SESSION_ID_MASK,
    sentTime: commandsOffset === SIZE.withSentTime ? readU16(datagram, OFFSET.sentTime) : undefined,
    commandsOffset,
  };
}

/**
 * Encodes `header` at the start of `target`, which the caller owns.
 *
 * @returns the number of bytes written, 2 or 4.
 */
export function writeEnetHeader(target: Uint8Array, header: Omit<EnetHeader, 'commandsOffset'>): number {
  const { peerID, sessionID, sentTime } = header;
  const flags = sentTime === undefined ? 0 : FLAG_SENT_TIME;
  writeU16(target, OFFSET.peerID, flags | (sessionID << SESSION_ID_SHIFT) | peerID);
  if (sentTime === undefined) return SIZE.short;
  writeU16(target, OFFSET.sentTime, sentTime);
  return SIZE.withSentTime;
}

/**
 * Where the first command of a datagram starts: 2 or 4; -1 where `parseEnetHeader` gives `undefined`.
 * For the hot path: no allocation.
 */
export function readCommandsOffset(datagram: Uint8Array): number {
  if (datagram.length < SIZE.short) return -1;
  const word = readU16(datagram, OFFSET.peerID);
  if ((word & FLAG_COMPRESSED) !== 0) return -1;
  const commandsOffset = (word & FLAG_SENT_TIME) !== 0 ? SIZE.withSentTime : SIZE.short;
  return datagram.length < commandsOffset ? -1 : commandsOffset;
}

/** The peerID of a datagram, 0..0xfff, or -1 if it is too short to hold one. For the hot path: no allocation. */
export function readPeerID(datagram: Uint8Array): number {
  if (datagram.length < SIZE.short) return -1;
  return readU16(datagram, OFFSET.peerID) & PEER_ID_MASK;
}

/** The sessionID of a datagram, 0..3, or -1 if it is too short to hold one. For the hot path: no allocation. */
export function readSessionID(datagram: Uint8Array): number {
  if (datagram.length < SIZE.short) return -1;
  return (readU16(datagram, OFFSET.peerID) >>> SESSION_ID_SHIFT) & SESSION_ID_MASK;
}

/**
 * Replaces the peerID (0..0xfff) in place; flags and sessionID stay. Precondition: `datagram.length >= 2`.
 * For the hot path: no allocation.
 */
export function writePeerID(datagram: Uint8Array, peerID: number): void {
  writeU16(datagram, OFFSET.peerID, (readU16(datagram, OFFSET.peerID) & ~PEER_ID_MASK) | peerID);
}
