import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recoverVideoShards } from '../../core/protocol/rtp/reed-solomon.ts';
import {
  FRAME_TYPE,
  parseFrameHeader,
  parseVideoPacket,
  restoreVideoPacketHeaders,
  VIDEO_FLAG,
  type VideoPacket,
} from '../../core/protocol/rtp/video.ts';
import { hex } from '../../test/support/captures.ts';
import { readMediaSession } from '../../test/support/media-captures.ts';
import { VideoPacketizer } from './packetizer.ts';

const OPTIONS = { packetSize: 1392, minRequiredFecPackets: 2, firstFrameIndex: 1, flagsEachBlock: true };

function parse(packet: Uint8Array): VideoPacket {
  const parsed = parseVideoPacket(packet);
  if (parsed === undefined) throw new Error('not a video packet');
  return parsed;
}

/** Picture of a frame out of its data packets, in order. */
function pictureOf(packets: Uint8Array[]): Buffer {
  const payloads = packets.filter((packet) => !parse(packet).isParity).map((packet) => packet.subarray(32));
  const [first] = payloads;
  const header = first && parseFrameHeader(first);
  const last = payloads.pop()?.subarray(0, header?.lastPacketLength);
  return Buffer.concat([...payloads, ...(last ? [last] : [])]).subarray(8);
}

describe('VideoPacketizer', () => {
  it.each([
    { name: 'wolf10mbit', frames: 11 },
    { name: 'wolf20mbit', frames: 1 },
  ])('makes the recorded datagrams of $frames frames out of their pictures: $name', ({ name, frames }) => {
    const recorded = readMediaSession(name).video.map(({ hex: text }) => hex(text));
    const packetizer = new VideoPacketizer({ ...OPTIONS, firstFrameIndex: 0, flagsEachBlock: false });
    for (let frame = 0; frame < frames; frame++) {
      const own = recorded.filter((packet) => parse(packet).frameIndex === frame);
      const isIdr = parseFrameHeader(own[0]?.subarray(32) ?? new Uint8Array())?.frameType === FRAME_TYPE.IDR;
      const { packets } = packetizer.packetize({ annexB: [pictureOf(own)], isIdr, timestamp: 0 });
      expect(packets).toHaveLength(own.length);
      for (const [index, packet] of packets.entries()) {
        const text = Buffer.from(packet).toString('hex');
        expect(text, `frame ${frame} packet ${index}`).toBe(Buffer.from(own[index] ?? []).toString('hex'));
      }
    }
  });

  it('gives back every frame after as many losses as it has parity, in any block', () => {
    const sizes = fc.integer({ min: 1, max: 120_000 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 3 }), fc.boolean(), (size, minimum, isIdr) => {
        const picture = Buffer.alloc(size, 'picture');
        const packetizer = new VideoPacketizer({
          ...OPTIONS,
          packetSize: 256,
          minRequiredFecPackets: minimum,
        });
        const { packets, frameIndex } = packetizer.packetize({ annexB: [picture], isIdr, timestamp: 5 });
        expect(frameIndex).toBe(1);
        expect(parseFrameHeader(packets[0]?.subarray(32) ?? new Uint8Array())?.frameType).toBe(
          isIdr ? FRAME_TYPE.IDR : FRAME_TYPE.P,
        );
        expect(pictureOf(recoverAll(packets, minimum))).toEqual(picture);
      }),
      { numRuns: 30 },
    );
  });

  it('counts frames and packets on, modulo their fields', () => {
    const packetizer = new VideoPacketizer({ ...OPTIONS, packetSize: 64, firstFrameIndex: 0xffff_ffff });
    const annexB = [new Uint8Array(48 * 600)];
    let expected = 0;
    for (let frame = 0; frame < 100; frame++) {
      const { packets } = packetizer.packetize({ annexB, isIdr: false, timestamp: 0 });
      for (const packet of packets) {
        expect(parse(packet).rtp.sequenceNumber).toBe(expected);
        expected = (expected + 1) & 0xffff;
      }
      const parsed = packets.map(parse);
      expect(parsed[0]?.frameIndex).toBe((0xffff_ffff + frame) >>> 0);
      const indexes = parsed.filter(({ isParity }) => !isParity).map((packet) => packet.streamPacketIndex);
      expect(indexes).toEqual(indexes.map((_, index) => ((indexes[0] ?? 0) + index) & 0xff_ffff));
    }
  });

  it('keeps within four blocks of 255 shards at its capacity, and whatever parity a client asks for', () => {
    for (const minRequiredFecPackets of [2, 0xffff_ffff]) {
      const packetizer = new VideoPacketizer({ ...OPTIONS, packetSize: 64, minRequiredFecPackets });
      for (const size of [packetizer.capacityBytes, 1]) {
        const { packets } = packetizer.packetize({
          annexB: [new Uint8Array(size)],
          isIdr: false,
          timestamp: 0,
        });
        for (const packet of packets) {
          const { fecBlock, shardIndex, fecPercentage, dataShards } = parse(packet);
          expect(fecBlock).toBeLessThan(4);
          expect(shardIndex).toBeLessThan(255);
          expect(dataShards + Math.ceil((dataShards * fecPercentage) / 100)).toBeLessThanOrEqual(255);
        }
      }
    }
  });

  it.each([
    { name: 'each block', flagsEachBlock: true, starts: [0, 167, 334], ends: [166, 333, 500] },
    { name: 'the frame only', flagsEachBlock: false, starts: [0], ends: [500] },
  ])('marks the first and the last data packet of $name', ({ flagsEachBlock, starts, ends }) => {
    const packetizer = new VideoPacketizer({ ...OPTIONS, packetSize: 64, flagsEachBlock });
    const annexB = [new Uint8Array(48 * 500)];
    const { packets } = packetizer.packetize({ annexB, isIdr: true, timestamp: 0 });
    const data = packets.map(parse).filter(({ isParity }) => !isParity);
    const flagged = (flag: number) =>
      data.flatMap(({ flags }, index) => ((flags & flag) === 0 ? [] : [index]));
    expect(flagged(VIDEO_FLAG.SOF)).toEqual(starts);
    expect(flagged(VIDEO_FLAG.EOF)).toEqual(ends);
    expect(new Set(data.map(({ fecBlock }) => fecBlock))).toEqual(new Set([0, 1, 2]));
  });
});

/** Loses as many packets of each block as it has parity, data first, and recovers them. */
function recoverAll(packets: Uint8Array[], minimum: number): Uint8Array[] {
  const last = packets[0] ? parse(packets[0]).fecLastBlock : 0;
  return Array.from({ length: last + 1 }, (_, block) => {
    const own = packets.filter((packet) => parse(packet).fecBlock === block);
    const dataShards = own[0] ? parse(own[0]).dataShards : 0;
    const losses = own.length - dataShards;
    expect(losses).toBeGreaterThanOrEqual(minimum);
    const shards = own.map((packet, index) => (index < losses ? undefined : packet));
    const sibling = own.at(-1);
    expect(recoverVideoShards(shards, dataShards)).toBe(true);
    return shards.slice(0, dataShards).map((shard, index) => {
      if (shard === undefined || sibling === undefined) throw new Error('not recovered');
      if (index < losses) restoreVideoPacketHeaders(shard, parse(sibling), index);
      expect(Buffer.from(shard).equals(own[index] ?? new Uint8Array())).toBe(true);
      return shard;
    });
  }).flat();
}
