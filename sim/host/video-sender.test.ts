import { describe, expect, it } from 'vitest';
import { openVideoPacket } from '../../core/protocol/rtp/video-encryption.ts';
import { parseFrameHeader, parseVideoPacket } from '../../core/protocol/rtp/video.ts';
import { SS_ENC, type Announce } from '../../core/protocol/sdp.ts';
import { readSei } from '../media/sei.ts';
import { ClipLibrary } from './clips.ts';
import { createFakeClock } from './fake-clock.ts';
import { TestCard } from './test-card.ts';
import { VideoSender } from './video-sender.ts';

const ANNOUNCE: Announce = {
  width: 1280,
  height: 720,
  maxFPS: 60,
  packetSize: 1024,
  maximumBitrateKbps: 10_000,
  configuredBitrateKbps: undefined,
  minRequiredFecPackets: 2,
  bitStreamFormat: 0,
  encryptionEnabled: 0,
  nvFeatureFlags: 135,
  mlFeatureFlags: 3,
  audioChannels: 2,
  audioPacketDurationMs: 5,
  encoderCscMode: 0,
  slicesPerFrame: 1,
};
const KEY = Buffer.alloc(16, 7);
const clips = new ClipLibrary();

function setUp(announce: Partial<Announce> = {}, fill = false) {
  const clock = createFakeClock();
  const sent: { atMs: number; datagram: Uint8Array }[] = [];
  const sender = new VideoSender({
    clock,
    card: new TestCard(clips.card(720)),
    announce: { ...ANNOUNCE, ...announce },
    key: KEY,
    firstFrameIndex: 1,
    flagsEachBlock: true,
    fill,
    stamp: () => ({ inputEvents: 5, rikeyid: 6 }),
    transmit: (datagram) => sent.push({ atMs: clock.nowMs() - 1000, datagram }),
  });
  return { clock, sender, sent };
}

describe('VideoSender', () => {
  it('sends an IDR at once and then a frame each sixtieth of a second, with growing timestamps', () => {
    const { clock, sender, sent } = setUp();
    sender.start();
    clock.advance(999);
    sender.stop();
    const firsts = sent.filter(({ datagram }) => ((parseVideoPacket(datagram)?.flags ?? 0) & 4) !== 0);
    const frames = firsts.filter(({ datagram }) => parseVideoPacket(datagram)?.isParity === false);
    expect(frames).toHaveLength(60);
    expect(sender.framesSent).toBe(60);
    for (const [index, { atMs, datagram }] of frames.entries()) {
      expect(atMs).toBeCloseTo((index * 1000) / 60, 6);
      const packet = parseVideoPacket(datagram);
      expect(packet).toMatchObject({ frameIndex: index + 1, rtp: { timestamp: index * 1500 } });
      expect(parseFrameHeader(datagram.subarray(32))?.frameType).toBe(index % 30 === 0 ? 2 : 1);
    }
    expect(new Set(sent.map(({ datagram }) => datagram.length))).toEqual(new Set([1040]));
  });

  it('stamps each frame with its time, the input events and the key', () => {
    const { sender, sent, clock } = setUp();
    sender.start();
    clock.advance(20);
    sender.stop();
    const stamps = sent.flatMap(({ datagram }) => readSei(datagram.subarray(40)) ?? []);
    expect(stamps[0]).toEqual({ sentAtUs: 1_000_000, inputEvents: 5, rikeyid: 6 });
    expect(stamps.at(-1)?.sentAtUs).toBe(1_016_667);
  });

  it('pads to the bitrate', () => {
    const { clock, sender, sent } = setUp({}, true);
    sender.start();
    clock.advance(999);
    sender.stop();
    const data = sent.filter(({ datagram }) => parseVideoPacket(datagram)?.isParity === false);
    const bits = data.length * (1040 - 32) * 8;
    expect(bits / 10_000_000).toBeGreaterThan(0.98);
    expect(bits / 10_000_000).toBeLessThan(1.05);
  });

  it('encrypts under ever new nonces where negotiated', () => {
    const { sender, sent } = setUp({ encryptionEnabled: SS_ENC.VIDEO });
    sender.start();
    sender.stop();
    const nonces = new Set(sent.map(({ datagram }) => Buffer.from(datagram.subarray(0, 12)).toString('hex')));
    expect(nonces.size).toBe(sent.length);
    expect(nonces).toContain('010000000000000000004856');
    for (const { datagram } of sent) {
      expect(datagram).toHaveLength(1072);
      const opened = openVideoPacket(datagram, KEY);
      expect(opened?.frameNumber).toBe(1);
      expect(opened && parseVideoPacket(opened.packet)?.frameIndex).toBe(1);
    }
  });

  it('bears with whatever a client announces', () => {
    for (const extreme of [0, 0xffff_ffff]) {
      const wild = { packetSize: extreme, maxFPS: extreme, maximumBitrateKbps: extreme };
      const { sender, sent } = setUp({ ...wild, minRequiredFecPackets: extreme }, true);
      sender.start();
      sender.stop();
      expect(sent.length).toBeGreaterThan(0);
      expect(sent.length).toBeLessThan(4 * 256);
    }
  });
});
