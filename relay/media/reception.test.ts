import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MULTI_FEC_FLAGS, VIDEO_FLAG, writeVideoPacketHeaders } from '../../core/protocol/rtp/video.ts';
import { VideoReception } from './reception.ts';

interface Datagrams {
  video: { datagrams: { tMs: number; direction: string; hex: string }[] };
}

const CAPTURE = JSON.parse(
  readFileSync(new URL('../../test/captures/media.json', import.meta.url), 'utf8'),
) as Record<'wolf10mbit' | 'wolf20mbit' | 'fakeHostEncrypted', Datagrams>;

/** Stands where it is put. */
const clock = { nowMs: 0, preciseMs: () => clock.nowMs };

function packet(sequenceNumber: number, { frameIndex = 1, timestamp = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(64);
  writeVideoPacketHeaders(bytes, {
    rtp: { hasExtension: true, marker: false, payloadType: 0, sequenceNumber, timestamp, ssrc: 0 },
    streamPacketIndex: 0,
    frameIndex,
    flags: VIDEO_FLAG.PICTURE_DATA,
    extraFlags: 0,
    multiFecFlags: MULTI_FEC_FLAGS,
    fecBlock: 0,
    fecLastBlock: 0,
    dataShards: 1,
    shardIndex: 0,
    fecPercentage: 0,
  });
  return bytes;
}

function receive(sequenceNumbers: readonly number[]): VideoReception {
  const reception = new VideoReception();
  for (const sequenceNumber of sequenceNumbers) reception.take(packet(sequenceNumber & 0xffff), clock);
  return reception;
}

/** Frames that arrive at these times, with timestamps or without. */
function receiveFrames(
  arrivalsMs: readonly number[],
  timestampOf: (frame: number) => number,
): VideoReception {
  const reception = new VideoReception();
  for (const [frame, nowMs] of arrivalsMs.entries()) {
    clock.nowMs = nowMs;
    const timestamp = timestampOf(frame);
    for (const shard of [0, 1]) {
      reception.take(packet(2 * frame + shard, { frameIndex: frame + 1, timestamp }), clock);
    }
  }
  return reception;
}

const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, n) => first + n);

describe('VideoReception', () => {
  it.each([
    { name: 'an unbroken sequence', numbers: from(5, 100), lost: 0 },
    { name: 'an unbroken sequence over the wrap', numbers: from(65_500, 100), lost: 0 },
    { name: 'a gap', numbers: [...from(1, 10), ...from(14, 5)], lost: 3 },
    { name: 'a gap over the wrap', numbers: [65_533, 65_534, 65_537, 65_538], lost: 2 },
    { name: 'neighbours that changed places', numbers: [1, 2, 4, 3, 5, 7, 8, 6, 9], lost: 0 },
    { name: 'late ones over the wrap', numbers: [65_534, 65_537, 65_535, 65_536, 65_538], lost: 0 },
    { name: 'one that comes twice', numbers: [1, 2, 2, 3], lost: 0 },
    { name: 'a sequence that begins anew', numbers: [...from(30_000, 50), ...from(0, 50)], lost: 0 },
    { name: 'a stray number', numbers: [30_000, 30_001, 7, 30_002, 30_003], lost: 0 },
    { name: 'more than 2^16', numbers: from(0, 200_000).filter((n) => n % 100 !== 7), lost: 2_000 },
  ])('counts what is lost in $name', ({ numbers, lost }) => {
    const reception = receive(numbers);
    expect(reception.lost).toBe(lost);
    expect(reception.datagrams).toBe(numbers.length);
  });

  it('counts exactly what was left out, in whatever order the rest comes', () => {
    const order = fc.record({
      first: fc.nat(0xffff),
      kept: fc.array(fc.boolean(), { minLength: 3, maxLength: 300 }),
      swaps: fc.array(fc.nat(300), { maxLength: 30 }),
    });
    fc.assert(
      fc.property(order, ({ first, kept, swaps }) => {
        const numbers = kept.flatMap((isKept, n) => (isKept ? [first + 1 + n] : []));
        // The first and the last one stay where they are: they say where the sequence begins and ends.
        const sent = [first, ...numbers, first + kept.length + 1];
        for (const at of swaps) {
          if (at < 1 || at + 2 >= sent.length) continue;
          [sent[at], sent[at + 1]] = [sent[at + 1] ?? 0, sent[at] ?? 0];
        }
        expect(receive(sent).lost).toBe(kept.filter((isKept) => !isKept).length);
      }),
    );
  });

  it('goes on from what an earlier relay counted, without what came in between', () => {
    const reception = new VideoReception();
    reception.restore({ lost: 3, datagrams: 40 });
    for (const sequenceNumber of [900, 901, 903]) reception.take(packet(sequenceNumber), clock);
    expect(reception).toMatchObject({ lost: 4, datagrams: 43 });
  });

  it.each(['wolf10mbit', 'wolf20mbit', 'fakeHostEncrypted'] as const)('takes the recorded %s', (name) => {
    const reception = new VideoReception();
    reception.isEncrypted = name === 'fakeHostEncrypted';
    const recorded = CAPTURE[name].video.datagrams.filter(({ direction }) => direction === 'host->client');
    for (const [index, { tMs, hex }] of recorded.entries()) {
      clock.nowMs = tMs;
      if (index !== 5) reception.take(Buffer.from(hex, 'hex'), clock);
    }
    expect(reception).toMatchObject({ lost: 1, datagrams: recorded.length - 1 });
    expect(reception.jitterMs).toBeLessThan(3);
  });

  it('misses nothing where nonces do not count', () => {
    const reception = new VideoReception();
    reception.isEncrypted = true;
    for (const counter of [9, 4_000, 17]) {
      const datagram = new Uint8Array(64).fill(0xaa);
      datagram[0] = counter;
      reception.take(datagram, clock);
    }
    expect(reception).toMatchObject({ lost: 0, datagrams: 3 });
  });

  it('never throws, whatever the bytes', () => {
    const reception = new VideoReception();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, isEncrypted) => {
        reception.isEncrypted = isEncrypted;
        reception.take(bytes, clock);
        expect(reception.lost).toBeGreaterThanOrEqual(0);
        expect(reception.jitterMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('VideoReception.jitterMs', () => {
  const even = Array.from({ length: 400 }, (_, frame) => frame * 20);
  /** Every other frame 8 ms late: each interval is 8 ms off. */
  const uneven = even.map((nowMs, frame) => nowMs + (frame % 2) * 8);
  const ticking = (frame: number): number => (0xffff_0000 + frame * 1_800) >>> 0;
  const still = (): number => 0;

  it.each([
    { name: 'frames at the pace of their timestamps', arrivals: even, timestampOf: ticking, jitterMs: 0 },
    { name: 'frames without timestamps at an even pace', arrivals: even, timestampOf: still, jitterMs: 0 },
    { name: 'frames off the pace of their timestamps', arrivals: uneven, timestampOf: ticking, jitterMs: 8 },
    { name: 'frames off their average pace', arrivals: uneven, timestampOf: still, jitterMs: 8 },
  ])('is $jitterMs for $name', ({ arrivals, timestampOf, jitterMs }) => {
    expect(Math.abs(receiveFrames(arrivals, timestampOf).jitterMs - jitterMs)).toBeLessThan(0.5);
  });

  it('is 0 where frames are late but the timestamps say so', () => {
    const reception = receiveFrames(uneven, (frame) => 90 * (uneven[frame] ?? 0));
    expect(reception.jitterMs).toBe(0);
  });

  it('knows lost frames, late datagrams and a stream that stood still', () => {
    const reception = new VideoReception();
    const take = (nowMs: number, frameIndex: number): void => {
      clock.nowMs = nowMs;
      reception.take(packet(frameIndex, { frameIndex }), clock);
    };
    for (let frame = 1; frame <= 300; frame++) {
      if (frame % 10 === 3) continue;
      take(frame * 20, frame);
      if (frame % 10 === 5) take(frame * 20 + 5, frame - 2);
    }
    take(60_000, 301);
    expect(reception.jitterMs).toBeLessThan(0.01);
  });
});
