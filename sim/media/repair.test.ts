/** What the simulated host's frames, and a real host's, bear: judged by a receiver as strict as a real client. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseVideoPacket, VIDEO_HEADERS_SIZE, type VideoPacket } from '../../core/protocol/rtp/video.ts';
import { hex } from '../../test/support/captures.ts';
import { readMediaSession } from '../../test/support/media-captures.ts';
import { FrameAssembly, type AssembledFrame } from '../client/frame-assembly.ts';
import { VideoPacketizer } from './packetizer.ts';

const PACKET_SIZE = 64;
const PAYLOAD_SIZE = PACKET_SIZE + 16 - VIDEO_HEADERS_SIZE;
const FRAME_HEADER_SIZE = 8;
/** Exhaustive up to so many packets of a frame: 512 subsets. */
const SHARDS_OF_SMALL = 9;

function parse(packet: Uint8Array): VideoPacket {
  const parsed = parseVideoPacket(packet);
  if (parsed === undefined) throw new Error('not a video packet');
  return parsed;
}

/** The frame as a client sees it that receives `packets` alone, in this order. */
function receive(packets: readonly Uint8Array[]): AssembledFrame | undefined {
  const [first] = packets;
  if (first === undefined) return undefined;
  const assembly = new FrameAssembly(parse(first));
  return packets.reduce<AssembledFrame | undefined>(
    (frame, packet) => frame ?? assembly.add(parse(packet), packet),
    undefined,
  );
}

/** Every choice of some of the packets, in order; the first is none, the last is all. */
function subsetsOf(packets: readonly Uint8Array[]): Uint8Array[][] {
  return Array.from({ length: 2 ** packets.length }, (_, bits) =>
    packets.filter((_packet, index) => ((bits >> index) & 1) === 1),
  );
}

function makeFrame(
  pictureBytes: number,
  options: { minRequiredFecPackets: number; flagsEachBlock?: boolean },
) {
  const picture = Buffer.from(Array.from({ length: pictureBytes }, (_, index) => (index * 7 + 1) & 0xff));
  const packetizer = new VideoPacketizer({
    packetSize: PACKET_SIZE,
    firstFrameIndex: 1,
    flagsEachBlock: true,
    ...options,
  });
  return { picture, ...packetizer.packetize({ annexB: [picture], isIdr: true, timestamp: 9 }) };
}

/** Bytes of picture that make so many data packets, with `unused` bytes of padding in the last. */
const bytesOf = (dataShards: number, unused: number) =>
  dataShards * PAYLOAD_SIZE - FRAME_HEADER_SIZE - unused;

describe('a frame of one FEC block', () => {
  const small = [1, 2, 3, 4, 5, 6].flatMap((dataShards) =>
    [0, 1, 2, 3].flatMap((minRequiredFecPackets) =>
      [0, 1, PAYLOAD_SIZE - FRAME_HEADER_SIZE - 1].map((unused) => ({
        dataShards,
        minRequiredFecPackets,
        unused,
      })),
    ),
  );

  it.each(small)(
    '$dataShards data packets, at least $minRequiredFecPackets parity, $unused bytes of padding: comes of any $dataShards packets, and of no fewer',
    ({ dataShards, minRequiredFecPackets, unused }) => {
      const { packets, picture } = makeFrame(bytesOf(dataShards, unused), { minRequiredFecPackets });
      expect(packets.filter((packet) => !parse(packet).isParity)).toHaveLength(dataShards);
      expect(packets.length).toBeGreaterThanOrEqual(dataShards + minRequiredFecPackets);
      expect(packets.length).toBeLessThanOrEqual(SHARDS_OF_SMALL);
      for (const subset of subsetsOf(packets)) {
        const annexB = receive(subset)?.annexB;
        if (subset.length < dataShards) expect(annexB).toBeUndefined();
        else expect(picture.equals(annexB ?? new Uint8Array()), `${subset.length} packets`).toBe(true);
      }
    },
  );
});

describe('a frame of several FEC blocks', () => {
  const losses = fc.array(fc.nat({ max: 9999 }), { minLength: 0, maxLength: 140 });

  it('comes exactly when each block has as many packets as it has data packets', () => {
    fc.assert(
      fc.property(fc.integer({ min: 91, max: 500 }), fc.nat({ max: 39 }), losses, (count, unused, lost) => {
        const { packets, picture } = makeFrame(bytesOf(count, unused), { minRequiredFecPackets: 2 });
        const gone = new Set(lost.map((draw) => draw % packets.length));
        const rest = packets.filter((_, index) => !gone.has(index));
        const blocks = Array.from(
          { length: parse(packets[0] ?? new Uint8Array()).fecLastBlock + 1 },
          (_, block) => rest.map(parse).filter(({ fecBlock }) => fecBlock === block),
        );
        const isEnough = blocks.every((block) => block.length >= (block[0]?.dataShards ?? 1));
        const annexB = receive(rest)?.annexB;
        expect(annexB === undefined ? undefined : Buffer.from(annexB).equals(picture)).toBe(
          isEnough ? true : undefined,
        );
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    { flagsEachBlock: true, whole: 6 },
    { flagsEachBlock: false, whole: 2 },
  ])(
    'has $whole edges of 6 that can be repaired, flags at each block: $flagsEachBlock',
    ({ whole, ...flags }) => {
      const { packets } = makeFrame(bytesOf(99, 0), { minRequiredFecPackets: 2, ...flags });
      const edges = packets.filter((packet) => {
        const { shardIndex, dataShards } = parse(packet);
        return shardIndex === 0 || shardIndex === dataShards - 1;
      });
      expect(edges).toHaveLength(6);
      const repaired = edges.filter(
        (edge) => receive(packets.filter((packet) => packet !== edge)) !== undefined,
      );
      expect(repaired).toHaveLength(whole);
    },
  );
});

describe('the recorded frames of a real host', () => {
  const frames = new Map<number, Uint8Array[]>();
  for (const { hex: text } of readMediaSession('wolf10mbit').video) {
    const packet = hex(text);
    const { frameIndex } = parse(packet);
    frames.set(frameIndex, [...(frames.get(frameIndex) ?? []), packet]);
  }
  const isWhole = ([first, ...more]: Uint8Array[]) => {
    const { dataShards, fecPercentage } = parse(first ?? new Uint8Array());
    return more.length + 1 === dataShards + Math.ceil((dataShards * fecPercentage) / 100);
  };
  const small = [...frames]
    .filter(([, packets]) => packets.length <= SHARDS_OF_SMALL && isWhole(packets))
    .map(([frameIndex, packets]) => ({
      frameIndex,
      packets,
      dataShards: parse(packets[0] ?? new Uint8Array()).dataShards,
    }));

  it('are there', () => {
    expect(small.length).toBeGreaterThan(8);
  });

  it.each(small)('frame $frameIndex comes of any $dataShards of its packets', ({ packets, dataShards }) => {
    const whole = receive(packets)?.annexB;
    expect(whole).toBeDefined();
    for (const subset of subsetsOf(packets)) {
      expect(receive(subset)?.annexB).toEqual(subset.length < dataShards ? undefined : whole);
    }
  });
});
