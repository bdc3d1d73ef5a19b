import { describe, expect, it } from 'vitest';
import { parseAnnounce } from '../../core/protocol/sdp.ts';
import { parseRtspRequest } from '../../core/protocol/rtsp/message.ts';
import { parseVideoPacket } from '../../core/protocol/rtp/video.ts';
import { readCapture } from '../../test/support/captures.ts';
import { ClipLibrary } from './clips.ts';
import { createFakeClock } from './fake-clock.ts';
import { completeHabits, type WolfHabits } from './habits.ts';
import { Sessions, type LaunchOrder } from './sessions.ts';
import type { SimSession } from './session.ts';
import type { Destination, Media } from './stream.ts';

const clips = new ClipLibrary();
const plain = readCapture<{ messages: { requestText: string }[] }>('rtsp-plain-10mbit');
const recordedAnnounce = parseAnnounce(
  parseRtspRequest(Buffer.from(plain.messages[5]?.requestText ?? '', 'latin1'))?.body ?? new Uint8Array(),
);

function setUp(chosen: Partial<WolfHabits> = {}) {
  const clock = createFakeClock();
  const sent: { media: Media; datagram: Uint8Array; to: Destination }[] = [];
  const sessions = new Sessions({
    clock,
    clips,
    habits: completeHabits(chosen),
    fill: false,
    transmit: (media, datagram, to) => sent.push({ media, datagram, to }),
    sessionsMax: 2,
    offersRtspEncryption: true,
  });
  return { clock, sessions, sent };
}

function order(fingerprint: string, changes: Partial<LaunchOrder['query']> = {}): LaunchOrder {
  const query = {
    appId: 1,
    rikey: Buffer.alloc(16),
    rikeyid: -5,
    corever: 0,
    mode: undefined,
    parameters: {},
  };
  return { fingerprint, clientAddress: '192.0.2.1', query: { ...query, ...changes } };
}

function opened(result: SimSession | string): SimSession {
  if (typeof result === 'string') throw new Error(result);
  return result;
}

function play({ stream }: SimSession): void {
  if (recordedAnnounce === undefined) throw new Error('not an announce');
  stream.describe(recordedAnnounce);
  stream.play();
}

describe('Sessions', () => {
  it('has one session per certificate, and so many in all', () => {
    const { sessions } = setUp();
    opened(sessions.launch(order('a')));
    expect(sessions.launch(order('a'))).toBe('running');
    opened(sessions.launch(order('b')));
    expect(sessions.launch(order('c'))).toBe('full');
    expect(sessions.resume(order('c'))).toBe('noSession');
    sessions.remove('a');
    opened(sessions.launch(order('c')));
  });

  it('encrypts RTSP for clients that can', () => {
    const { sessions } = setUp();
    expect(opened(sessions.launch(order('a', { corever: 1 }))).stream.request.isRtspEncrypted).toBe(true);
    expect(opened(sessions.launch(order('b'))).stream.request.isRtspEncrypted).toBe(false);
  });

  it('starts each medium with its first ping after PLAY, whichever comes first', () => {
    const { sessions, sent, clock } = setUp();
    const session = opened(sessions.launch(order('a')));
    const { pingPayload } = session.stream.tokens;
    const ping = (media: Media, port: number) =>
      sessions
        .findByPing(media, pingPayload[media], '203.0.113.9')
        ?.stream.ping(media, { address: 'x', port });
    ping('audio', 1);
    expect(sent).toEqual([]);
    play(session);
    expect(new Set(sent.map(({ media }) => media))).toEqual(new Set(['audio']));
    ping('video', 2);
    clock.advance(99);
    const ports = { video: new Set<number>(), audio: new Set<number>() };
    for (const { media, to } of sent) ports[media].add(to.port);
    expect(ports).toEqual({ video: new Set([2]), audio: new Set([1]) });
    expect(session.info()).toMatchObject({ isStreaming: true, framesSent: 6, audioPacketsSent: 20 });
    session.pause();
  });

  it.each([
    { name: 'follows the newest ping', habits: {}, port: 3 },
    { name: 'stays with the first ping, if it has that habit', habits: { firstPingOnly: true }, port: 2 },
  ])('$name', ({ habits, port }) => {
    const { sessions, sent, clock } = setUp(habits);
    const session = opened(sessions.launch(order('a')));
    play(session);
    session.stream.ping('video', { address: 'x', port: 2 });
    session.stream.ping('video', { address: 'x', port: 3 });
    clock.advance(20);
    expect(sent.at(-1)?.to.port).toBe(port);
    session.pause();
  });

  it('numbers frames from 1, or from 0 if it has that habit', () => {
    for (const firstFrameIndex0 of [false, true]) {
      const { sessions, sent } = setUp({ firstFrameIndex0 });
      const session = opened(sessions.launch(order('a')));
      play(session);
      session.stream.ping('video', { address: 'x', port: 2 });
      const frameIndex = parseVideoPacket(sent[0]?.datagram ?? new Uint8Array())?.frameIndex;
      expect(frameIndex).toBe(firstFrameIndex0 ? 0 : 1);
      session.pause();
    }
  });

  it('ignores foreign pings, and PING unless it gave out no payloads', () => {
    const { sessions } = setUp();
    opened(sessions.launch(order('a')));
    expect(sessions.findByPing('video', 'x'.repeat(16), '192.0.2.1')).toBeUndefined();
    expect(sessions.findByPing('video', undefined, '192.0.2.1')).toBeUndefined();

    const legacy = setUp({ legacyTokens: true }).sessions;
    const session = opened(legacy.launch(order('a')));
    expect(legacy.findByPing('video', undefined, '192.0.2.1')?.session).toBe(session);
    expect(legacy.findByPing('video', undefined, '192.0.2.2')).toBeUndefined();
  });

  it('resumes with new tokens and numbers, where the picture was', () => {
    const { sessions, sent, clock } = setUp();
    const session = opened(sessions.launch(order('a')));
    play(session);
    const before = session.stream.tokens;
    session.stream.ping('video', { address: 'x', port: 2 });
    clock.advance(999);
    session.input(true);
    expect(sessions.resume(order('a', { rikeyid: 7 }))).toBe(session);
    expect(session.info()).toMatchObject({ generation: 2, rikeyid: 7, inputEvents: 1, cardPosition: 60 });
    const { tokens } = session.stream;
    expect(tokens.label).not.toBe(before.label);
    expect(tokens.rtspSession).not.toBe(before.rtspSession);
    expect(tokens.connectData).not.toBe(before.connectData);
    expect(sessions.findByPing('video', before.pingPayload.video, '192.0.2.1')).toBeUndefined();

    sent.length = 0;
    clock.advance(100);
    expect(sent).toEqual([]);
    play(session);
    session.stream.ping('video', { address: 'x', port: 2 });
    const packet = parseVideoPacket(sent[0]?.datagram ?? new Uint8Array());
    expect(packet).toMatchObject({ frameIndex: 1, rtp: { sequenceNumber: 0 } });
    expect(session.info().cardPosition).toBe(61);
    session.pause();
  });

  it('ends a stream whose client pings no more', () => {
    const { sessions, clock } = setUp();
    const session = opened(sessions.launch(order('a')));
    play(session);
    session.stream.ping('video', { address: 'x', port: 2 });
    clock.advance(9_000);
    session.stream.ping('video', { address: 'x', port: 2 });
    clock.advance(9_000);
    expect(session.info().isStreaming).toBe(true);
    clock.advance(1_000);
    expect(session.info().isStreaming).toBe(false);
    expect(clock.pending()).toBe(0);
  });
});
