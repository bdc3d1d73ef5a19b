import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { formatSessionUrl, parseSessionUrl } from './session-url.ts';

interface Capture {
  sessionUrl0: string;
}

describe('parseSessionUrl', () => {
  it.each([
    { file: 'rtsp-plain-10mbit', encrypted: false, host: '98.22.106.113' },
    { file: 'rtsp-plain-20mbit', encrypted: false, host: '174.228.89.188' },
    { file: 'rtsp-encrypted', encrypted: true, host: '10.77.0.171' },
  ])('$file: parses and formats back', ({ file, encrypted, host }) => {
    const { sessionUrl0 } = readCapture<Capture>(file);
    const url = parseSessionUrl(sessionUrl0);
    expect(url).toEqual({ encrypted, host, port: 48_010 });
    expect(url && formatSessionUrl(url)).toBe(sessionUrl0);
  });

  it.each([
    { text: 'rtsp://host', url: { encrypted: false, host: 'host', port: 48_010 } },
    { text: 'rtspenc://a-b.c_d:1/path?x=1', url: { encrypted: true, host: 'a-b.c_d', port: 1 } },
    { text: 'rtsp://[fc00::1]:65535', url: { encrypted: false, host: 'fc00::1', port: 65_535 } },
  ])('reads $text', ({ text, url }) => {
    expect(parseSessionUrl(text)).toEqual(url);
  });

  it.each([
    '',
    'rtsp://',
    'rtsp://:48010',
    'rtsp://host:0',
    'rtsp://host:65536',
    'rtsp://host:x',
    'rtspru://host:48010',
    'http://host:48010',
    'rtsp://a b:48010',
    'rtsp://user@host:48010',
    'rtsp://host\r\nX: 1:48010',
    'rtsp://host:48010\n',
    `rtsp://${'h'.repeat(250)}`,
  ])('refuses %j', (text) => {
    expect(parseSessionUrl(text)).toBeUndefined();
  });

  it('never throws, whatever the text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `rtsp://${rest}`),
    );
    fc.assert(
      fc.property(text, (url) => {
        const parsed = parseSessionUrl(url);
        if (parsed !== undefined) expect(parsed.host).toMatch(/^[\w.:-]+$/);
      }),
      { numRuns: 1000 },
    );
  });

  it('decodes what formatSessionUrl wrote', () => {
    const url = fc.record({
      encrypted: fc.boolean(),
      host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[a-z0-9-]{8,47}$/)),
      port: fc.integer({ min: 1, max: 65_535 }),
    });
    fc.assert(
      fc.property(url, (written) => {
        expect(parseSessionUrl(formatSessionUrl(written))).toEqual(written);
      }),
    );
  });
});
