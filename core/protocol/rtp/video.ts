/**
 * Headers of a video datagram: RTP, 4 reserved bytes, NV_VIDEO_PACKET, and before a frame's picture data the
 * frame header. RTP is big-endian, the others are little-endian.
 *
 * Source: moonlight-common-c `Video.h` (`NV_VIDEO_PACKET`, `RTP_PACKET`), `RtpVideoQueue.c`,
 * `VideoDepacketizer.c`.
 *
 *   offset  size  field
 *   0       12    RTP header, 0x90 as its first byte
 *   12      4     reserved, 0
 *   16      4     streamPacketIndex << 8
 *   20      4     frameIndex
 *   24      1     flags: 1 picture data, 2 end of frame, 4 start of frame
 *   25      1     extraFlags: 1 long-term reference
 *   26      1     multiFecFlags, 0x10
 *   27      1     FEC block of this packet << 4 | last FEC block of the frame << 6
 *   28      4     data shards << 22 | shard index << 12 | FEC percentage << 4
 *   32            payload; a frame's first packet starts it with the frame header
 *
 *   frame header, from its start
 *   0       1     0x01
 *   1       2     host latency, 0.1 ms
 *   3       1     frame type
 *   4       2     length of the payload of the frame's last packet
 *   6       2     0
 */
import { readU16, readU16LE, readU32LE, writeU16, writeU16LE, writeU32, writeU32LE } from '../bytes.ts';
import { parseRtpHeader, writeRtpHeader, type RtpHeader } from './header.ts';

const OFFSET = {
  reserved: 12,
  streamPacketIndex: 16,
  frameIndex: 20,
  flags: 24,
  multiFec: 26,
  fecInfo: 28,
} as const;
const FRAME_OFFSET = {
  headerType: 0,
  latency: 1,
  typeAfterLatency: 2,
  lastPacketLength: 4,
  zero: 6,
} as const;
const FRAME_HEADER_TYPE = 0x01;

/** Bytes before the payload of a video packet. */
export const VIDEO_HEADERS_SIZE = 32;

/** Bytes of the frame header. */
export const FRAME_HEADER_SIZE = 8;

/** Bits of `VideoPacket.flags`. */
export const VIDEO_FLAG = { PICTURE_DATA: 1, EOF: 2, SOF: 4 } as const;

/** `multiFecFlags` of every packet seen so far. */
export const MULTI_FEC_FLAGS = 0x10;

/** Values of `FrameHeader.frameType`. Source: moonlight-common-c `VideoDepacketizer.c`. */
export const FRAME_TYPE = {
  P: 1,
  IDR: 2,
  INTRA_REFRESH: 4,
  /** A P-frame that refers to no frame the client has reported as lost. */
  P_AFTER_INVALIDATION: 5,
  /** Any frame of a host that does not tell. */
  UNKNOWN: 104,
} as const;

/** The headers of one unencrypted video packet. */
export interface VideoPacket {
  rtp: RtpHeader;
  /** 24 bits, counted per stream. */
  streamPacketIndex: number;
  /** Unsigned 32 bits; clients expect the first frame to be 1. */
  frameIndex: number;
  /** `VIDEO_FLAG` bits. */
  flags: number;
  extraFlags: number;
  multiFecFlags: number;
  /** FEC block of this packet and last one of the frame, 0..3. */
  fecBlock: number;
  fecLastBlock: number;
  /** Data shards of this FEC block, 0..1023; a real host has at most 255 shards in all. */
  dataShards: number;
  /** Place of this packet in its FEC block: data shards first, then parity. */
  shardIndex: number;
  /** 0..255; parity shards = ceil(dataShards * fecPercentage / 100). */
  fecPercentage: number;
  /** Whether this is a parity shard; then streamPacketIndex, flags and extraFlags mean nothing. */
  isParity: boolean;
  /** Where the payload starts in the packet: 32. */
  payloadOffset: typeof VIDEO_HEADERS_SIZE;
}

/** What `writeVideoPacketHeaders` needs: the fields that are not derived from others. */
export type VideoPacketFields = Omit<VideoPacket, 'isParity' | 'payloadOffset'>;

/**
 * Decodes the headers of an unencrypted video packet. Never throws.
 *
 * @returns `undefined` if it is too short, or no RTP packet with the 4 reserved bytes.
 */
export function parseVideoPacket(datagram: Uint8Array): VideoPacket | undefined {
  if (datagram.length < VIDEO_HEADERS_SIZE) return undefined;
  const rtp = parseRtpHeader(datagram);
  if (rtp?.hasExtension !== true) return undefined;

  const flags = readU16LE(datagram, OFFSET.flags);
  const multiFec = readU16LE(datagram, OFFSET.multiFec);
  const fecInfo = readU32LE(datagram, OFFSET.fecInfo);
  const dataShards = fecInfo >>> 22;
  const shardIndex = (fecInfo >>> 12) & 0x3ff;
  return {
    rtp,
    streamPacketIndex: readU32LE(datagram, OFFSET.streamPacketIndex) >>> 8,
    frameIndex: readU32LE(datagram, OFFSET.frameIndex),
    flags: flags & 0xff,
    extraFlags: flags >>> 8,
    multiFecFlags: multiFec & 0xff,
    fecBlock: (multiFec >>> 12) & 0x3,
    fecLastBlock: multiFec >>> 14,
    dataShards,
    shardIndex,
    fecPercentage: (fecInfo >>> 4) & 0xff,
    isParity: shardIndex >= dataShards,
    payloadOffset: VIDEO_HEADERS_SIZE,
  };
}

/**
 * Encodes all headers of a data packet over the first 32 bytes of `target`. For a parity packet use
 * `writeParityPacketHeaders`: this one destroys what a receiver needs to recover flags and streamPacketIndex.
 */
export function writeVideoPacketHeaders(target: Uint8Array, packet: VideoPacketFields): void {
  writeU32(target, OFFSET.reserved, 0);
  writeU32LE(target, OFFSET.streamPacketIndex, packet.streamPacketIndex << 8);
  writeU16LE(target, OFFSET.flags, (packet.extraFlags << 8) | packet.flags);
  writeParityPacketHeaders(target, packet);
}

/**
 * Encodes the headers of a parity packet over its Reed-Solomon output: RTP, frameIndex and the FEC fields.
 * streamPacketIndex, flags, extraFlags and the reserved bytes stay as computed, since a receiver recovers those
 * of lost data packets from them.
 */
export function writeParityPacketHeaders(
  target: Uint8Array,
  packet: Omit<VideoPacketFields, 'streamPacketIndex' | 'flags' | 'extraFlags'>,
): void {
  writeRtpHeader(target, packet.rtp);
  writeU32LE(target, OFFSET.frameIndex, packet.frameIndex);
  writeU16LE(
    target,
    OFFSET.multiFec,
    packet.multiFecFlags | (packet.fecBlock << 12) | (packet.fecLastBlock << 14),
  );
  writeU32LE(
    target,
    OFFSET.fecInfo,
    (packet.dataShards << 22) | (packet.shardIndex << 12) | (packet.fecPercentage << 4),
  );
}

/**
 * Completes a data packet that was recovered from parity: what `writeParityPacketHeaders` had overwritten is
 * taken from `sibling`, any packet received of the same FEC block.
 *
 * @param recovered - the packet as recovered, at least 32 bytes
 * @param shardIndex - its place in the block, 0..dataShards-1
 */
export function restoreVideoPacketHeaders(
  recovered: Uint8Array,
  sibling: VideoPacket,
  shardIndex: number,
): void {
  const sequenceNumber = (sibling.rtp.sequenceNumber - sibling.shardIndex + shardIndex) & 0xffff;
  writeParityPacketHeaders(recovered, { ...sibling, rtp: { ...sibling.rtp, sequenceNumber }, shardIndex });
}

/** frameIndex of an unencrypted video packet, or -1 if it is too short. For the hot path: no allocation. */
export function readFrameIndex(datagram: Uint8Array): number {
  return datagram.length < VIDEO_HEADERS_SIZE ? -1 : readU32LE(datagram, OFFSET.frameIndex);
}

/** The header before the picture data of a frame. */
export interface FrameHeader {
  /** Time between capture and sending at the host, units of 0.1 ms, 0..0xffff; 0: not told. */
  hostLatencyTenthsMs: number;
  /** See `FRAME_TYPE`. */
  frameType: number;
  /** Bytes of payload in the frame's last data packet, 0..0xffff; what follows them there is padding. */
  lastPacketLength: number;
}

/**
 * Decodes the frame header at the start of `bytes`, the payload of a packet flagged SOF in FEC block 0.
 *
 * @returns `undefined` if it is too short, or of another kind (first byte not 0x01).
 */
export function parseFrameHeader(bytes: Uint8Array): FrameHeader | undefined {
  if (bytes.length < FRAME_HEADER_SIZE) return undefined;
  if (readU16(bytes, FRAME_OFFSET.headerType) >>> 8 !== FRAME_HEADER_TYPE) return undefined;
  return {
    hostLatencyTenthsMs: readU16LE(bytes, FRAME_OFFSET.latency),
    frameType: readU16(bytes, FRAME_OFFSET.typeAfterLatency) & 0xff,
    lastPacketLength: readU16LE(bytes, FRAME_OFFSET.lastPacketLength),
  };
}

/** Encodes `header` over the first 8 bytes of `target`. */
export function writeFrameHeader(target: Uint8Array, header: FrameHeader): void {
  const { hostLatencyTenthsMs, frameType, lastPacketLength } = header;
  writeU16(target, FRAME_OFFSET.headerType, (FRAME_HEADER_TYPE << 8) | (hostLatencyTenthsMs & 0xff));
  writeU16(target, FRAME_OFFSET.typeAfterLatency, (hostLatencyTenthsMs & 0xff00) | frameType);
  writeU16LE(target, FRAME_OFFSET.lastPacketLength, lastPacketLength);
  writeU16(target, FRAME_OFFSET.zero, 0);
}

export { readEncryptedFrameNumber } from './video-encryption.ts';
