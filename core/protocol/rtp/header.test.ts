import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../test/support/captures.ts';
import { readMediaSession, rtpFieldsOf } from '../../../test/support/media-captures.ts';
import { parseRtpHeader, readRtpSequenceNumber, RTP_HEADER_SIZE, writeRtpHeader } from './header.ts';

const SESSIONS = ['wolf10mbit', 'wolf20mbit', 'wolfAudioEncrypted'].map(readMediaSession);
const RECORDED = SESSIONS.flatMap(({ video, audio }) => [...video, ...audio]);

const anyHeader = fc.record({
  hasExtension: fc.boolean(),
  marker: fc.boolean(),
  payloadType: fc.integer({ min: 0, max: 0x7f }),
  sequenceNumber: fc.integer({ min: 0, max: 0xffff }),
  timestamp: fc.integer({ min: 0, max: 0xffff_ffff }),
  ssrc: fc.integer({ min: 0, max: 0xffff_ffff }),
});

describe('parseRtpHeader', () => {
  it('decodes every recorded media datagram, and writeRtpHeader encodes it to the same bytes', () => {
    expect(RECORDED.length).toBeGreaterThan(200);
    for (const recorded of RECORDED) {
      const datagram = hex(recorded.hex);
      const header = parseRtpHeader(datagram);
      expect(header).toEqual(rtpFieldsOf(recorded.header));
      expect(readRtpSequenceNumber(datagram)).toBe(recorded.header.rtp.sequenceNumber);
      if (header === undefined) continue;

      const target = new Uint8Array(RTP_HEADER_SIZE);
      expect(writeRtpHeader(target, header)).toBe(RTP_HEADER_SIZE);
      expect(target).toEqual(datagram.subarray(0, RTP_HEADER_SIZE));
    }
  });

  it.each([
    { name: 'too short', bytes: '8061000000000000000000' },
    { name: 'version 1', bytes: '406100000000000000000000' },
    { name: 'padding', bytes: 'a06100000000000000000000' },
    { name: 'contributing sources', bytes: '816100000000000000000000' },
  ])('rejects $name', ({ bytes }) => {
    expect(parseRtpHeader(hex(bytes))).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (datagram) => {
        const header = parseRtpHeader(datagram);
        if (header === undefined) return;
        expect(header.sequenceNumber).toBe(readRtpSequenceNumber(datagram));
      }),
    );
  });

  it('decodes what writeRtpHeader wrote', () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        const target = new Uint8Array(RTP_HEADER_SIZE);
        writeRtpHeader(target, header);
        expect(parseRtpHeader(target)).toEqual(header);
      }),
    );
  });
});

describe('readRtpSequenceNumber', () => {
  it('is -1 for a datagram that is too short', () => {
    expect(readRtpSequenceNumber(new Uint8Array(11))).toBe(-1);
  });
});
