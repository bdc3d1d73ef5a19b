/**
 * The RTP header of video and audio datagrams, as Moonlight hosts write it: version 2, no padding, no
 * contributing sources. Integers are big-endian.
 *
 * Source: RFC 3550 section 5.1; moonlight-common-c `Video.h` (`RTP_PACKET`).
 *
 *   offset  size  field
 *   0       1     0x80, or 0x90 when 4 reserved bytes follow the header (video)
 *   1       1     marker 0x80, payloadType 0x7f
 *   2       2     sequenceNumber
 *   4       4     timestamp
 *   8       4     ssrc
 */
import { readU16, readU32, writeU16, writeU32 } from '../bytes.ts';

const OFFSET = { first: 0, sequenceNumber: 2, timestamp: 4, ssrc: 8 } as const;

const VERSION_2 = 0x80;
const FLAG_EXTENSION = 0x10;
const FLAG_MARKER = 0x80;
const PAYLOAD_TYPE_MASK = 0x7f;

/** Bytes of an RTP header. */
export const RTP_HEADER_SIZE = 12;

/** Every field of the header, decoded. */
export interface RtpHeader {
  /** Whether 4 reserved bytes follow the header, as in video. */
  hasExtension: boolean;
  marker: boolean;
  /** 0..0x7f. */
  payloadType: number;
  /** 0..0xffff, modulo 2^16. */
  sequenceNumber: number;
  /** 0..2^32-1, units of the stream. */
  timestamp: number;
  /** 0..2^32-1; Moonlight's hosts leave it 0. */
  ssrc: number;
}

/**
 * Decodes the header of a media datagram. Never throws.
 *
 * @returns `undefined` if the datagram is too short, or its first byte is neither 0x80 nor 0x90.
 */
export function parseRtpHeader(datagram: Uint8Array): RtpHeader | undefined {
  if (datagram.length < RTP_HEADER_SIZE) return undefined;
  const word = readU16(datagram, OFFSET.first);
  const first = word >>> 8;
  if ((first & ~FLAG_EXTENSION) !== VERSION_2) return undefined;
  return {
    hasExtension: (first & FLAG_EXTENSION) !== 0,
    marker: (word & FLAG_MARKER) !== 0,
    payloadType: word & PAYLOAD_TYPE_MASK,
    sequenceNumber: readU16(datagram, OFFSET.sequenceNumber),
    timestamp: readU32(datagram, OFFSET.timestamp),
    ssrc: readU32(datagram, OFFSET.ssrc),
  };
}

/**
 * Encodes `header` at the start of `target`, which the caller owns and which has room for 12 bytes.
 *
 * @returns the number of bytes written, 12.
 */
export function writeRtpHeader(target: Uint8Array, header: RtpHeader): number {
  const first = VERSION_2 | (header.hasExtension ? FLAG_EXTENSION : 0);
  const second = (header.marker ? FLAG_MARKER : 0) | header.payloadType;
  writeU16(target, OFFSET.first, (first << 8) | second);
  writeU16(target, OFFSET.sequenceNumber, header.sequenceNumber);
  writeU32(target, OFFSET.timestamp, header.timestamp);
  writeU32(target, OFFSET.ssrc, header.ssrc);
  return RTP_HEADER_SIZE;
}

/** The RTP sequence number, 0..0xffff, or -1 if the datagram is too short. For the hot path: no allocation. */
export function readRtpSequenceNumber(datagram: Uint8Array): number {
  if (datagram.length < RTP_HEADER_SIZE) return -1;
  return readU16(datagram, OFFSET.sequenceNumber);
}
