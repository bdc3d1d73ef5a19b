/**
 * What the relay reads in ENet datagrams, and the datagrams of its own: a DISCONNECT towards the host, and
 * encrypted messages on a channel that no client uses.
 */
import { readU16LE, readU32LE, writeU32 } from '../../core/protocol/bytes.ts';
import {
  ENET_COMMAND,
  enetCommandSize,
  readCommandNumber,
  skipEnetCommand,
  writeEnetCommand,
  type EnetCommand,
} from '../../core/protocol/enet/command.ts';
import {
  CONTROL_TYPE,
  sealControlMessage,
  TERMINATION_GRACEFUL,
  type ControlCipher,
} from '../../core/protocol/enet/control.ts';
import { readCommandsOffset, writeEnetHeader } from '../../core/protocol/enet/header.ts';
import { SS_ENC } from '../../core/protocol/sdp.ts';
import { UNKNOWN, type Flow } from '../flow/flow.ts';

/** The last of the 48 channels: no client uses it, so its sequence numbers are the relay's own. */
const CHANNEL_ID = 47;
const CONNECTION_CHANNEL_ID = 0xff;
/** First seq of the relay's messages, above any of a client or host, so that no v2 nonce meets another. */
const INJECTED_SEQ = 0xffff_ff00;
const HEADER_SIZE = 2;

/** Smallest encrypted message: head 8, tag 16, type and length 4; and where its parts are. */
const MESSAGE = { sizeMin: 28, kindEncrypted: 1, lengthAt: 2, seqAt: 4, lengthFrom: 4 } as const;

const ACKNOWLEDGE = 1 << ENET_COMMAND.ACKNOWLEDGE;

/**
 * The commands of a datagram: bit n is set if one of number n (`ENET_COMMAND`) is there; 0 if there is none, -1 if
 * the datagram is malformed anywhere. Allocates nothing.
 */
export function commandsIn(datagram: Uint8Array): number {
  let offset = readCommandsOffset(datagram);
  if (offset < 0) return -1;
  let commands = 0;
  while (offset < datagram.length) {
    const end = skipEnetCommand(datagram, offset);
    if (end < 0) return -1;
    commands |= 1 << readCommandNumber(datagram, offset);
    offset = end;
  }
  return commands;
}

/** Whether a set of commands (`commandsIn`) holds a DISCONNECT. */
export function hasDisconnect(commands: number): boolean {
  return commands > 0 && (commands & (1 << ENET_COMMAND.DISCONNECT)) !== 0;
}

/** Whether a set of commands (`commandsIn`) holds a message that is not in order. */
export function hasUnsequenced(commands: number): boolean {
  return commands > 0 && (commands & (1 << ENET_COMMAND.SEND_UNSEQUENCED)) !== 0;
}

/** Whether a set of commands (`commandsIn`) holds an acknowledgement. */
export function hasAcknowledge(commands: number): boolean {
  return commands > 0 && (commands & ACKNOWLEDGE) !== 0;
}

/**
 * Whether the relay must look at this datagram of a host: a VERIFY_CONNECT to rewrite, a DISCONNECT to note,
 * anything that the client will acknowledge. That is all but plain acknowledgements.
 */
export function needsAttention(datagram: Uint8Array): boolean {
  const commands = commandsIn(datagram);
  return commands > 0 && (commands & ~ACKNOWLEDGE) !== 0;
}

/** Where the data of a whole message starts in the command at `offset`, or -1 for other commands. */
export function messageOffset(datagram: Uint8Array, offset: number): number {
  switch (readCommandNumber(datagram, offset)) {
    case ENET_COMMAND.SEND_RELIABLE:
      return offset + 6;
    case ENET_COMMAND.SEND_UNRELIABLE:
    case ENET_COMMAND.SEND_UNSEQUENCED:
      return offset + 8;
    default:
      return -1;
  }
}

/** The seq of the encrypted message in bytes `start` to `end`, or -1 if there is none. Allocates nothing. */
export function readSeq(datagram: Uint8Array, start: number, end: number): number {
  const size = end - start;
  if (size < MESSAGE.sizeMin || readU16LE(datagram, start) !== MESSAGE.kindEncrypted) return -1;
  if (readU16LE(datagram, start + MESSAGE.lengthAt) !== size - MESSAGE.lengthFrom) return -1;
  return readU32LE(datagram, start + MESSAGE.seqAt);
}

/** The highest seq of the encrypted messages of a well-formed datagram, or -1. Allocates nothing. */
export function highestSeqIn(datagram: Uint8Array): number {
  let highest = UNKNOWN;
  let offset = readCommandsOffset(datagram);
  while (offset >= 0 && offset < datagram.length) {
    const end = skipEnetCommand(datagram, offset);
    if (end < 0) return highest;
    const start = messageOffset(datagram, offset);
    if (start >= 0) highest = Math.max(highest, readSeq(datagram, start, end));
    offset = end;
  }
  return highest;
}

/** How `sender` encrypts in this flow. */
export function cipherOf(flow: Flow, key: Uint8Array, sender: ControlCipher['sender']): ControlCipher {
  const isV2 = (flow.encryptionEnabled & SS_ENC.CONTROL_V2) !== 0;
  return { key, version: isV2 ? 'v2' : 'v1', sender };
}

/**
 * An unsequenced DISCONNECT, 10 bytes, that ends the host's peer without an answer. Precondition: the host's peer
 * id is known.
 */
export function formatHostDisconnect({ peer }: Flow): Uint8Array {
  return formatDatagram(peer.hostPeerID, peer.hostSessionID, {
    type: 'disconnect',
    needsAcknowledge: false,
    isUnsequenced: true,
    channelID: CONNECTION_CHANNEL_ID,
    reliableSequenceNumber: 0,
    data: 0,
  });
}

/** A request for an IDR frame, as from the client. Precondition: the host's peer id is known. */
export function formatIdrRequest(flow: Flow, key: Uint8Array): Uint8Array {
  const { peer } = flow;
  peer.injectedToHost += 1;
  const count = peer.injectedToHost;
  const payload = new Uint8Array(2);
  const data = sealControlMessage(
    { seq: INJECTED_SEQ + count, type: CONTROL_TYPE.START_A_REQUEST_IDR, payload },
    cipherOf(flow, key, 'client'),
  );
  return formatDatagram(peer.hostPeerID, peer.hostSessionID, unreliable(count, data));
}

/** The graceful TERMINATION, as from the host. Precondition: the host's peer id is known. */
export function formatTermination(flow: Flow, key: Uint8Array): Uint8Array {
  const { peer } = flow;
  peer.injectedToClient += 1;
  const count = peer.injectedToClient;
  const payload = new Uint8Array(4);
  writeU32(payload, 0, TERMINATION_GRACEFUL);
  const data = sealControlMessage(
    { seq: INJECTED_SEQ + count, type: CONTROL_TYPE.TERMINATION, payload },
    cipherOf(flow, key, 'host'),
  );
  return formatDatagram(peer.clientPeerID, peer.clientSessionID, unreliable(count, data));
}

function unreliable(unreliableSequenceNumber: number, data: Uint8Array): EnetCommand {
  return {
    type: 'sendUnreliable',
    needsAcknowledge: false,
    isUnsequenced: false,
    channelID: CHANNEL_ID,
    reliableSequenceNumber: 0,
    unreliableSequenceNumber,
    data,
  };
}

function formatDatagram(peerID: number, sessionID: number, command: EnetCommand): Uint8Array {
  const datagram = new Uint8Array(HEADER_SIZE + enetCommandSize(command));
  const offset = writeEnetHeader(datagram, { peerID, sessionID, sentTime: undefined });
  writeEnetCommand(datagram, offset, command);
  return datagram;
}
