import { describe, expect, it } from 'vitest';
import { FRAME_TYPE, parseFrameHeader, parseVideoPacket, VIDEO_FLAG } from '../core/protocol/rtp/video.ts';
import { DATAGRAM_SIZE, readSentAt, writeSentAt, writeVideoDatagram } from './datagram.ts';

function datagramOf(index: number): Buffer {
  const datagram = Buffer.alloc(DATAGRAM_SIZE);
  writeVideoDatagram(datagram, index, 7);
  return datagram;
}

describe('writeVideoDatagram', () => {
  it('begins with the first packet of a key frame 1, which every client accepts', () => {
    const datagram = datagramOf(0);
    const packet = parseVideoPacket(datagram);
    expect(packet).toMatchObject({ frameIndex: 1, shardIndex: 0, isParity: false });
    expect(packet?.flags).toBe(VIDEO_FLAG.PICTURE_DATA | VIDEO_FLAG.SOF);
    expect(parseFrameHeader(datagram.subarray(32))?.frameType).toBe(FRAME_TYPE.IDR);
  });

  it('counts packets and frames on', () => {
    const packet = parseVideoPacket(datagramOf(70_039));
    expect(packet).toMatchObject({ streamPacketIndex: 70_039, frameIndex: 3502, shardIndex: 19 });
    expect(packet?.rtp).toMatchObject({ sequenceNumber: 70_039 & 0xffff, ssrc: 7 });
    expect(packet?.flags).toBe(VIDEO_FLAG.PICTURE_DATA | VIDEO_FLAG.EOF);
  });
});

describe('readSentAt', () => {
  it('gives back the time of sending beside the headers', () => {
    const datagram = datagramOf(20);
    writeSentAt(datagram, 123_456_789_012_345);
    expect(readSentAt(datagram)).toBe(123_456_789_012_345);
    expect(parseVideoPacket(datagram)?.frameIndex).toBe(2);
  });
});
