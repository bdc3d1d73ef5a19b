/**
 * One video frame in the making: up to 4 FEC blocks of data and parity shards, in any order, until enough of
 * each block is there. Source: moonlight-common-c `RtpVideoQueue.c`, `VideoDepacketizer.c`.
 */
import { recoverVideoShards } from '../../core/protocol/rtp/reed-solomon.ts';
import {
  FRAME_HEADER_SIZE,
  parseFrameHeader,
  VIDEO_HEADERS_SIZE,
  type FrameHeader,
  type VideoPacket,
} from '../../core/protocol/rtp/video.ts';

const SHARDS_MAX = 255;

/** A whole frame. */
export interface AssembledFrame {
  frameIndex: number;
  header: FrameHeader;
  /** The encoder's bytes, without headers and padding. */
  annexB: Uint8Array;
  /** Packets that were lost and computed from parity. */
  repairedPackets: number;
}

interface Block {
  /** Data, then parity; at most 255. */
  shards: (Uint8Array | undefined)[];
  dataShards: number;
  received: number;
}

export class FrameAssembly {
  readonly frameIndex: number;
  /** RTP sequence number where the FEC block begins that came first: no later frame has a lower one. */
  readonly firstSequenceNumber: number;
  readonly #lastBlock: number;
  /** By number, at most 4. */
  readonly #blocks = new Map<number, Block>();

  /** @param packet any packet of the frame. */
  constructor(packet: VideoPacket) {
    this.frameIndex = packet.frameIndex;
    this.firstSequenceNumber = (packet.rtp.sequenceNumber - packet.shardIndex) & 0xffff;
    this.#lastBlock = packet.fecLastBlock;
  }

  /** Takes one packet of this frame; duplicates, and what contradicts the packets before, are ignored. */
  add(packet: VideoPacket, bytes: Uint8Array): void {
    const { fecBlock, dataShards, shardIndex, fecPercentage } = packet;
    const shardsCount = dataShards + Math.ceil((dataShards * fecPercentage) / 100);
    if (shardsCount > SHARDS_MAX || shardIndex >= shardsCount || fecBlock > this.#lastBlock) return;
    let block = this.#blocks.get(fecBlock);
    if (block === undefined) {
      block = { shards: Array.from({ length: shardsCount }), dataShards, received: 0 };
      this.#blocks.set(fecBlock, block);
    }
    if (block.shards.length !== shardsCount || block.dataShards !== dataShards) return;
    if (block.shards[shardIndex] !== undefined) return;
    block.shards[shardIndex] = bytes;
    block.received += 1;
  }

  /** The frame, once enough of it is there; `undefined` before, and for one without a header. */
  complete(): AssembledFrame | undefined {
    const isComplete = Array.from({ length: this.#lastBlock + 1 }, (_, number) =>
      this.#blocks.get(number),
    ).every((block) => block !== undefined && block.received >= block.dataShards);
    return isComplete ? this.#join() : undefined;
  }

  #join(): AssembledFrame | undefined {
    let repairedPackets = 0;
    const payloads: Uint8Array[] = [];
    for (let number = 0; number <= this.#lastBlock; number++) {
      const block = this.#blocks.get(number);
      if (block === undefined) return undefined;
      const missing = block.shards.slice(0, block.dataShards).filter((shard) => shard === undefined).length;
      if (missing > 0 && !recoverVideoShards(block.shards, block.dataShards)) return undefined;
      repairedPackets += missing;
      for (const shard of block.shards.slice(0, block.dataShards)) {
        if (shard !== undefined) payloads.push(shard.subarray(VIDEO_HEADERS_SIZE));
      }
    }
    return this.#strip(payloads, repairedPackets);
  }

  /** Cuts the frame header off the first packet and the padding off the last. */
  #strip(payloads: Uint8Array[], repairedPackets: number): AssembledFrame | undefined {
    const [first] = payloads;
    const header = first === undefined ? undefined : parseFrameHeader(first);
    if (first === undefined || header === undefined) return undefined;
    const last = payloads.length - 1;
    const parts = payloads.map((payload, index) => {
      const end = index === last && header.lastPacketLength > 0 ? header.lastPacketLength : payload.length;
      return payload.subarray(index === 0 ? FRAME_HEADER_SIZE : 0, end);
    });
    return { frameIndex: this.frameIndex, header, annexB: Buffer.concat(parts), repairedPackets };
  }
}
