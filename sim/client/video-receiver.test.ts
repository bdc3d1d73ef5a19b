import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { encodeVideoParity } from '../../core/protocol/rtp/reed-solomon.ts';
import {
  FRAME_TYPE,
  parseVideoPacket,
  VIDEO_FLAG,
  VIDEO_HEADERS_SIZE,
  writeFrameHeader,
  writeParityPacketHeaders,
  writeVideoPacketHeaders,
} from '../../core/protocol/rtp/video.ts';
import { FrameAssembly, type AssembledFrame } from './frame-assembly.ts';
import { VideoReceiver } from './video-receiver.ts';

const Stream = z.object({
  rikey: z.string(),
  video: z.object({ datagrams: z.array(z.object({ hex: z.string() })) }),
});
const Captures = z.object({ wolf10mbit: Stream, wolf20mbit: Stream, fakeHostEncrypted: Stream });
const captures = Captures.parse(
  JSON.parse(readFileSync(new URL('../../test/captures/media.json', import.meta.url), 'utf8')),
);
const PING_SIZE = 20;
const mediaOf = (name: keyof typeof captures) =>
  captures[name].video.datagrams
    .map(({ hex }) => Buffer.from(hex, 'hex'))
    .filter(({ length }) => length > PING_SIZE);

const PAYLOAD_SIZE = 100;
let sequenceNumber = 0;

/** The packets of one frame, `dataShards` data and as many parity. */
function makeFrame(frameIndex: number, frameType: number = FRAME_TYPE.P, dataShards = 4): Uint8Array[] {
  const fields = (shardIndex: number) => ({
    rtp: {
      hasExtension: true,
      marker: false,
      payloadType: 0,
      sequenceNumber: (sequenceNumber + shardIndex) & 0xffff,
      timestamp: 0,
      ssrc: 0,
    },
    streamPacketIndex: 0,
    frameIndex,
    flags: 1 | (shardIndex === 0 ? VIDEO_FLAG.SOF : 0) | (shardIndex === dataShards - 1 ? VIDEO_FLAG.EOF : 0),
    extraFlags: 0,
    multiFecFlags: 0x10,
    fecBlock: 0,
    fecLastBlock: 0,
    dataShards,
    shardIndex,
    fecPercentage: 100,
  });
  const data = Array.from({ length: dataShards }, (_, index) => {
    const packet = new Uint8Array(VIDEO_HEADERS_SIZE + PAYLOAD_SIZE).fill(frameIndex + index);
    if (index === 0) {
      const header = { hostLatencyTenthsMs: 0, frameType, lastPacketLength: PAYLOAD_SIZE - 10 };
      writeFrameHeader(packet.subarray(VIDEO_HEADERS_SIZE), header);
    }
    writeVideoPacketHeaders(packet, fields(index));
    return packet;
  });
  const parity = encodeVideoParity(data, dataShards);
  for (const [index, packet] of parity.entries())
    writeParityPacketHeaders(packet, fields(dataShards + index));
  sequenceNumber = (sequenceNumber + 2 * dataShards) & 0xffff;
  return [...data, ...parity];
}

function createReceiver(key?: Uint8Array) {
  const frames: { frame: AssembledFrame; isDecodable: boolean }[] = [];
  const idrRequests: number[] = [];
  const receiver = new VideoReceiver({
    key,
    onFrame: (frame, isDecodable) => frames.push({ frame, isDecodable }),
    requestIdr: () => idrRequests.push(frames.length),
  });
  const receive = (packets: readonly Uint8Array[]) => {
    for (const packet of packets) receiver.receive(packet);
  };
  return { receiver, frames, idrRequests, receive };
}

const NAL_HEADER = /^00000001/;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const isOfBlock = (block: number) => (bytes: Uint8Array) => parseVideoPacket(bytes)?.fecBlock === block;

describe('FrameAssembly', () => {
  const packets = mediaOf('wolf20mbit').filter((bytes) => parseVideoPacket(bytes)?.frameIndex === 0);
  const assemble = (bytes: readonly Uint8Array[]) => {
    const [first] = bytes.map(parseVideoPacket);
    if (first === undefined) throw new Error('no packet');
    const assembly = new FrameAssembly(first);
    return bytes.reduce<AssembledFrame | undefined>((frame, datagram) => {
      const packet = parseVideoPacket(datagram);
      return frame ?? (packet && assembly.add(packet, datagram));
    }, undefined);
  };

  it('joins a real frame of three FEC blocks', () => {
    const frame = assemble(packets);
    expect(frame?.header.frameType).toBe(FRAME_TYPE.IDR);
    expect(frame?.repairedPackets).toBe(0);
    expect(hex(frame?.annexB ?? new Uint8Array())).toMatch(NAL_HEADER);
  });

  it('joins the same frame when a sixth of each block is lost, whatever the order within each', () => {
    const whole = assemble(packets);
    const rest = packets.filter((_, index) => index % 6 !== 0);
    const repaired = assemble([0, 1, 2].flatMap((block) => rest.filter(isOfBlock(block)).reverse()));
    expect(repaired?.repairedPackets).toBeGreaterThan(20);
    expect(hex(repaired?.annexB ?? new Uint8Array())).toBe(hex(whole?.annexB ?? Uint8Array.of(1)));
  });

  it('is lost when a packet of the next block comes before a block is whole', () => {
    const late = packets.filter(isOfBlock(0)).slice(40);
    expect(assemble([...packets.filter((packet) => !late.includes(packet)), ...late])).toBeUndefined();
  });

  it('waits while too much is lost', () => {
    expect(assemble(packets.filter((_, index) => index % 4 !== 0))).toBeUndefined();
  });
});

describe('VideoReceiver', () => {
  it("rejects a real host's frame 0 and takes the rest, which it cannot decode", () => {
    const { receiver, frames, receive } = createReceiver();
    receive(mediaOf('wolf10mbit'));
    expect(frames.map(({ frame }) => frame.frameIndex)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(receiver.counters).toMatchObject({
      rejected: 4,
      framesReceived: 12,
      framesDecodable: 0,
      framesLost: 0,
    });
  });

  it("decrypts a real host's video", () => {
    const { receiver, frames, receive } = createReceiver(
      Buffer.from(captures.fakeHostEncrypted.rikey, 'hex'),
    );
    receive(mediaOf('fakeHostEncrypted'));
    expect(frames.map(({ frame, isDecodable }) => [frame.frameIndex, isDecodable])).toEqual([[1, true]]);
    expect(receiver.counters.malformed).toBe(0);
    expect(hex(frames[0]?.frame.annexB ?? new Uint8Array())).toMatch(/^0000000167/);
  });

  it('takes nothing that is encrypted under another key', () => {
    const { receiver, frames, receive } = createReceiver(new Uint8Array(16));
    receive(mediaOf('fakeHostEncrypted'));
    expect(frames).toEqual([]);
    expect(receiver.counters.malformed).toBe(20);
  });

  it('cuts header and padding off', () => {
    const { frames, receive } = createReceiver();
    receive(makeFrame(1, FRAME_TYPE.IDR));
    expect(frames[0]?.frame.annexB.length).toBe(4 * PAYLOAD_SIZE - 8 - 10);
  });

  it('counts skipped frames as lost, asks for an IDR frame, and shows nothing before it', () => {
    const { receiver, frames, idrRequests, receive } = createReceiver();
    receive(makeFrame(1, FRAME_TYPE.IDR));
    receive(makeFrame(2));
    receive(makeFrame(3).slice(0, 3));
    receive(makeFrame(5));
    receive(makeFrame(6));
    receive(makeFrame(7, FRAME_TYPE.IDR));
    expect(frames.map(({ frame, isDecodable }) => [frame.frameIndex, isDecodable])).toEqual([
      [1, true],
      [2, true],
      [5, false],
      [6, false],
      [7, true],
    ]);
    expect(idrRequests).toHaveLength(1);
    expect(receiver.counters).toMatchObject({ framesReceived: 5, framesDecodable: 3, framesLost: 2 });
  });

  it('asks again after 120 frames without a picture', () => {
    const { idrRequests, receive } = createReceiver();
    for (let frameIndex = 1; frameIndex <= 250; frameIndex++) receive(makeFrame(frameIndex));
    // In the 120th and the 240th frame, before it is handed on.
    expect(idrRequests).toEqual([119, 239]);
  });

  it('takes the packets of a frame in any order, and each packet once', () => {
    const { receiver, frames, receive } = createReceiver();
    const first = makeFrame(1, FRAME_TYPE.IDR);
    const second = makeFrame(2);
    const pick = (packets: Uint8Array[], places: number[]) => places.flatMap((place) => packets[place] ?? []);
    receive(pick(first, [5, 0, 5, 7, 1]));
    receive(pick(second, [7, 6, 1, 3]));
    expect(frames.map(({ frame }) => frame.frameIndex)).toEqual([1, 2]);
    expect(receiver.counters.framesRepaired).toBe(2);
    receive([...first, ...second]);
    expect(receiver.counters).toMatchObject({ framesReceived: 2, rejected: 0 });
  });

  it('gives a frame up when a packet of the next one comes first', () => {
    const { receiver, frames, receive } = createReceiver();
    receive(makeFrame(1, FRAME_TYPE.IDR));
    const [late, early] = [makeFrame(2), makeFrame(3)];
    receive([...late.slice(0, 3), ...early.slice(0, 1), ...late.slice(3), ...early.slice(1)]);
    expect(frames.map(({ frame }) => frame.frameIndex)).toEqual([1, 3]);
    expect(receiver.counters).toMatchObject({ framesLost: 1, rejected: 0 });
  });

  it('rejects frames whose sequence numbers went back', () => {
    const { receiver, receive } = createReceiver();
    receive(makeFrame(1, FRAME_TYPE.IDR));
    sequenceNumber = (sequenceNumber + 0x10000 - 3000) & 0xffff;
    receive(makeFrame(2));
    sequenceNumber = (sequenceNumber + 3000) & 0xffff;
    expect(receiver.counters).toMatchObject({ framesReceived: 1, rejected: 8 });
  });

  it('never throws, whatever the bytes', () => {
    const { receive } = createReceiver();
    const [sample = new Uint8Array(64)] = makeFrame(1);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(31), (bytes, keep) => {
        const datagram = new Uint8Array(Math.max(bytes.length, keep));
        datagram.set(bytes);
        datagram.set(sample.subarray(0, keep));
        receive([datagram]);
      }),
    );
  });
});
