import { describe, expect, it } from 'vitest';
import {
  findHeader,
  formatRtspResponse,
  parseRtspRequest,
  parseRtspResponse,
  type RtspRequest,
} from '../../core/protocol/rtsp/message.ts';
import { parseDescribe, SS_ENC } from '../../core/protocol/sdp.ts';
import { readCapture } from '../../test/support/captures.ts';
import { ClipLibrary } from './clips.ts';
import { createFakeClock } from './fake-clock.ts';
import { completeHabits, type WolfHabits } from './habits.ts';
import { answerRequest, answerStranger, identifyRequest, type RtspHost } from './rtsp-handshake.ts';
import { SimSession } from './session.ts';

interface Recording {
  messages: { requestText: string; replyText: string }[];
}
const plain10 = readCapture<Recording>('rtsp-plain-10mbit');
const plain20 = readCapture<Recording>('rtsp-plain-20mbit');
const encrypted = readCapture<Recording>('rtsp-encrypted');
const clips = new ClipLibrary();

function parse(text: string): RtspRequest {
  const request = parseRtspRequest(Buffer.from(text, 'latin1'));
  if (request === undefined) throw new Error('not a request');
  return request;
}

function makeSession(chosen: Partial<WolfHabits> = {}, clientAddress = '192.0.2.7'): SimSession {
  const query = {
    appId: 1,
    rikey: Buffer.alloc(16),
    rikeyid: 1,
    corever: 0,
    mode: undefined,
    parameters: {},
  };
  const transmit = () => undefined;
  return new SimSession(
    'client',
    { query, clientAddress, isRtspEncrypted: false },
    { clock: createFakeClock(), clips, habits: completeHabits(chosen), fill: false, transmit },
  );
}

function makeHost(chosen: Partial<WolfHabits> = {}): RtspHost {
  return {
    describe: {
      surroundParams: clips.surroundParams(),
      featureFlags: 3,
      encryptionSupported: SS_ENC.CONTROL_V2,
      encryptionRequested: 0,
      hasHEVC: false,
      hasAV1: false,
      hasRefPicInvalidation: false,
    },
    ports: { control: 47999, video: 48100, audio: 48200 },
    habits: completeHabits(chosen),
  };
}

describe('answerRequest', () => {
  it.each([
    { name: '10 Mbit/s', recording: plain10, ports: { video: 48100, audio: 48200 } },
    { name: '20 Mbit/s', recording: plain20, ports: { video: 48100, audio: 48200 } },
    { name: 'encrypted', recording: encrypted, ports: { video: 47998, audio: 48000 } },
  ])('answers the recorded handshake in the recorded layout: $name', ({ recording, ports }) => {
    const { stream } = makeSession({ constantSession: true });
    const host = { ...makeHost(), ports: { control: 47999, ...ports } };
    const messages = recording.messages.slice(0, 7);
    for (const { requestText, replyText } of messages) {
      const response = answerRequest(parse(requestText), stream, host);
      const recorded = parseRtspResponse(Buffer.from(replyText, 'latin1'));
      const secretless = (headers: readonly (readonly [string, string])[] = []) =>
        headers.map(([name, value]) => [name, name.startsWith('X-SS-') ? '' : value]);
      expect(response.status).toBe(recorded?.status);
      expect(response.reason).toBe(recorded?.reason);
      expect(secretless(response.headers)).toEqual(secretless(recorded?.headers));
      expect(parseRtspResponse(formatRtspResponse(response))?.status).toBe(200);
    }
    expect(stream.isPlaying).toBe(true);
    expect(stream.announce).toMatchObject({ width: 1280, height: 720, maxFPS: 60 });
  });

  it('hands out tokens of the right form', () => {
    const { stream } = makeSession();
    const replies = plain10.messages.map(({ requestText }) =>
      answerRequest(parse(requestText), stream, makeHost()),
    );
    const header = (index: number, name: string) => findHeader(replies[index]?.headers ?? [], name) ?? '';
    expect(header(2, 'X-SS-Ping-Payload')).toMatch(/^[\x21-\x7e]{16}$/);
    expect(header(3, 'X-SS-Ping-Payload')).toBe(stream.tokens.pingPayload.video);
    expect(Number(header(4, 'X-SS-Connect-Data'))).toBe(stream.tokens.connectData);
    expect(header(2, 'Session')).toBe(`${stream.tokens.rtspSession};timeout = 90`);
    expect(parseDescribe(replies[1]?.body ?? new Uint8Array())).toEqual(makeHost().describe);
  });

  it('leaves the tokens out where it has that habit', () => {
    const { stream } = makeSession({ legacyTokens: true });
    const host = makeHost({ legacyTokens: true });
    const names = plain10.messages
      .slice(0, 7)
      .flatMap(({ requestText }) => answerRequest(parse(requestText), stream, host).headers)
      .map(([name]) => name);
    expect(new Set(names)).toEqual(new Set(['CSeq', 'Session', 'Transport']));
  });

  it.each([
    { name: 'PLAY before ANNOUNCE', text: 'PLAY / RTSP/1.0\r\nCSeq: 7\r\n\r\n', status: 455 },
    { name: 'an unknown stream', text: 'SETUP streamid=hand/0/0 RTSP/1.0\r\nCSeq: 3\r\n\r\n', status: 404 },
    { name: 'an unknown method', text: 'TEARDOWN / RTSP/1.0\r\nCSeq: 8\r\n\r\n', status: 501 },
    { name: 'an empty ANNOUNCE', text: 'ANNOUNCE / RTSP/1.0\r\nCSeq: 6\r\n\r\n', status: 400 },
  ])('refuses $name', ({ text, status }) => {
    expect(answerRequest(parse(text), makeSession().stream, makeHost()).status).toBe(status);
  });

  it('tells strangers that there is no session', () => {
    expect(answerStranger(parse('OPTIONS * RTSP/1.0\r\n\r\n'))).toMatchObject({ status: 454 });
  });
});

describe('identifyRequest', () => {
  const [a, b] = [makeSession(), makeSession({}, '192.0.2.8')];
  const wolfA = makeSession({ constantSession: true });
  const wolfB = makeSession({ constantSession: true });
  const request = (headers: string) => parse(`PLAY / RTSP/1.0\r\nCSeq: 1\r\n${headers}\r\n`);
  const good = { address: '192.0.2.8', habits: completeHabits() };
  const wolf = { address: '192.0.2.7', habits: completeHabits({ constantSession: true }) };

  it.each([
    {
      name: 'the Session value',
      headers: `Host: 0.0.0.0\r\nSession: ${a.stream.tokens.rtspSession}\r\n`,
      found: a,
    },
    {
      name: 'an unknown Session',
      headers: `Host: ${a.stream.tokens.label}\r\nSession: X\r\n`,
      found: undefined,
    },
    { name: 'the label in Host', headers: `Host: ${a.stream.tokens.label}\r\n`, found: a },
    { name: 'the label with a port', headers: `Host: ${a.stream.tokens.label}:48010\r\n`, found: a },
    { name: 'an unknown label', headers: 'Host: 198.51.100.1\r\n', found: undefined },
    { name: 'the address', headers: 'Host: 0.0.0.0\r\n', found: b },
    { name: 'the address without Host', headers: '', found: b },
  ])('goes by $name', ({ headers, found }) => {
    expect(identifyRequest(request(headers), [a, b], good)).toBe(found);
  });

  it('goes by the label in the URL, too', () => {
    const url = `OPTIONS rtsp://${a.stream.tokens.label}:48010 RTSP/1.0\r\nCSeq: 1\r\n\r\n`;
    expect(identifyRequest(parse(url), [a, b], good)).toBe(a);
  });

  it('takes the first of an address where all sessions have one name', () => {
    const candidates = [wolfA, wolfB];
    const anonymous = 'Host: 0.0.0.0\r\nSession: DEADBEEFCAFE\r\n';
    const labelled = `Host: ${wolfB.stream.tokens.label}\r\nSession: DEADBEEFCAFE\r\n`;
    expect(identifyRequest(request(anonymous), candidates, wolf)).toBe(wolfA);
    expect(identifyRequest(request(labelled), candidates, wolf)).toBe(wolfB);
  });
});
