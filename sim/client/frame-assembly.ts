/**
 * One video frame in the making: up to 4 FEC blocks, one after the other, each of data and parity shards in any
 * order, until enough of it is there.
 *
 * As strict as a real client: a packet of a later block ends the frame when the block before is not whole, and a
 * repaired packet must carry the flags of its place (SOF first and EOF last in every block), else it counts as
 * corrupt. Source: moonlight-common-c `RtpVideoQueue.c`, `VideoDepacketizer.c`.
 */
import { recoverVideoShards } from '../../core/protocol/rtp/reed-solomon.ts';
import {
  FRAME_HEADER_SIZE,
  parseFrameHeader,
  parseVideoPacket,
  restoreVideoPacketHeaders,
  VIDEO_FLAG,
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
  /** The packet that came first. */
  sibling: VideoPacket;
  received: number;
}

export class FrameAssembly {
  readonly frameIndex: number;
  /** RTP sequence number where the FEC block begins that came first: no later frame has a lower one. */
  readonly firstSequenceNumber: number;
  readonly #lastBlock: number;
  /** Of the whole blocks, in order; at most 4 times 255. */
  readonly #payloads: Uint8Array[] = [];
  #blockNumber = 0;
  #block: Block | undefined;
  #repairedPackets = 0;
  #isLost = false;

  /** @param packet the first one of the frame that came. */
  constructor(packet: VideoPacket) {
    this.frameIndex = packet.frameIndex;
    this.firstSequenceNumber = (packet.rtp.sequenceNumber - packet.shardIndex) & 0xffff;
    this.#lastBlock = packet.fecLastBlock;
  }

  /**
   * Takes one packet of this frame; duplicates, and what contradicts the packets before, are ignored.
   *
   * @returns the frame, once enough of it is there; `undefined` before, and for one without a header.
   */
  add(packet: VideoPacket, bytes: Uint8Array): AssembledFrame | undefined {
    if (packet.fecBlock > this.#blockNumber) this.#isLost = true;
    if (this.#isLost || packet.fecBlock !== this.#blockNumber) return undefined;
    const block = this.#take(packet, bytes);
    const data = block === undefined ? undefined : wholeData(block);
    if (block === undefined || data === undefined) return undefined;
    this.#repairedPackets += data.filter((_, index) => block.shards[index] === undefined).length;
    this.#payloads.push(...data.map((shard) => shard.subarray(VIDEO_HEADERS_SIZE)));
    this.#block = undefined;
    this.#blockNumber += 1;
    return this.#blockNumber > this.#lastBlock ? this.#strip() : undefined;
  }

  /** The block with the packet in it, or `undefined` if the packet changes nothing. */
  #take(packet: VideoPacket, bytes: Uint8Array): Block | undefined {
    const { dataShards, shardIndex, fecPercentage } = packet;
    const shardsCount = dataShards + Math.ceil((dataShards * fecPercentage) / 100);
    if (shardsCount > SHARDS_MAX || shardIndex >= shardsCount) return undefined;
    this.#block ??= { shards: Array.from({ length: shardsCount }), sibling: packet, received: 0 };
    const { shards, sibling } = this.#block;
    if (shards.length !== shardsCount || sibling.dataShards !== dataShards) return undefined;
    if (shards[shardIndex] !== undefined) return undefined;
    shards[shardIndex] = bytes;
    this.#block.received += 1;
    return this.#block;
  }

  /** Cuts the frame header off the first packet and the padding off the last. */
  #strip(): AssembledFrame | undefined {
    const [first] = this.#payloads;
    const header = first === undefined ? undefined : parseFrameHeader(first);
    if (header === undefined) return undefined;
    const last = this.#payloads.length - 1;
    const parts = this.#payloads.map((payload, index) => {
      const end = index === last && header.lastPacketLength > 0 ? header.lastPacketLength : payload.length;
      return payload.subarray(index === 0 ? FRAME_HEADER_SIZE : 0, end);
    });
    const { frameIndex } = this;
    return { frameIndex, header, annexB: Buffer.concat(parts), repairedPackets: this.#repairedPackets };
  }
}

/** All data shards of the block, received or repaired; `undefined` while too few came or a repaired one is corrupt. */
function wholeData({ shards, sibling, received }: Block): Uint8Array[] | undefined {
  const { dataShards } = sibling;
  const whole = [...shards];
  if (received < dataShards || !recoverVideoShards(whole, dataShards)) return undefined;
  const data = whole.slice(0, dataShards).filter((shard) => shard !== undefined);
  const isSound = data.every((shard, index) => {
    if (shards[index] !== undefined) return true;
    restoreVideoPacketHeaders(shard, sibling, index);
    return hasFlagsOfItsPlace(shard, { index, count: dataShards });
  });
  return isSound ? data : undefined;
}

function hasFlagsOfItsPlace(
  repaired: Uint8Array,
  { index, count }: { index: number; count: number },
): boolean {
  const flags = parseVideoPacket(repaired)?.flags ?? 0;
  const { SOF, EOF, PICTURE_DATA } = VIDEO_FLAG;
  const isFirst = index === 0;
  const isLast = index === count - 1;
  if ((flags & ~(SOF | EOF | PICTURE_DATA)) !== 0) return false;
  if (isFirst && (flags & SOF) === 0) return false;
  if (isLast && (flags & EOF) === 0) return false;
  return isFirst || isLast || (flags & PICTURE_DATA) !== 0;
}
