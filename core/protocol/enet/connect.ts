/**
 * What a relay reads and rewrites in the two datagrams that make an ENet connection: the client's CONNECT and
 * the host's VERIFY_CONNECT. All of it works in place and allocates nothing.
 *
 * Source: enet `protocol.h` (`ENetProtocolConnect`, `ENetProtocolVerifyConnect`); moonlight-common-c sends
 * X-SS-Connect-Data as `data` (`ControlStream.c`, `enet_host_connect`).
 *
 *   CONNECT, from the start of the datagram     VERIFY_CONNECT, from the start of the command
 *   0   2  0x8fff, session bits set aside       0   1  0x83
 *   2   2  sentTime                             4   2  outgoingPeerID: what the client shall use
 *   4   1  0x82                                 6   1  incomingSessionID: the host's datagrams carry it
 *   44  4  connectID                            7   1  outgoingSessionID: the client's datagrams carry it
 *   48  4  data                                 40  4  connectID
 */
import { readU16, readU32, readU32LE, writeU16, writeU32 } from '../bytes.ts';
import { ENET_COMMAND, readCommandNumber, skipEnetCommand } from './command-layout.ts';
import { readCommandsOffset } from './header.ts';

const CONNECT = { peerID: 0, command: 4, connectID: 44, data: 48, size: 52 } as const;
const VERIFY = { outgoingPeerID: 4, sessionIDs: 6, connectID: 40 } as const;

/** sentTime present and no peer yet; the bits between may be anything. */
const CONNECT_MASK = 0x8fff;

/** Whether a datagram opens with a CONNECT, as the first datagram of every client does. */
export function isConnect(datagram: Uint8Array): boolean {
  return (
    datagram.length >= CONNECT.size &&
    (readU16(datagram, CONNECT.peerID) & CONNECT_MASK) === CONNECT_MASK &&
    readCommandNumber(datagram, CONNECT.command) === ENET_COMMAND.CONNECT
  );
}

/** The client's random connectID, 4 raw bytes read as little-endian. Precondition: `isConnect(datagram)`. */
export function readConnectID(datagram: Uint8Array): number {
  return readU32LE(datagram, CONNECT.connectID);
}

/** The connect data, unsigned 32 bits: X-SS-Connect-Data of the session. Precondition: `isConnect(datagram)`. */
export function readConnectData(datagram: Uint8Array): number {
  return readU32(datagram, CONNECT.data);
}

/** Replaces the connect data (unsigned 32 bits). Precondition: `isConnect(datagram)`. */
export function writeConnectData(datagram: Uint8Array, data: number): void {
  writeU32(datagram, CONNECT.data, data);
}

/**
 * Finds a VERIFY_CONNECT among the commands of a datagram.
 *
 * @returns where the whole command starts, in bytes from the start of the datagram; -1 if there is none, or the
 * datagram is malformed before it.
 */
export function findVerifyConnect(datagram: Uint8Array): number {
  let offset = readCommandsOffset(datagram);
  while (offset >= 0 && offset < datagram.length) {
    const end = skipEnetCommand(datagram, offset);
    if (end < 0) return -1;
    if (readCommandNumber(datagram, offset) === ENET_COMMAND.VERIFY_CONNECT) return offset;
    offset = end;
  }
  return -1;
}

/** The connectID that the VERIFY_CONNECT at `commandOffset` answers, read as `readConnectID` does. */
export function readVerifyConnectID(datagram: Uint8Array, commandOffset: number): number {
  return readU32LE(datagram, commandOffset + VERIFY.connectID);
}

/** The peerID that the client shall use from now on, as given by the VERIFY_CONNECT at `commandOffset`. */
export function readVerifyPeerID(datagram: Uint8Array, commandOffset: number): number {
  return readU16(datagram, commandOffset + VERIFY.outgoingPeerID);
}

/** Replaces the peerID (0..0xffe) in the VERIFY_CONNECT at `commandOffset`. */
export function writeVerifyPeerID(datagram: Uint8Array, commandOffset: number, peerID: number): void {
  writeU16(datagram, commandOffset + VERIFY.outgoingPeerID, peerID);
}

/** The sessionID (0..3) that the host's datagrams carry, as given by the VERIFY_CONNECT at `commandOffset`. */
export function readVerifyIncomingSessionID(datagram: Uint8Array, commandOffset: number): number {
  return readU16(datagram, commandOffset + VERIFY.sessionIDs) >>> 8;
}

/** The sessionID (0..3) that the client's datagrams carry, as given by the VERIFY_CONNECT at `commandOffset`. */
export function readVerifyOutgoingSessionID(datagram: Uint8Array, commandOffset: number): number {
  return readU16(datagram, commandOffset + VERIFY.sessionIDs) & 0xff;
}
