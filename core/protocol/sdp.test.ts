import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../test/support/captures.ts';
import {
  type AnnounceOptions,
  type Describe,
  formatAnnounce,
  formatDescribe,
  NV_FEATURE_AUDIO_ENCRYPTION,
  parseAnnounce,
  parseDescribe,
  readSdpAttribute,
  SS_ENC,
} from './sdp.ts';
import { parseRtspRequest, parseRtspResponse } from './rtsp/message.ts';

interface Capture {
  messages: {
    n: number;
    requestBase64?: string;
    requestPlainBase64?: string;
    replyBase64?: string;
    replyPlainBase64?: string;
  }[];
}

function messageOf(file: string, n: number): Capture['messages'][number] {
  const message = readCapture<Capture>(file).messages.find((candidate) => candidate.n === n);
  if (message === undefined) throw new Error('no such message');
  return message;
}

function announceOf(file: string): Buffer {
  const { requestPlainBase64, requestBase64 } = messageOf(file, 6);
  const request = parseRtspRequest(Buffer.from(requestPlainBase64 ?? requestBase64 ?? '', 'base64'));
  return Buffer.from(request?.body ?? []);
}

function describeOf(file: string): Buffer {
  const { replyPlainBase64, replyBase64 } = messageOf(file, 2);
  const response = parseRtspResponse(Buffer.from(replyPlainBase64 ?? replyBase64 ?? '', 'base64'));
  return Buffer.from(response?.body ?? []);
}

const TEN_MBIT: AnnounceOptions = {
  address: '10.77.0.80',
  videoPort: 48_100,
  width: 1280,
  height: 720,
  maxFPS: 60,
  packetSize: 1392,
  maximumBitrateKbps: 8000,
  configuredBitrateKbps: 10_000,
  minRequiredFecPackets: 2,
  bitStreamFormat: 0,
  encryptionEnabled: 0,
  nvFeatureFlags: 135,
  mlFeatureFlags: 3,
  audioChannels: 2,
  audioPacketDurationMs: 5,
  encoderCscMode: 2,
  slicesPerFrame: 1,
};
const ANNOUNCES = [
  { file: 'rtsp-plain-10mbit', options: TEN_MBIT },
  {
    file: 'rtsp-plain-20mbit',
    options: { ...TEN_MBIT, maximumBitrateKbps: 16_000, configuredBitrateKbps: 20_000 },
  },
  {
    file: 'rtsp-encrypted',
    options: {
      ...TEN_MBIT,
      address: '10.77.0.171',
      videoPort: 47_998,
      packetSize: 1360,
      encryptionEnabled: SS_ENC.CONTROL_V2 | SS_ENC.VIDEO | SS_ENC.AUDIO,
      nvFeatureFlags: 135 | NV_FEATURE_AUDIO_ENCRYPTION,
    },
  },
];

const WOLF_DESCRIBE: Describe = {
  surroundParams: ['21101', '642014235', '85301423675'],
  featureFlags: 3,
  encryptionSupported: 0,
  encryptionRequested: 0,
  hasHEVC: false,
  hasAV1: false,
  hasRefPicInvalidation: false,
};
const FAKE_HOST_DESCRIBE: Describe = {
  surroundParams: ['642012453'],
  featureFlags: 3,
  encryptionSupported: 7,
  encryptionRequested: 0,
  hasHEVC: true,
  hasAV1: false,
  hasRefPicInvalidation: true,
};

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe('ANNOUNCE', () => {
  it.each(ANNOUNCES)('$file: parses', ({ file, options }) => {
    const { address, videoPort, ...announce } = options;
    expect(parseAnnounce(announceOf(file))).toEqual(announce);
    expect(announceOf(file).toString()).toContain(`IPv4 ${address}\r\n`);
    expect(announceOf(file).toString()).toContain(`m=video ${videoPort}  \r\n`);
  });

  it.each(ANNOUNCES)('$file: formats to the recorded bytes', ({ file, options }) => {
    expect(Buffer.from(formatAnnounce(options)).toString()).toBe(announceOf(file).toString());
  });

  it('has the values of hosts where the client said nothing', () => {
    const body = Buffer.from(
      'a=x-nv-video[0].clientViewportWd:1920\r\na=x-nv-video[0].clientViewportHt:1080 \na=x-nv-video[0].maxFPS:30\r\n' +
        'a=x-nv-video[0].packetSize:-1 \r\na=x-nv-general.featureFlags:4294967296\r\n',
    );
    expect(parseAnnounce(body)).toEqual({
      width: 1920,
      height: 1080,
      maxFPS: 30,
      packetSize: 1392,
      maximumBitrateKbps: 15_500,
      configuredBitrateKbps: undefined,
      minRequiredFecPackets: 2,
      bitStreamFormat: 0,
      encryptionEnabled: 0,
      nvFeatureFlags: 167,
      mlFeatureFlags: 0,
      audioChannels: 2,
      audioPacketDurationMs: 5,
      encoderCscMode: 0,
      slicesPerFrame: 1,
    });
  });

  it.each(['clientViewportWd', 'clientViewportHt', 'maxFPS'])('is refused without %s', (name) => {
    const body = announceOf('rtsp-plain-10mbit').toString().replace(`x-nv-video[0].${name}:`, 'x:');
    expect(parseAnnounce(Buffer.from(body))).toBeUndefined();
  });

  it.each([
    { channels: 2, mask: '3', enable: '0' },
    { channels: 6, mask: '63', enable: '1' },
    { channels: 8, mask: '1599', enable: '1' },
  ])('asks for $channels channels', ({ channels, mask, enable }) => {
    const text = Buffer.from(formatAnnounce({ ...TEN_MBIT, audioChannels: channels })).toString();
    expect(readSdpAttribute(text, 'x-nv-audio.surround.numChannels')).toBe(String(channels));
    expect(readSdpAttribute(text, 'x-nv-audio.surround.channelMask')).toBe(mask);
    expect(readSdpAttribute(text, 'x-nv-audio.surround.enable')).toBe(enable);
  });

  it('says that HEVC is supported when it asks for it, and IPv6 where the address is', () => {
    const text = Buffer.from(
      formatAnnounce({ ...TEN_MBIT, bitStreamFormat: 1, address: 'fc00::1' }),
    ).toString();
    expect(readSdpAttribute(text, 'x-nv-clientSupportHevc')).toBe('1');
    expect(text).toContain('o=android 0 14 IN IPv6 fc00::1\r\n');
  });

  it('parses what was formatted', () => {
    const announce = fc.record({
      width: u32,
      height: u32,
      maxFPS: u32,
      packetSize: u32,
      maximumBitrateKbps: u32,
      configuredBitrateKbps: fc.option(u32, { nil: undefined }),
      minRequiredFecPackets: u32,
      bitStreamFormat: fc.integer({ min: 0, max: 2 }),
      encryptionEnabled: u32,
      nvFeatureFlags: u32,
      mlFeatureFlags: u32,
      audioChannels: u32,
      audioPacketDurationMs: u32,
      encoderCscMode: u32,
      slicesPerFrame: u32,
    });
    fc.assert(
      fc.property(announce, (written) => {
        expect(parseAnnounce(formatAnnounce({ ...written, address: '192.0.2.1', videoPort: 1 }))).toEqual(
          written,
        );
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    const damaged = fc
      .tuple(fc.nat({ max: 1492 }), fc.uint8Array({ maxLength: 20 }))
      .map(([offset, junk]) => {
        const body = announceOf('rtsp-plain-10mbit');
        return Buffer.concat([body.subarray(0, offset), junk, body.subarray(offset + junk.length)]);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), damaged), (body) => {
        const announce = parseAnnounce(body);
        if (announce !== undefined) expect(announce.width).toBeLessThanOrEqual(0xffff_ffff);
      }),
      { numRuns: 500 },
    );
  });
});

describe('DESCRIBE', () => {
  it.each([
    { file: 'rtsp-plain-10mbit', expected: WOLF_DESCRIBE },
    { file: 'rtsp-plain-20mbit', expected: WOLF_DESCRIBE },
    { file: 'rtsp-encrypted', expected: FAKE_HOST_DESCRIBE },
  ])('$file: parses', ({ file, expected }) => {
    expect(parseDescribe(describeOf(file))).toEqual(expected);
  });

  it('formats to the recorded bytes of the Sunshine-like host', () => {
    const body = Buffer.from(formatDescribe(FAKE_HOST_DESCRIBE)).toString();
    expect(body).toBe(describeOf('rtsp-encrypted').toString());
  });

  it('finds AV1 in the form of Wolf, which says a= twice', () => {
    expect(parseDescribe(Buffer.from('a=a=rtpmap:98 AV1/90000\r\n')).hasAV1).toBe(true);
  });

  it('parses what was formatted', () => {
    const describe = fc.record({
      surroundParams: fc.array(fc.stringMatching(/^\d{1,20}$/), { maxLength: 6 }),
      featureFlags: u32,
      encryptionSupported: u32,
      encryptionRequested: u32,
      hasHEVC: fc.boolean(),
      hasAV1: fc.boolean(),
      hasRefPicInvalidation: fc.boolean(),
    });
    fc.assert(
      fc.property(describe, (written) => {
        expect(parseDescribe(formatDescribe(written))).toEqual(written);
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (body) => typeof parseDescribe(body) === 'object'));
  });
});

describe('readSdpAttribute', () => {
  it.each([
    { name: 'a', text: 'a=a:1', value: '1' },
    { name: 'a', text: 'b=a:0\na=aa:1\r\na=a: 2 \r\na=a:3', value: '2' },
    { name: 'a', text: 'a=a', value: undefined },
    { name: 'a', text: '', value: undefined },
  ])('reads $value from $text', ({ name, text, value }) => {
    expect(readSdpAttribute(text, name)).toBe(value);
  });
});
