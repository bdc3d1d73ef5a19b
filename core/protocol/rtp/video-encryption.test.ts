import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../test/support/captures.ts';
import { readMediaSession } from '../../../test/support/media-captures.ts';
import {
  ENCRYPTED_VIDEO_HEADER_SIZE,
  openVideoPacket,
  readEncryptedFrameNumber,
  sealVideoPacket,
} from './video-encryption.ts';
import { parseVideoPacket } from './video.ts';

const { rikey, video: RECORDED } = readMediaSession('fakeHostEncrypted');
const plain = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('recorded encrypted video datagrams', () => {
  it('open to the recorded packets, and seal to the same bytes', () => {
    expect(RECORDED.length).toBe(20);
    for (const recorded of RECORDED) {
      const datagram = hex(recorded.hex);
      const opened = openVideoPacket(datagram, rikey);
      expect(readEncryptedFrameNumber(datagram)).toBe(recorded.encHeader?.frameNumber);
      expect(opened?.frameNumber).toBe(recorded.encHeader?.frameNumber);
      if (opened === undefined) continue;

      expect(opened.packet.length).toBe(recorded.decryptedLength);
      expect(plain(opened.packet.subarray(0, 64))).toBe(recorded.decryptedFirst64Hex);
      expect(createHash('sha256').update(opened.packet).digest('hex')).toBe(recorded.decryptedSha256);
      expect(parseVideoPacket(opened.packet)).toMatchObject({
        frameIndex: opened.frameNumber,
        dataShards: recorded.header.fecInfo.dataShards,
        shardIndex: recorded.header.fecInfo.shardIndex,
      });

      const iv12 = hex(recorded.encHeader?.ivHex ?? '');
      const sealed = sealVideoPacket(opened.packet, { key: rikey, iv12, frameNumber: opened.frameNumber });
      expect(plain(sealed)).toBe(recorded.hex);
    }
  });
});

describe('openVideoPacket', () => {
  const datagram = hex(RECORDED[0]?.hex ?? '');

  it('does not open under another key', () => {
    expect(openVideoPacket(datagram, rikey.with(0, (rikey[0] ?? 0) ^ 1))).toBeUndefined();
  });

  it('does not open when iv, tag or ciphertext is changed, or when cut', () => {
    for (const at of [0, 11, 16, 31, 32, datagram.length - 1]) {
      expect(openVideoPacket(datagram.with(at, (datagram[at] ?? 0) ^ 1), rikey)).toBeUndefined();
    }
    for (const length of [
      0,
      ENCRYPTED_VIDEO_HEADER_SIZE - 1,
      ENCRYPTED_VIDEO_HEADER_SIZE,
      datagram.length - 1,
    ]) {
      expect(openVideoPacket(datagram.subarray(0, length), rikey)).toBeUndefined();
    }
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(openVideoPacket(bytes, rikey)).toBeUndefined();
      }),
    );
  });

  it('opens what sealVideoPacket sealed', () => {
    const bytes12 = fc.uint8Array({ minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        bytes12,
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (packet, iv12, frameNumber) => {
          const sealed = sealVideoPacket(packet, { key: rikey, iv12, frameNumber });
          expect(sealed.length).toBe(packet.length + ENCRYPTED_VIDEO_HEADER_SIZE);
          const opened = openVideoPacket(sealed, rikey);
          expect(opened?.frameNumber).toBe(frameNumber);
          expect(plain(opened?.packet ?? sealed)).toBe(plain(packet));
        },
      ),
    );
  });
});
