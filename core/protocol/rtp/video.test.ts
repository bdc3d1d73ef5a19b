import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../test/support/captures.ts';
import { readMediaSession, rtpFieldsOf } from '../../../test/support/media-captures.ts';
import {
  FRAME_HEADER_SIZE,
  FRAME_TYPE,
  MULTI_FEC_FLAGS,
  parseFrameHeader,
  parseVideoPacket,
  readEncryptedFrameNumber,
  readFrameIndex,
  restoreVideoPacketHeaders,
  VIDEO_FLAG,
  VIDEO_HEADERS_SIZE,
  writeFrameHeader,
  writeParityPacketHeaders,
  writeVideoPacketHeaders,
} from './video.ts';

const RECORDED = ['wolf10mbit', 'wolf20mbit'].flatMap((name) => readMediaSession(name).video);
const FIRST = hex(RECORDED[0]?.hex ?? '');

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u8 = fc.integer({ min: 0, max: 0xff });
const anyFields = fc.record({
  rtp: fc.record({
    hasExtension: fc.constant(true),
    marker: fc.boolean(),
    payloadType: fc.integer({ min: 0, max: 0x7f }),
    sequenceNumber: u16,
    timestamp: u32,
    ssrc: u32,
  }),
  streamPacketIndex: fc.integer({ min: 0, max: 0xff_ffff }),
  frameIndex: u32,
  flags: u8,
  extraFlags: u8,
  multiFecFlags: u8,
  fecBlock: fc.integer({ min: 0, max: 3 }),
  fecLastBlock: fc.integer({ min: 0, max: 3 }),
  dataShards: fc.integer({ min: 0, max: 0x3ff }),
  shardIndex: fc.integer({ min: 0, max: 0x3ff }),
  fecPercentage: u8,
});

describe('recorded video datagrams', () => {
  it('decode to the recorded fields, and encode to the same bytes', () => {
    expect(RECORDED.length).toBe(210);
    for (const recorded of RECORDED) {
      const datagram = hex(recorded.hex);
      const { header } = recorded;
      const { fecInfo } = header;
      const packet = parseVideoPacket(datagram);
      expect(packet).toMatchObject({
        rtp: rtpFieldsOf(header),
        streamPacketIndex: header.streamPacketIndex,
        frameIndex: header.frameIndex,
        flags: header.flags,
        extraFlags: header.extraFlags,
        multiFecFlags: Number(header.multiFecFlags),
        fecBlock: header.fecBlock,
        fecLastBlock: header.fecLastBlock,
        dataShards: fecInfo.dataShards,
        shardIndex: fecInfo.shardIndex,
        fecPercentage: fecInfo.fecPercentage,
        isParity: fecInfo.isParity,
      });
      expect(packet?.multiFecFlags).toBe(MULTI_FEC_FLAGS);
      expect(readFrameIndex(datagram)).toBe(header.frameIndex);
      if (packet === undefined) continue;

      const target = new Uint8Array(VIDEO_HEADERS_SIZE).fill(0xa5);
      writeVideoPacketHeaders(target, packet);
      expect(target).toEqual(datagram.subarray(0, VIDEO_HEADERS_SIZE));
    }
  });

  it('start each frame with a frame header, which decodes and encodes to the same bytes', () => {
    const starts = RECORDED.filter(({ header }) => header.frameHeader !== undefined);
    expect(starts.length).toBeGreaterThan(5);
    for (const { hex: text, header } of starts) {
      const bytes = hex(text).subarray(VIDEO_HEADERS_SIZE);
      const frame = parseFrameHeader(bytes);
      expect(header.flags & VIDEO_FLAG.SOF).toBe(VIDEO_FLAG.SOF);
      expect(frame).toEqual({
        hostLatencyTenthsMs: header.frameHeader?.hostProcessingLatencyTenthMs,
        frameType: header.frameHeader?.frameType,
        lastPacketLength: header.frameHeader?.lastPayloadLength,
      });
      if (frame === undefined) continue;

      const target = new Uint8Array(FRAME_HEADER_SIZE).fill(0xa5);
      writeFrameHeader(target, frame);
      expect(target).toEqual(bytes.subarray(0, FRAME_HEADER_SIZE));
    }
  });

  it('open with an IDR frame of index 0', () => {
    expect(readFrameIndex(FIRST)).toBe(0);
    expect(parseFrameHeader(FIRST.subarray(VIDEO_HEADERS_SIZE))?.frameType).toBe(FRAME_TYPE.IDR);
  });
});

describe('parseVideoPacket', () => {
  it.each([
    { name: 'a byte short', bytes: FIRST.subarray(0, VIDEO_HEADERS_SIZE - 1) },
    { name: 'without the reserved bytes', bytes: FIRST.with(0, 0x80) },
    { name: 'not RTP', bytes: FIRST.with(0, 0x10) },
  ])('rejects one $name', ({ bytes }) => {
    expect(parseVideoPacket(bytes)).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    const rtp = fc.uint8Array({ maxLength: 64 }).map((rest) => Uint8Array.of(0x90, ...rest));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), rtp), (datagram) => {
        expect(parseVideoPacket(datagram)?.frameIndex ?? readFrameIndex(datagram)).toBe(
          readFrameIndex(datagram),
        );
      }),
    );
  });

  it('decodes what writeVideoPacketHeaders wrote', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const target = new Uint8Array(VIDEO_HEADERS_SIZE);
        writeVideoPacketHeaders(target, fields);
        expect(parseVideoPacket(target)).toEqual({
          ...fields,
          isParity: fields.shardIndex >= fields.dataShards,
          payloadOffset: VIDEO_HEADERS_SIZE,
        });
      }),
    );
  });
});

describe('writeParityPacketHeaders', () => {
  it('leaves the reserved bytes, streamPacketIndex, flags and extraFlags as they are', () => {
    fc.assert(
      fc.property(anyFields, (fields) => {
        const target = new Uint8Array(VIDEO_HEADERS_SIZE).fill(0xa5);
        writeParityPacketHeaders(target, fields);
        for (const index of [12, 13, 14, 15, 16, 17, 18, 19, 24, 25]) expect(target[index]).toBe(0xa5);
        expect(parseVideoPacket(target)).toMatchObject({
          ...fields,
          streamPacketIndex: 0xa5a5a5,
          flags: 0xa5,
          extraFlags: 0xa5,
        });
      }),
    );
  });
});

describe('restoreVideoPacketHeaders', () => {
  it('counts sequence numbers within the block, across their wrap', () => {
    const sibling = parseVideoPacket(FIRST.with(2, 0).with(3, 1).with(29, 0x30));
    if (sibling === undefined) throw new Error('no packet');
    expect(sibling.shardIndex).toBe(3);
    const recovered = FIRST.slice();
    restoreVideoPacketHeaders(recovered, sibling, 0);
    expect(parseVideoPacket(recovered)).toMatchObject({ rtp: { sequenceNumber: 0xfffe }, shardIndex: 0 });
  });
});

describe('parseFrameHeader', () => {
  it('rejects one too short or of another kind', () => {
    expect(parseFrameHeader(hex('01000002 6b0100'))).toBeUndefined();
    expect(parseFrameHeader(hex('81000002 6b010000'))).toBeUndefined();
  });

  it('never throws, whatever the bytes, and decodes what writeFrameHeader wrote', () => {
    const header = fc.record({ hostLatencyTenthsMs: u16, frameType: u8, lastPacketLength: u16 });
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 16 }), (written, bytes) => {
        expect(parseFrameHeader(bytes) === undefined || bytes[0] === 1).toBe(true);
        const target = new Uint8Array(FRAME_HEADER_SIZE);
        writeFrameHeader(target, written);
        expect(parseFrameHeader(target)).toEqual(written);
      }),
    );
  });
});

describe('readFrameIndex and readEncryptedFrameNumber', () => {
  it('are -1 for a datagram that is too short', () => {
    expect(readFrameIndex(new Uint8Array(31))).toBe(-1);
    expect(readEncryptedFrameNumber(new Uint8Array(31))).toBe(-1);
  });
});
