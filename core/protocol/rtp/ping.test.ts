import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, readCapture } from '../../../test/support/captures.ts';
import { isPing, LEGACY_PING, parsePing, PING_SIZE, pingPayloadOf, writePing } from './ping.ts';

interface RecordedPing {
  hex: string;
  length?: number;
  payload?: string;
  counterBE?: number;
}
interface RecordedPings {
  sessions: { title: string; video: { pings: RecordedPing[] }; audio: { pings: RecordedPing[] } }[];
  rebind: { streams: { pings: RecordedPing[] }[] };
}

const CAPTURE = readCapture<RecordedPings>('ping');
const IN_SESSIONS = CAPTURE.sessions.flatMap(({ title, video, audio }) =>
  [...video.pings, ...audio.pings].map((ping) => ({ ...ping, title })),
);
const WITH_PAYLOAD = [...IN_SESSIONS, ...CAPTURE.rebind.streams.flatMap(({ pings }) => pings)].filter(
  (ping) => ping.hex.length === 2 * PING_SIZE,
);
const LEGACY = IN_SESSIONS.filter((ping) => ping.hex.length !== 2 * PING_SIZE);

const printable = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 16,
  maxLength: 16,
});

describe('recorded pings', () => {
  it('with payload decode to payload and counter, and encode to the same bytes', () => {
    expect(WITH_PAYLOAD.length).toBeGreaterThanOrEqual(30);
    for (const recorded of WITH_PAYLOAD) {
      const datagram = hex(recorded.hex);
      const ping = parsePing(datagram);
      expect(isPing(datagram)).toBe(true);
      expect(ping?.kind).toBe('payload');
      if (ping?.kind !== 'payload') continue;
      if (recorded.payload !== undefined) {
        expect(ping).toMatchObject({ payload: recorded.payload, counter: recorded.counterBE });
      }

      const target = new Uint8Array(PING_SIZE);
      expect(writePing(target, ping.payload, ping.counter)).toBe(PING_SIZE);
      expect(target).toEqual(datagram);
    }
  });

  it('without payload are the legacy ping', () => {
    expect(LEGACY.length).toBeGreaterThan(0);
    for (const recorded of LEGACY) {
      expect(hex(recorded.hex)).toEqual(LEGACY_PING);
      expect(isPing(hex(recorded.hex))).toBe(true);
      expect(parsePing(hex(recorded.hex))).toEqual({ kind: 'legacy' });
    }
  });
});

describe('pingPayloadOf', () => {
  const token = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 16,
    maxLength: 16,
  });

  it('gives each stream a printable payload of its own', () => {
    fc.assert(
      fc.property(token, (ofSession) => {
        const audio = pingPayloadOf(ofSession, 'audio');
        expect(pingPayloadOf(ofSession, 'video')).toBe(ofSession);
        expect(audio).toMatch(/^[\x21-\x7e]{16}$/);
        expect(Array.from(audio, (character, index) => character === ofSession[index])).not.toContain(true);
      }),
    );
  });
});

describe('parsePing', () => {
  it.each([
    { name: 'empty', bytes: '' },
    { name: 'another 4 bytes', bytes: '50494e48' },
    { name: 'a byte short', bytes: '00'.repeat(19) },
    { name: 'a byte long', bytes: '61'.repeat(21) },
    { name: 'payload not printable', bytes: `${'61'.repeat(15)}1f00000001` },
    { name: 'payload not ASCII', bytes: `${'61'.repeat(15)}7f00000001` },
  ])('rejects $name', ({ bytes }) => {
    expect(parsePing(hex(bytes))).toBeUndefined();
  });

  it('never throws, and accepts only what isPing does, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 24 }), fc.uint8Array({ minLength: 20, maxLength: 20 })),
        (datagram) => {
          const ping = parsePing(datagram);
          if (ping !== undefined) expect(isPing(datagram)).toBe(true);
        },
      ),
    );
  });

  it('decodes what writePing wrote', () => {
    fc.assert(
      fc.property(printable, fc.integer({ min: 0, max: 0xffff_ffff }), (payload, counter) => {
        const target = new Uint8Array(PING_SIZE);
        writePing(target, payload, counter);
        expect(parsePing(target)).toEqual({ kind: 'payload', payload, counter });
      }),
    );
  });
});
