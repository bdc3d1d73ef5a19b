import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { RtspReader, type RtspReading } from './reader.ts';

interface Capture {
  messages: {
    n: number;
    requestBase64: string;
    segments: { direction: string; payloadLength: number }[];
  }[];
}

const LIMITS = { maxBytes: 16_384 };
const REQUESTS = ['rtsp-plain-10mbit', 'rtsp-plain-20mbit', 'rtsp-encrypted'].flatMap((file) =>
  readCapture<Capture>(file).messages.map(({ n, requestBase64, segments }) => ({
    file,
    n,
    bytes: Buffer.from(requestBase64, 'base64'),
    sizes: segments
      .filter(({ direction, payloadLength }) => direction === 'client->host' && payloadLength > 0)
      .map(({ payloadLength }) => payloadLength),
  })),
);

const text = (value: string): Uint8Array => Buffer.from(value, 'latin1');

/** Pushes all chunks; everything before the last must leave the request incomplete. */
function readAll(chunks: readonly Uint8Array[]): RtspReading {
  const reader = new RtspReader(LIMITS);
  const readings = chunks.map((chunk) => reader.push(chunk));
  const last = readings.pop();
  for (const reading of readings) expect(reading.kind).toBe('incomplete');
  return last ?? { kind: 'incomplete' };
}

function wholeOf(reading: RtspReading): Buffer | undefined {
  if (reading.kind === 'plain') return Buffer.from(reading.message);
  if (reading.kind !== 'encrypted') return undefined;
  const { sequence, tag, ciphertext } = reading.frame;
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x8000_0000 + ciphertext.length, 0);
  head.writeUInt32BE(sequence, 4);
  return Buffer.concat([head, tag, ciphertext]);
}

describe('RtspReader', () => {
  it.each(REQUESTS)('reads $file $n cut at every offset', ({ bytes }) => {
    for (let cut = 0; cut < bytes.length; cut++) {
      expect(wholeOf(readAll([bytes.subarray(0, cut), bytes.subarray(cut)]))?.equals(bytes)).toBe(true);
    }
  });

  it.each(REQUESTS)('reads $file $n byte by byte', ({ bytes }) => {
    expect(wholeOf(readAll(Array.from(bytes, (byte) => Uint8Array.of(byte))))?.equals(bytes)).toBe(true);
  });

  it.each(REQUESTS)('reads $file $n in its recorded segments, $sizes', ({ bytes, sizes }) => {
    let offset = 0;
    const chunks = sizes.map((size) => bytes.subarray(offset, (offset += size)));
    expect(offset).toBe(bytes.length);
    expect(wholeOf(readAll(chunks))?.equals(bytes)).toBe(true);
  });

  it.each(REQUESTS)('refuses $file $n with a byte after it', ({ bytes }) => {
    expect(readAll([Buffer.concat([bytes, text('\n')])]).kind).toBe('malformed');
    const reader = new RtspReader(LIMITS);
    reader.push(bytes);
    expect(reader.push(text('\n')).kind).toBe('malformed');
  });

  it.each([
    { name: 'a start that is no method', chunk: ' OPTIONS' },
    { name: 'a TLS hello', chunk: '\x16\x03\x01' },
    { name: 'a head that is none', chunk: 'OPTIONS / RTSP/1.0\r\nnonsense\r\n\r\n' },
    { name: 'a length that is no number', chunk: 'ANNOUNCE / RTSP/1.0\r\nContent-length: many\r\n\r\n' },
    { name: 'a body larger than the limit', chunk: 'ANNOUNCE / RTSP/1.0\r\nContent-length: 16384\r\n\r\n' },
    { name: 'a frame larger than the limit', chunk: '\xff\xff\xff\xff' },
    { name: 'an empty frame', chunk: '\x80\x00\x00\x00' },
  ])('refuses $name at once, and for good', ({ chunk }) => {
    const reader = new RtspReader(LIMITS);
    expect(reader.push(text(chunk)).kind).toBe('malformed');
    expect(reader.push(text('OPTIONS / RTSP/1.0\r\n\r\n')).kind).toBe('malformed');
  });

  it('holds no more than the limit', () => {
    const reader = new RtspReader({ maxBytes: 100 });
    expect(reader.push(text('O'.repeat(100))).kind).toBe('incomplete');
    expect(reader.push(text('O')).kind).toBe('malformed');
  });

  it('says the same whatever the pieces, and never throws', () => {
    const starts = fc.constantFrom(
      '',
      'OPTIONS / RTSP/1.0\r\n',
      'A / RTSP/1.0\r\nContent-length: 3\r\n\r\n',
      '\x80\0\0\x04',
    );
    const bytes = fc
      .tuple(starts, fc.uint8Array({ maxLength: 40 }), fc.constantFrom('', '\r\n\r\n'))
      .map(([start, middle, end]) => Buffer.concat([text(start), middle, text(end)]));
    fc.assert(
      fc.property(bytes, fc.array(fc.nat({ max: 80 })), (message, cuts) => {
        const offsets = [
          0,
          ...cuts.filter((cut) => cut < message.length).sort((a, b) => a - b),
          message.length,
        ];
        const whole = new RtspReader({ maxBytes: 64 }).push(message);
        const reader = new RtspReader({ maxBytes: 64 });
        let last: RtspReading = { kind: 'incomplete' };
        for (const [index, offset] of offsets.slice(1).entries()) {
          last = reader.push(message.subarray(offsets[index], offset));
        }
        expect(last).toEqual(whole);
      }),
      { numRuns: 2000 },
    );
  });
});
