/**
 * Nobody can tell the engines apart by what they count: the same stream of a host, sent through each of them, leaves
 * the same row and the same counters.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SS_ENC } from '../core/protocol/sdp.ts';
import type { FlowRecord } from '../core/session/record.ts';
import type { Counters } from '../relay/counts/counters.ts';
import { Random } from './fuzz/random.ts';
import { playInNetwork } from './support/kernel-relay.ts';
import {
  firstOf,
  numberedVideo,
  one,
  playScript,
  writeScript,
  type Numbering,
  type Step,
} from './support/kernel-script.ts';
import { describeKernelPath, type KernelStage } from './support/kernel-suite.ts';

const STEPS = 400;
/** So many that the time between the first and the second, when other things are done, hardly matters. */
const FRAMES = 200;
/** What a machine that is busy for a moment may add to the time between two frames, ms. */
const JITTER_TOLERANCE_MS = 5;

/** What must be the same. */
interface Counts {
  row: Pick<FlowRecord, 'status' | 'datagrams' | 'bytes' | 'isFrozen'>;
  quality: { videoLost: number; videoDatagrams: number };
  toClient: Counters['toClient'];
  toHost: Counters['toHost']['control'];
  dropped: Counters['dropped'];
}

interface Played {
  counts: Counts;
  jitterMs: number;
  /** Datagrams of the script that the sockets of the edge took. */
  taken: number;
}

interface Stream {
  family: 4 | 6;
  numbering: Numbering;
  first: Uint8Array;
  steps: readonly Step[];
}

/** Plays `stream` through one engine, from the first datagram to the row of its flow. */
async function playThrough(
  { network }: KernelStage,
  engine: 'kernel' | 'userspace',
  stream: Stream,
): Promise<Played> {
  const play = await playInNetwork(network, engine, stream.family, {
    firstVideo: stream.first,
    stream: { encryptionEnabled: stream.numbering === 'plain' ? 0 : SS_ENC.VIDEO },
  });
  try {
    const { fixture } = play;
    expect(fixture.relay.stats().datapath.engine).toBe(engine);
    await play.establishAudio();
    const taken = play.taken();
    await playScript(play, stream.steps);
    const tookAll = play.taken() - taken;
    // Long enough for counts and rows; the real time, which the kernel knows, has hardly moved.
    fixture.clock.advance(400);
    const { counters } = fixture.relay.stats();
    await expect
      .poll(async () => (await fixture.flowRow('session-1'))?.datagrams.video)
      .toBe(counters.toClient.video.datagrams);
    const row = await fixture.flowRow('session-1');
    if (row?.quality === undefined) throw new Error('the row says nothing of the quality');
    const { status, datagrams, bytes, isFrozen, quality } = row;
    return {
      counts: {
        row: { status, datagrams, bytes, isFrozen },
        quality: { videoLost: quality.videoLost, videoDatagrams: quality.videoDatagrams },
        toClient: structuredClone(counters.toClient),
        toHost: { ...counters.toHost.control },
        dropped: { ...counters.dropped },
      },
      jitterMs: quality.jitterMs,
      taken: tookAll,
    };
  } finally {
    await play.close();
  }
}

async function expectSame(
  stage: KernelStage,
  stream: Stream,
): Promise<Record<'kernel' | 'userspace', Played>> {
  const userspace = await playThrough(stage, 'userspace', stream);
  const kernel = await playThrough(stage, 'kernel', stream);
  expect(kernel.counts).toEqual(userspace.counts);
  return { kernel, userspace };
}

function write(seed: number, family: 4 | 6, numbering: Numbering, beginsAnew: boolean): Stream {
  const random = new Random(seed);
  const { number, bytes } = firstOf(numbering, random);
  return {
    family,
    numbering,
    first: bytes,
    steps: writeScript(random, { numbering, first: number, steps: STEPS, beginsAnew }),
  };
}

describeKernelPath('statistics', (stage) => {
  describe.each([4, 6] as const)('IPv%i', (family) => {
    it.each([
      { numbering: 'plain', seed: 1 },
      { numbering: 'plain', seed: 2 },
      { numbering: 'plain', seed: 3 },
      { numbering: 'nonce', seed: 4 },
      { numbering: 'nonce', seed: 5 },
      { numbering: 'none', seed: 6 },
    ] as const)('are those of userspace: $numbering, seed $seed', async ({ numbering, seed }) => {
      const { kernel, userspace } = await expectSame(stage, write(seed, family, numbering, true));
      expect(kernel.counts.quality.videoDatagrams).toBeGreaterThan(STEPS / 2);
      expect(userspace.taken).toBeGreaterThan(STEPS);
      expect(kernel.taken).toBeLessThan(STEPS / 4);
    });

    describe('with fragments', () => {
      beforeAll(async () => {
        await stage.network.ip('pod', 'link', 'set', 'eth0', 'mtu', '1300');
      });
      afterAll(async () => {
        await stage.network.ip('pod', 'link', 'set', 'eth0', 'mtu', '1500');
      });
      it.each([
        { numbering: 'plain', seed: 7 },
        { numbering: 'plain', seed: 8 },
        { numbering: 'nonce', seed: 9 },
        { numbering: 'none', seed: 10 },
      ] as const)('are those of userspace: $numbering, seed $seed', async ({ numbering, seed }) => {
        await expectSame(stage, write(seed, family, numbering, false));
      });
    });
  });

  it.each(['plain', 'nonce'] as const)(
    'say of frames that come all at once how unsteady that is: %s',
    async (numbering) => {
      const video = (number: number): Uint8Array =>
        numberedVideo(numbering, { number, frame: number, size: 500 });
      const steps = Array.from({ length: FRAMES }, (_, index) => one('video', video(index + 2)));
      const stream = { family: 4, numbering, first: video(1), steps } as const;
      const { kernel, userspace } = await expectSame(stage, stream);
      expect(Math.abs(kernel.jitterMs - userspace.jitterMs)).toBeLessThan(JITTER_TOLERANCE_MS);
      if (numbering === 'plain') expect(userspace.jitterMs).toBeGreaterThan(5 * JITTER_TOLERANCE_MS);
    },
  );
});
