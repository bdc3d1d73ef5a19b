/**
 * A random stream of a host, the same for the same seed: numbers that are missing, late, twice or begin anew, sizes
 * of all kinds, super-packets, and what only sockets see.
 */
import { writeU16, writeU16LE, writeU32, writeU32LE } from '../../core/protocol/bytes.ts';
import { datagram, ENET_ACK, ENET_PING, HOST_PEER } from '../../relay/testing/fixture.ts';
import type { Random } from '../fuzz/random.ts';
import type { KernelPlay } from './kernel-relay.ts';

/** How video is numbered: in clear, under encryption in the nonce as Sunshine does, or not at all. */
export type Numbering = 'plain' | 'nonce' | 'none';

const HEADERS_SIZE = 32;
const TICKS_PER_FRAME = 4_500;
/** Longest that fits a link of 1500 bytes, over IPv6. */
const SIZE_MAX = 1_452;
const SUPER_SIZE = 1_000;
const SUPER_SEGMENTS_MAX = 30;
const LATE_MAX = 40;
const LOST_MAX = 8;
const HV = 0x4856;

/** What one step sends: on which stream, and whether as one super-packet. */
export interface Step {
  stream: 'control' | 'video' | 'audio';
  datagrams: Uint8Array[];
  isSuper: boolean;
}

export interface VideoFields {
  number: number;
  frame: number;
  size: number;
}

/** One video datagram of at least 32 bytes. */
export function numberedVideo(numbering: Numbering, { number, frame, size }: VideoFields): Uint8Array {
  const bytes = new Uint8Array(size).fill(number & 0xff);
  if (numbering === 'plain') {
    bytes[0] = 0x90;
    writeU16(bytes, 2, number & 0xffff);
    writeU32(bytes, 4, (frame * TICKS_PER_FRAME) >>> 0);
    writeU32LE(bytes, 20, frame);
    return bytes;
  }
  writeU32LE(bytes, 0, number);
  bytes.fill(0, 4, 10);
  writeU16(bytes, 10, numbering === 'nonce' ? HV : 0x4856 + 1 + (number & 0xff));
  writeU32LE(bytes, 12, frame);
  writeU16LE(bytes, 16, number & 0xffff);
  return bytes;
}

/** The first video datagram of a script. */
export function firstOf(numbering: Numbering, random: Random): { number: number; bytes: Uint8Array } {
  // Now and then near the end of 16 bits.
  const number = random.chance(0.5) ? 0xffff - random.int(50) : random.int(0x1_0000);
  return { number, bytes: numberedVideo(numbering, { number, frame: 1, size: 500 }) };
}

export interface ScriptOptions {
  numbering: Numbering;
  /** Number of the datagram before the script. */
  first: number;
  steps: number;
  /** Whether numbers now and then begin anew, far behind. */
  beginsAnew: boolean;
}

/** The last step is one that the kernel sees in any case. */
export function writeScript(random: Random, options: ScriptOptions): Step[] {
  const { numbering } = options;
  let [next, frame] = [options.first + 1, 1];
  const video = (number: number, size = HEADERS_SIZE + random.int(SIZE_MAX - HEADERS_SIZE)): Uint8Array => {
    if (random.chance(0.3)) frame += 1;
    return numberedVideo(numbering, { number, frame, size });
  };
  const nextVideo = (size?: number): Step => one('video', video(next++, size));
  const superPacket = (): Step => {
    const segments = 2 + random.int(SUPER_SEGMENTS_MAX - 2);
    const datagrams = Array.from({ length: segments }, () =>
      numberedVideo(numbering, { number: next++, frame, size: SUPER_SIZE }),
    );
    return { stream: 'video', datagrams, isSuper: true };
  };
  const kinds: (() => Step)[] = [
    () => one('audio', random.bytes(1 + random.int(SIZE_MAX - 1))),
    () => one('control', datagram(0, HOST_PEER.toClient, random.pick([ENET_ACK, ENET_PING]))),
    // Too short for its headers.
    () => one('video', random.bytes(1 + random.int(HEADERS_SIZE - 1))),
    // Late, or once more.
    () => one('video', video(Math.max(0, next - 1 - random.int(LATE_MAX)))),
    superPacket,
    () => {
      next += 1 + random.int(LOST_MAX);
      return nextVideo();
    },
  ];
  if (options.beginsAnew) {
    kinds.push(() => {
      next = (next + 0x1_0000 - 2_000 - random.int(25_000)) % 0x1_0000;
      return random.chance(0.5) ? superPacket() : nextVideo();
    });
  }
  const steps = Array.from({ length: options.steps }, () =>
    random.chance(0.6) ? nextVideo() : random.pick(kinds)(),
  );
  return [...steps, nextVideo(SUPER_SIZE)];
}

/** A step of one datagram. */
export function one(stream: Step['stream'], bytes: Uint8Array): Step {
  return { stream, datagrams: [bytes], isSuper: false };
}

/** Plays a script, and waits until the client has everything. */
export async function playScript({ client, host, send }: KernelPlay, steps: readonly Step[]): Promise<void> {
  const due = {
    control: client.control.received.length,
    video: client.video.received.length,
    audio: client.audio.received.length,
  };
  for (const [index, { stream, datagrams, isSuper }] of steps.entries()) {
    host.video.segment(isSuper ? SUPER_SIZE : 0);
    send(stream, Buffer.concat(datagrams));
    due[stream] += datagrams.length;
    // No more on the way than the sockets of a relay have room for.
    if (isSuper || index % 20 === 0) await client[stream].expect(due[stream]);
  }
  for (const stream of ['control', 'video', 'audio'] as const) await client[stream].expect(due[stream]);
}
