/** The whole handshake against the recordings of a real client, a real Wolf and a Sunshine-like host. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pingPayloadOf } from '../../core/protocol/rtp/ping.ts';
import { openRtspFrame, parseRtspFrame, sealRtspFrame } from '../../core/protocol/rtsp/encryption.ts';
import { hex, readCapture } from '../../test/support/captures.ts';
import { ask, LOOPBACK, PUBLIC_PORTS, startBench, startHost, type Bench } from './test-bench.ts';

interface Recording {
  rikey: string;
  messages: { requestText: string; replyText: string; requestBase64: string; replyBase64: string }[];
}

const plain10 = readCapture<Recording & { resume: Recording }>('rtsp-plain-10mbit');
const plain20 = readCapture<Recording>('rtsp-plain-20mbit');
const encrypted = readCapture<Recording>('rtsp-encrypted');

/** What the recorded clients call the session, and what our scripted host calls it. */
const OUR_SESSION = 'DEADBEEFCAFE';
const HOST_SESSION = 'HOSTSESSION42';
const HOST_LABEL = 'host-label';
const OUR_PAYLOAD = '0123456789abcdeF';
const OUR_CONNECT_DATA = 0xfedc_ba98;
const STREAMS = ['audio', 'video', 'control'] as const;

/** The recorded reply as our scripted host gives it. */
const hostReply = (text: string) => text.replace(OUR_SESSION, HOST_SESSION);
/** The recorded request as it must reach the host. */
const expectedRequest = (text: string, hostPort: number) =>
  text
    .replace(/rtsp:\/\/\S+/, `rtsp://${HOST_LABEL}:${hostPort}`)
    .replace(/Host: .*/, `Host: ${HOST_LABEL}`)
    .replace(`Session: ${OUR_SESSION}`, `Session: ${HOST_SESSION}`);
/** The recorded reply as it must reach the client. */
const expectedReply = (request: string, text: string) => {
  const stream = STREAMS.find((name) => request.startsWith(`SETUP streamid=${name}`));
  if (stream === undefined) return text;
  const payload = pingPayloadOf(OUR_PAYLOAD, stream === 'audio' ? 'audio' : 'video');
  return text
    .replace(/server_port=\d+/, `server_port=${PUBLIC_PORTS[stream]}`)
    .replace(/X-SS-Ping-Payload: .*/, () => `X-SS-Ping-Payload: ${payload}`)
    .replace(/X-SS-Connect-Data: .*/, `X-SS-Connect-Data: ${OUR_CONNECT_DATA}`);
};
const headerOf = (recording: Recording, request: string, name: string) => {
  const message = recording.messages.find(({ requestText }) => requestText.startsWith(request));
  return new RegExp(`${name}(.*)\r\n`).exec(message?.replyText ?? '')?.[1] ?? '';
};

describe('createRtspServer', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(() => bench.stop());

  it.each([
    { name: 'plain 10 Mbit/s', recording: plain10, label: 'our-label-1', seals: false, hostSeals: false },
    { name: 'its resume', recording: plain10.resume, label: 'our-label-1', seals: false, hostSeals: false },
    { name: 'plain 20 Mbit/s', recording: plain20, label: '174.228.89.188', seals: false, hostSeals: false },
    { name: 'encrypted', recording: encrypted, label: 'our-label-1', seals: true, hostSeals: true },
    {
      name: 'encrypted, plain host',
      recording: encrypted,
      label: 'our-label-1',
      seals: true,
      hostSeals: false,
    },
    {
      name: 'plain, encrypted host',
      recording: plain10,
      label: 'our-label-1',
      seals: false,
      hostSeals: true,
    },
  ])('conducts the recorded handshake: $name', async ({ recording, label, seals, hostSeals }) => {
    const rikey = hex(recording.rikey);
    const { messages } = recording;
    let next = 0;
    const host = await startHost(
      () => hostReply(messages[next++]?.replyText ?? ''),
      hostSeals ? rikey : undefined,
    );
    const { id, tokens } = await bench.addSession({
      rikey,
      host: { port: host.port, encrypted: hostSeals, label: HOST_LABEL },
      tokens: {
        pingPayload: OUR_PAYLOAD,
        connectData: OUR_CONNECT_DATA,
        rtspSession: OUR_SESSION,
        rtspLabel: label,
        peerId: 1,
      },
      launch: { corever: seals ? 1 : 0 },
    });
    if (recording !== plain20 && !seals) await bench.gate.enter({ id, generation: 1, address: LOOPBACK });

    for (const [index, { requestText, replyText, requestBase64, replyBase64 }] of messages.entries()) {
      const answer = await ask(bench.port, Buffer.from(requestBase64, 'base64'));
      expect(host.requests[index]).toBe(expectedRequest(requestText, host.port));
      const expected = expectedReply(requestText, replyText);
      const stream = STREAMS.find((name) => requestText.startsWith(`SETUP streamid=${name}`));
      if (stream !== undefined) expect(await bench.table.get('stream', id)).toHaveProperty(stream);
      if (!seals) expect(answer.toString('latin1')).toBe(expected);
      else expect(open(answer, rikey)).toEqual([index + 1, expected]);
      // Untouched replies are the recorded bytes themselves, cipher and all.
      if (expected === replyText) expect(answer).toEqual(Buffer.from(replyBase64, 'base64'));
    }

    const pingPayload = headerOf(recording, 'SETUP streamid=audio', 'X-SS-Ping-Payload: ');
    const portOf = (stream: string) =>
      Number(headerOf(recording, `SETUP streamid=${stream}`, 'server_port='));
    expect(await bench.table.get('stream', id)).toEqual({
      id,
      generation: 1,
      hostSession: HOST_SESSION,
      audio: { address: LOOPBACK, port: portOf('audio'), pingPayload },
      video: { address: LOOPBACK, port: portOf('video'), pingPayload },
      control: {
        address: LOOPBACK,
        port: portOf('control'),
        connectData: Number(headerOf(recording, 'SETUP streamid=control', 'X-SS-Connect-Data: ')),
      },
      encryptionEnabled: seals ? 7 : 0,
      isPlaying: true,
    });
    expect(await bench.gate.holderOf(LOOPBACK)).toBeUndefined();
    expect(bench.logged.join('')).not.toMatch(
      new RegExp(`${recording.rikey}|${tokens.rtspSession}|${HOST_SESSION}`),
    );
    await host.stop();
  });

  it('takes a request cut into single bytes', async () => {
    const [message] = plain20.messages;
    const host = await startHost(() => message?.replyText);
    await bench.addSession({ host, tokens: tokensWith('174.228.89.188') });
    const answer = await ask(bench.port, message?.requestText ?? '', 1);
    expect(answer.toString('latin1')).toBe(message?.replyText);
    await host.stop();
  });

  it('closes on a frame that was recorded and sent again, and on a foreign one', async () => {
    const rikey = hex(encrypted.rikey);
    const [first, second] = encrypted.messages;
    const host = await startHost(() => first?.replyText);
    await bench.addSession({ rikey, host, launch: { corever: 1 } });
    const frames = [first, second].map((message) => Buffer.from(message?.requestBase64 ?? '', 'base64'));

    expect((await ask(bench.port, frames[1] ?? '')).length).toBeGreaterThan(0);
    expect(await ask(bench.port, frames[1] ?? '')).toHaveLength(0);
    expect(await ask(bench.port, frames[0] ?? '')).toHaveLength(0);
    expect(await bench.refused('replayedFrame')).toBe(2);

    const text = Buffer.from(first?.requestText ?? '');
    const foreign = { key: Buffer.alloc(16, 9), sequence: 3, sender: 'client' } as const;
    expect(await ask(bench.port, sealRtspFrame(text, foreign))).toHaveLength(0);
    expect(
      await ask(bench.port, sealRtspFrame(text, { key: rikey, sequence: 3, sender: 'host' })),
    ).toHaveLength(0);
    expect(await bench.refused('foreignFrame')).toBe(2);
    expect(host.requests).toHaveLength(1);
    await host.stop();
  });
});

function open(answer: Buffer, rikey: Uint8Array): [number, string] | undefined {
  const frame = parseRtspFrame(answer);
  if (typeof frame === 'string') return undefined;
  const text = openRtspFrame(frame, rikey, 'host');
  return [frame.sequence, Buffer.from(text ?? []).toString('latin1')];
}

function tokensWith(rtspLabel: string) {
  return { pingPayload: OUR_PAYLOAD, connectData: 1, rtspSession: OUR_SESSION, rtspLabel, peerId: 1 };
}
