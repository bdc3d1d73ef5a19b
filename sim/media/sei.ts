/**
 * The stamp that every frame of the simulated host carries, so that the other end can measure: one SEI message
 * of user data, which decoders skip.
 *
 *   offset  size  field
 *   0       1     NAL header 6 (SEI)
 *   1       1     payload type 5 (user_data_unregistered)
 *   2       1     payload size 32
 *   3       16    uuid: "gleipnir-sei-v1."
 *   19      8     sentAtUs, big-endian
 *   27      4     inputEvents, big-endian
 *   31      4     rikeyid, big-endian, unsigned
 *   35      1     trailing bits 0x80
 *
 * before emulation prevention, and after a 4-byte start code. Source: ITU-T H.264, annex D (sei_payload).
 */
import { readU32, writeU32 } from '../../core/protocol/bytes.ts';
import { escapeRbsp, NAL_TYPE, splitNalUnits, START_CODE, unescapeRbsp } from './annexb.ts';

const OFFSET = {
  header: 0,
  payloadType: 1,
  payloadSize: 2,
  uuid: 3,
  sentAtUs: 19,
  inputEvents: 27,
  rikeyid: 31,
  trailingBits: 35,
} as const;
const SIZE = 36;
const PAYLOAD_TYPE = 5;
const UUID = Buffer.from('gleipnir-sei-v1.', 'latin1');
const TRAILING_BITS = 0x80;
const U32 = 0x1_0000_0000;

/** What one frame says of itself. */
export interface FrameStamp {
  /** When it was handed to the network: µs since the epoch. */
  sentAtUs: number;
  /** Input events of the client that the host had received, modulo 2^32. */
  inputEvents: number;
  /** rikeyid of the session the frame was made for, 0..2^32-1. */
  rikeyid: number;
}

/** The stamp as a NAL unit, start code included. */
export function writeSei(stamp: FrameStamp): Uint8Array {
  const rbsp = new Uint8Array(SIZE);
  rbsp[OFFSET.header] = NAL_TYPE.SEI;
  rbsp[OFFSET.payloadType] = PAYLOAD_TYPE;
  rbsp[OFFSET.payloadSize] = OFFSET.trailingBits - OFFSET.uuid;
  rbsp.set(UUID, OFFSET.uuid);
  writeU32(rbsp, OFFSET.sentAtUs, Math.floor(stamp.sentAtUs / U32));
  writeU32(rbsp, OFFSET.sentAtUs + 4, stamp.sentAtUs % U32);
  writeU32(rbsp, OFFSET.inputEvents, stamp.inputEvents);
  writeU32(rbsp, OFFSET.rikeyid, stamp.rikeyid);
  rbsp[OFFSET.trailingBits] = TRAILING_BITS;
  return Buffer.concat([START_CODE, escapeRbsp(rbsp)]);
}

/** The first stamp in the Annex B data of one frame; `undefined` when it has none. Never throws. */
export function readSei(annexB: Uint8Array): FrameStamp | undefined {
  for (const { type, bytes } of splitNalUnits(annexB)) {
    if (type !== NAL_TYPE.SEI) continue;
    const stamp = parseStamp(unescapeRbsp(bytes));
    if (stamp !== undefined) return stamp;
  }
  return undefined;
}

function parseStamp(rbsp: Uint8Array): FrameStamp | undefined {
  if (rbsp.length < SIZE || rbsp[OFFSET.payloadType] !== PAYLOAD_TYPE) return undefined;
  if (UUID.compare(rbsp, OFFSET.uuid, OFFSET.sentAtUs) !== 0) return undefined;
  return {
    sentAtUs: readU32(rbsp, OFFSET.sentAtUs) * U32 + readU32(rbsp, OFFSET.sentAtUs + 4),
    inputEvents: readU32(rbsp, OFFSET.inputEvents),
    rikeyid: readU32(rbsp, OFFSET.rikeyid),
  };
}
