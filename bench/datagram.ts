/**
 * The bench's datagrams: video packets as a host sends them, 1200 bytes, with the time of sending in the payload.
 *
 *   offset  size  field
 *   0       32    RTP header and NV_VIDEO_PACKET
 *   32      8     frame header, in the first packet of a frame
 *   40      8     time of sending, ns of the machine's monotonic clock, IEEE 754 double, big-endian
 *   48            zeros
 */
import { FRAME_TYPE, MULTI_FEC_FLAGS, VIDEO_FLAG } from '../core/protocol/rtp/video.ts';
import { VIDEO_HEADERS_SIZE, writeFrameHeader, writeVideoPacketHeaders } from '../core/protocol/rtp/video.ts';

/** Bytes of UDP payload. */
export const DATAGRAM_SIZE = 1200;
/** Packets of one frame: 20 of them at 60 frames per second are 11.5 Mbit/s. */
const PACKETS_PER_FRAME = 20;
const SENT_AT = 40;
/** 60 frames per second on the RTP clock of 90 kHz. */
const TIMESTAMP_STEP = 1500;

/** Writes packet `index` (from 0) of one flow over all headers of `target`; frames count from 1. */
export function writeVideoDatagram(target: Buffer, index: number, ssrc: number): void {
  const frame = Math.floor(index / PACKETS_PER_FRAME);
  const shardIndex = index % PACKETS_PER_FRAME;
  const isFirst = shardIndex === 0;
  const isLast = shardIndex === PACKETS_PER_FRAME - 1;
  writeVideoPacketHeaders(target, {
    rtp: {
      hasExtension: true,
      marker: false,
      payloadType: 0,
      sequenceNumber: index & 0xffff,
      timestamp: (frame * TIMESTAMP_STEP) >>> 0,
      ssrc,
    },
    streamPacketIndex: index & 0xff_ffff,
    frameIndex: frame + 1,
    flags: VIDEO_FLAG.PICTURE_DATA | (isFirst ? VIDEO_FLAG.SOF : 0) | (isLast ? VIDEO_FLAG.EOF : 0),
    extraFlags: 0,
    multiFecFlags: MULTI_FEC_FLAGS,
    fecBlock: 0,
    fecLastBlock: 0,
    dataShards: PACKETS_PER_FRAME,
    shardIndex,
    fecPercentage: 0,
  });
  if (!isFirst) return;
  writeFrameHeader(target.subarray(VIDEO_HEADERS_SIZE), {
    hostLatencyTenthsMs: 0,
    frameType: frame === 0 ? FRAME_TYPE.IDR : FRAME_TYPE.P,
    lastPacketLength: DATAGRAM_SIZE - VIDEO_HEADERS_SIZE,
  });
}

/** Stamps the time of sending, ns. */
export function writeSentAt(target: Buffer, sentAtNs: number): void {
  target.writeDoubleBE(sentAtNs, SENT_AT);
}

/** The time of sending, ns, of a datagram of the bench that begins at `start`. */
export function readSentAt(bytes: Buffer, start = 0): number {
  return bytes.readDoubleBE(start + SENT_AT);
}
