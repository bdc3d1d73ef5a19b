import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, readCapture } from '../../../test/support/captures.ts';
import { openRtspFrame, parseRtspFrame, type RtspFrame, rtspFrameSize, sealRtspFrame } from './encryption.ts';

interface Fields {
  sequence: number;
  tagHex: string;
  ciphertextLength: number;
}
interface Capture {
  rikey: string;
  messages: {
    n: number;
    requestBase64: string;
    requestPlainBase64: string;
    requestFrame: Fields;
    replyBase64: string;
    replyPlainBase64: string;
    replyFrame: Fields;
  }[];
}

const capture = readCapture<Capture>('rtsp-encrypted');
const rikey = hex(capture.rikey);
const FRAMES = capture.messages.flatMap((message) => [
  {
    n: message.n,
    sender: 'client' as const,
    wire: Buffer.from(message.requestBase64, 'base64'),
    plain: Buffer.from(message.requestPlainBase64, 'base64'),
    fields: message.requestFrame,
  },
  {
    n: message.n,
    sender: 'host' as const,
    wire: Buffer.from(message.replyBase64, 'base64'),
    plain: Buffer.from(message.replyPlainBase64, 'base64'),
    fields: message.replyFrame,
  },
]);

function parse(bytes: Uint8Array): RtspFrame {
  const frame = parseRtspFrame(bytes);
  if (typeof frame === 'string') throw new Error(frame);
  return frame;
}

describe('the recorded frames', () => {
  it('are 14', () => {
    expect(FRAMES).toHaveLength(14);
  });

  it.each(FRAMES)('$n from the $sender: fields are those recorded', ({ wire, fields }) => {
    const frame = parse(wire);
    expect(frame.sequence).toBe(fields.sequence);
    expect(Buffer.from(frame.tag).toString('hex')).toBe(fields.tagHex);
    expect(frame.ciphertext).toHaveLength(fields.ciphertextLength);
  });

  it.each(FRAMES)('$n from the $sender: opens to the recorded text', ({ wire, plain, sender }) => {
    const opened = openRtspFrame(parse(wire), rikey, sender);
    expect(opened && Buffer.from(opened).equals(plain)).toBe(true);
  });

  it.each(FRAMES)('$n from the $sender: seals to the recorded bytes', ({ wire, plain, sender, fields }) => {
    const sealed = sealRtspFrame(plain, { key: rikey, sequence: fields.sequence, sender });
    expect(Buffer.from(sealed).equals(wire)).toBe(true);
  });

  it.each(FRAMES)('$n from the $sender: opens for nobody else', ({ wire, sender }) => {
    const frame = parse(wire);
    expect(openRtspFrame(frame, rikey, sender === 'client' ? 'host' : 'client')).toBeUndefined();
    expect(openRtspFrame(frame, new Uint8Array(16), sender)).toBeUndefined();
    expect(openRtspFrame({ ...frame, sequence: frame.sequence + 1 }, rikey, sender)).toBeUndefined();
    expect(openRtspFrame({ ...frame, tag: frame.tag.subarray(4) }, rikey, sender)).toBeUndefined();
  });

  it.each(FRAMES)('$n from the $sender: incomplete at every cut, malformed with more', ({ wire }) => {
    for (let cut = 0; cut < wire.length; cut++)
      expect(parseRtspFrame(wire.subarray(0, cut))).toBe('incomplete');
    expect(parseRtspFrame(Buffer.concat([wire, Buffer.alloc(1)]))).toBe('malformed');
  });
});

describe('parseRtspFrame', () => {
  it.each([
    { name: 'plain text', bytes: Buffer.from('OPTIONS') },
    { name: 'an empty message', bytes: hex('80000000 00000001') },
  ])('rejects $name', ({ bytes }) => {
    expect(parseRtspFrame(bytes)).toBe('malformed');
  });

  it('knows the size from the first 4 bytes on', () => {
    expect(rtspFrameSize(hex('ffffffff'))).toBe(24 + 0x7fff_ffff);
  });

  it('never throws, whatever the bytes, and nothing forged opens', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 32 }).map((rest) => {
      return Buffer.concat([Uint8Array.of(0x80, 0, 0, rest.length), Buffer.alloc(20, rest), rest]);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), bytes), (message) => {
        const frame = parseRtspFrame(message);
        if (typeof frame !== 'string') expect(openRtspFrame(frame, rikey, 'client')).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it('takes apart and opens what sealRtspFrame wrote', () => {
    const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const message = fc.uint8Array({ minLength: 1, maxLength: 300 });
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
    const senders = fc.constantFrom('client' as const, 'host' as const);
    fc.assert(
      fc.property(message, bytes16, u32, senders, (plain, key, sequence, sender) => {
        const frame = parse(sealRtspFrame(plain, { key, sequence, sender }));
        expect(frame.sequence).toBe(sequence);
        const opened = openRtspFrame(frame, key, sender);
        expect(opened && Buffer.from(opened).equals(plain)).toBe(true);
      }),
    );
  });
});
