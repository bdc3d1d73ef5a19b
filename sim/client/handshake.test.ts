import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { formatRtspRequest, parseRtspResponse, type RtspResponse } from '../../core/protocol/rtsp/message.ts';
import { parseSessionUrl } from '../../core/protocol/moonlight/session-url.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { handshake, type MediaSetup, type StreamSettings } from './handshake.ts';
import { planRtspTarget } from './stream-plan.ts';

const Capture = z.object({
  sessionUrl0: z.string(),
  messages: z.array(z.object({ requestText: z.string(), replyText: z.string() })),
});
const read = (name: string) =>
  Capture.parse(
    JSON.parse(readFileSync(new URL(`../../test/captures/${name}.json`, import.meta.url), 'utf8')),
  );

const SETTINGS: StreamSettings = {
  width: 1280,
  height: 720,
  fps: 60,
  bitrateKbps: 10_000,
  wantsVideoEncryption: false,
  wantsAudioEncryption: false,
  corever: 1,
};

const parse = (reply: string): RtspResponse => {
  const response = parseRtspResponse(Buffer.from(reply, 'latin1'));
  if (response === undefined) throw new Error('no reply');
  return response;
};

function run(
  replies: readonly string[],
  o: { url: string; address: string; settings?: Partial<StreamSettings> },
) {
  const settings = { ...SETTINGS, ...o.settings };
  const url = parseSessionUrl(o.url);
  if (url === undefined) throw new Error('no URL');
  const answer = { address: o.address, rtspPort: url.port, label: url.host, encrypted: url.encrypted };
  const audio: MediaSetup[] = [];
  const steps = handshake({
    address: o.address,
    settings,
    target: planRtspTarget(answer, settings.bitrateKbps),
    onAudioSetup: (setup) => audio.push(setup),
  });
  const requests: string[] = [];
  let step = steps.next();
  for (const reply of replies) {
    if (step.done === true) break;
    requests.push(Buffer.from(formatRtspRequest(step.value)).toString('latin1'));
    step = steps.next(parse(reply));
  }
  return { requests, audio, negotiated: step.done === true ? step.value : undefined };
}

describe('handshake', () => {
  it.each([
    { name: 'rtsp-plain-10mbit', address: '10.77.0.80', settings: {} },
    { name: 'rtsp-plain-20mbit', address: '10.77.0.80', settings: { bitrateKbps: 20_000 } },
    {
      name: 'rtsp-encrypted',
      address: '10.77.0.171',
      settings: { wantsVideoEncryption: true, wantsAudioEncryption: true },
    },
  ])('sends what a real client sent, byte for byte: $name', ({ name, address, settings }) => {
    const { sessionUrl0: url, messages } = read(name);
    const { requests } = run(
      messages.map(({ replyText }) => replyText),
      { url, address, settings },
    );
    expect(requests).toEqual(messages.map(({ requestText }) => requestText));
  });

  it('learns ports, payloads and connect data', () => {
    const { sessionUrl0: url, messages } = read('rtsp-plain-10mbit');
    const replies = messages.map(({ replyText }) => replyText);
    const { negotiated, audio } = run(replies, { url, address: '10.77.0.80' });
    const pingPayload = "2uy,^{1nf'z~#9rN";
    expect(negotiated).toEqual({
      audio: { port: 48200, pingPayload },
      video: { port: 48100, pingPayload },
      control: { port: 47999, connectData: 2467153406 },
      controlVersion: 'v1',
      hasVideoEncryption: false,
      hasAudioEncryption: false,
    });
    expect(audio).toEqual([negotiated?.audio]);
  });

  const describeReply = (supported: number, requested: number) =>
    `RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\na=x-ss-general.encryptionSupported:${supported}\r\na=x-ss-general.encryptionRequested:${requested}\r\n`;
  it.each([
    { name: 'nothing offered', supported: 0, requested: 0, wants: false, expected: ['v1', false, false] },
    {
      name: 'all offered, none wanted',
      supported: 7,
      requested: 0,
      wants: false,
      expected: ['v2', false, false],
    },
    { name: 'all offered and wanted', supported: 7, requested: 0, wants: true, expected: ['v2', true, true] },
    {
      name: 'all requested, none wanted',
      supported: 7,
      requested: 7,
      wants: false,
      expected: ['v2', true, true],
    },
    // A client does not ask who offers audio encryption (MOONLIGHT.md e).
    {
      name: 'nothing offered, all wanted',
      supported: 0,
      requested: 0,
      wants: true,
      expected: ['v1', false, true],
    },
  ])('negotiates encryption with $name', ({ supported, requested, wants, expected }) => {
    const { sessionUrl0: url, messages } = read('rtsp-plain-10mbit');
    const replies = messages.map(({ replyText }, index) =>
      index === 1 ? describeReply(supported, requested) : replyText,
    );
    const settings = { wantsVideoEncryption: wants, wantsAudioEncryption: wants };
    const { negotiated } = run(replies, { url, address: '127.0.0.1', settings });
    const { controlVersion, hasVideoEncryption, hasAudioEncryption } = negotiated ?? {};
    expect([controlVersion, hasVideoEncryption, hasAudioEncryption]).toEqual(expected);
  });

  it('falls back to the usual ports and legacy pings where SETUP says nothing', () => {
    const { sessionUrl0: url, messages } = read('rtsp-plain-10mbit');
    const bare = 'RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: X\r\n\r\n';
    const replies = messages.map(({ replyText }, index) => ([2, 3, 4].includes(index) ? bare : replyText));
    expect(run(replies, { url, address: '127.0.0.1' }).negotiated).toMatchObject({
      audio: { port: 48200, pingPayload: undefined },
      video: { port: 48100, pingPayload: undefined },
      control: { port: 47999, connectData: 0 },
    });
  });

  it.each([
    { name: 'a status other than 200', at: 0, reply: 'RTSP/1.0 454 Session Not Found\r\nCSeq: 1\r\n\r\n' },
    { name: 'an empty DESCRIBE', at: 1, reply: 'RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n' },
    { name: 'a SETUP without Session', at: 2, reply: 'RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n' },
  ])('fails on $name', ({ at, reply }) => {
    const { sessionUrl0: url, messages } = read('rtsp-plain-10mbit');
    const replies = messages.map(({ replyText }, index) => (index === at ? reply : replyText));
    expect(() => run(replies, { url, address: '127.0.0.1' })).toThrow(GleipnirError);
  });
});
