/**
 * Cuts frames into video packets with headers and parity, as Moonlight hosts do. Numbers only grow; encryption
 * and sending are others' work.
 *
 * Source: the recorded datagrams; Sunshine's and Wolf's arithmetic as far as those show it: parity is at least
 * minRequiredFecPackets, blocks of one frame are equally large, streamPacketIndex is the frame's first RTP number
 * plus the index of the data packet.
 */
import { encodeVideoParity, SHARDS_MAX } from '../../core/protocol/rtp/reed-solomon.ts';
import {
  FRAME_HEADER_SIZE,
  FRAME_TYPE,
  MULTI_FEC_FLAGS,
  VIDEO_FLAG,
  VIDEO_HEADERS_SIZE,
  writeFrameHeader,
  writeParityPacketHeaders,
  writeVideoPacketHeaders,
  type VideoPacketFields,
} from '../../core/protocol/rtp/video.ts';

const FEC_PERCENTAGE = 20;
const FEC_PERCENTAGE_MAX = 255;
const BLOCKS_MAX = 4;
const BLOCK_DATA_SHARDS_MAX = Math.floor((SHARDS_MAX * 100) / (100 + FEC_PERCENTAGE));
/** Recorded: 53 data shards in one block, 138 in three. */
const ONE_BLOCK_SHARDS_MAX = 90;
const LARGE_FRAME_BLOCKS = 3;
const STREAM_PACKET_INDEX_MASK = 0xff_ffff;
/** A video datagram has 16 bytes more than packetSize, of which 32 are headers. */
const DATAGRAM_OVERHEAD = 16;

/** What does not change during a stream. */
export interface VideoPacketizerOptions {
  /** Of ANNOUNCE; a packet has 16 bytes more. At least 64. */
  packetSize: number;
  minRequiredFecPackets: number;
  /** Clients expect 1. */
  firstFrameIndex: number;
  /**
   * Whether SOF and EOF are set at the edges of every FEC block, as Sunshine does, or only at the frame's, as Wolf
   * does. Clients take a repaired edge of a block for corrupt without them.
   */
  flagsEachBlock: boolean;
}

/** One frame, ready to be sent in this order. */
export interface PacketizedFrame {
  frameIndex: number;
  /** Each of packetSize + 16 bytes. */
  packets: Uint8Array[];
}

/** Packet numbers and frame numbers of one stream. */
export class VideoPacketizer {
  readonly #payloadSize: number;
  readonly #minParityShards: number;
  readonly #flagsEachBlock: boolean;
  #frameIndex: number;
  /** Packets so far; RTP sequenceNumber is its low 16 bits. */
  #packets = 0;

  constructor(options: VideoPacketizerOptions) {
    this.#payloadSize = options.packetSize + DATAGRAM_OVERHEAD - VIDEO_HEADERS_SIZE;
    this.#minParityShards = options.minRequiredFecPackets;
    this.#flagsEachBlock = options.flagsEachBlock;
    this.#frameIndex = options.firstFrameIndex;
  }

  /** Bytes of picture that the largest frame can have. */
  get capacityBytes(): number {
    return BLOCKS_MAX * BLOCK_DATA_SHARDS_MAX * this.#payloadSize - FRAME_HEADER_SIZE;
  }

  /**
   * Packets of the next frame.
   *
   * @param frame `annexB` are the parts of its picture, at most `capacityBytes` together; `timestamp` is RTP's,
   * 90 kHz.
   */
  packetize(frame: { annexB: readonly Uint8Array[]; isIdr: boolean; timestamp: number }): PacketizedFrame {
    const picture = this.#frame(frame.annexB, frame.isIdr);
    const dataShards = Math.ceil(picture.length / this.#payloadSize);
    const blockSize = Math.ceil(dataShards / wantedBlocks(dataShards));
    const blocks = Math.ceil(dataShards / blockSize);
    const frameIndex = this.#frameIndex;
    const firstPacket = this.#packets;
    const packets: Uint8Array[] = [];
    for (let block = 0; block < blocks; block++) {
      const from = block * blockSize;
      const to = Math.min(from + blockSize, dataShards);
      const template: VideoPacketFields = {
        rtp: { ...RTP_TEMPLATE, timestamp: frame.timestamp },
        streamPacketIndex: (firstPacket + from) & STREAM_PACKET_INDEX_MASK,
        frameIndex,
        flags: VIDEO_FLAG.PICTURE_DATA,
        extraFlags: 0,
        multiFecFlags: MULTI_FEC_FLAGS,
        fecBlock: block,
        fecLastBlock: blocks - 1,
        dataShards: to - from,
        shardIndex: 0,
        fecPercentage: fecPercentage(to - from, this.#minParityShards),
      };
      const isFlagged = {
        first: this.#flagsEachBlock || block === 0,
        last: this.#flagsEachBlock || to === dataShards,
      };
      packets.push(...this.#block(picture, { template, from, isFlagged }));
    }
    this.#frameIndex = (frameIndex + 1) >>> 0;
    return { frameIndex, packets };
  }

  #frame(annexB: readonly Uint8Array[], isIdr: boolean): Buffer {
    const header = new Uint8Array(FRAME_HEADER_SIZE);
    const picture = Buffer.concat([header, ...annexB]);
    const remainder = picture.length % this.#payloadSize;
    writeFrameHeader(picture, {
      hostLatencyTenthsMs: 0,
      frameType: isIdr ? FRAME_TYPE.IDR : FRAME_TYPE.P,
      lastPacketLength: remainder === 0 ? this.#payloadSize : remainder,
    });
    return picture;
  }

  #block(
    picture: Buffer,
    block: { template: VideoPacketFields; from: number; isFlagged: { first: boolean; last: boolean } },
  ): Uint8Array[] {
    const { template, from, isFlagged } = block;
    const { dataShards } = template;
    const data = Array.from({ length: dataShards }, (_, shardIndex) => {
      const packet = new Uint8Array(VIDEO_HEADERS_SIZE + this.#payloadSize);
      const start = (from + shardIndex) * this.#payloadSize;
      packet.set(picture.subarray(start, start + this.#payloadSize), VIDEO_HEADERS_SIZE);
      const isStart = isFlagged.first && shardIndex === 0;
      const isEnd = isFlagged.last && shardIndex === dataShards - 1;
      writeVideoPacketHeaders(packet, {
        ...this.#number(template, shardIndex),
        streamPacketIndex: (template.streamPacketIndex + shardIndex) & STREAM_PACKET_INDEX_MASK,
        flags: template.flags | (isStart ? VIDEO_FLAG.SOF : 0) | (isEnd ? VIDEO_FLAG.EOF : 0),
      });
      return packet;
    });
    const parity = encodeVideoParity(data, Math.ceil((dataShards * template.fecPercentage) / 100));
    for (const [index, packet] of parity.entries()) {
      writeParityPacketHeaders(packet, this.#number(template, dataShards + index));
    }
    return [...data, ...parity];
  }

  #number(template: VideoPacketFields, shardIndex: number): VideoPacketFields {
    const sequenceNumber = this.#packets & 0xffff;
    this.#packets += 1;
    return { ...template, rtp: { ...template.rtp, sequenceNumber }, shardIndex };
  }
}

const RTP_TEMPLATE = {
  hasExtension: true,
  marker: false,
  payloadType: 0,
  sequenceNumber: 0,
  timestamp: 0,
  ssrc: 0,
} as const;

function wantedBlocks(dataShards: number): number {
  if (dataShards <= ONE_BLOCK_SHARDS_MAX) return 1;
  return Math.max(LARGE_FRAME_BLOCKS, Math.ceil(dataShards / BLOCK_DATA_SHARDS_MAX));
}

/** The usual percentage, or what makes at least `minParityShards` of few data shards, as far as a block holds them. */
function fecPercentage(dataShards: number, minParityShards: number): number {
  const usual = Math.ceil((dataShards * FEC_PERCENTAGE) / 100);
  if (usual >= minParityShards) return FEC_PERCENTAGE;
  const wanted = Math.floor((minParityShards * 100) / dataShards);
  const room = Math.floor(((SHARDS_MAX - dataShards) * 100) / dataShards);
  return Math.min(FEC_PERCENTAGE_MAX, wanted, room);
}
