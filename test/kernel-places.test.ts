/** Where the kernel path runs: behind one device, beside other programs, into a pod of the same node. */
import { afterEach, describe, expect, it } from 'vitest';
import { ENET_ACK, ENET_PING } from '../relay/testing/fixture.ts';
import { readSentFrames } from './support/kernel-counters.ts';
import { NeighbourProgram } from './support/kernel-neighbour.ts';
import type { KernelPlay } from './support/kernel-relay.ts';
import { echo, talkTcp } from './support/kernel-strangers.ts';
import { describeKernelPath, type KernelStage } from './support/kernel-suite.ts';

const FAMILIES = [4, 6] as const;
const COUNT = 50;

/** All that the kernel forwards, many times; resolves when all of it has come. @returns what the sockets took. */
async function streamThrough(play: KernelPlay): Promise<number> {
  const { client, send, sendVideo, sendControl } = play;
  await play.establishAudio();
  const [taken, before] = [play.taken(), countsOf(play)];
  const sent = { video: [] as Uint8Array[], audio: [] as Uint8Array[], control: [] as Uint8Array[] };
  for (let sequence = 2; sequence < 2 + COUNT; sequence += 1) {
    sent.video.push(sendVideo(sequence, 1000 + sequence));
    const audio = Buffer.alloc(100 + sequence, sequence);
    send('audio', audio);
    sent.audio.push(audio);
    sent.control.push(sendControl(ENET_ACK));
  }
  for (const stream of ['video', 'audio', 'control'] as const) {
    expect(await client[stream].expect(before[stream] + COUNT, before[stream])).toEqual(
      sent[stream].map((bytes) => Buffer.from(bytes)),
    );
  }
  return play.taken() - taken;
}

function countsOf({ client }: KernelPlay): { video: number; audio: number; control: number } {
  const { video, audio, control } = client;
  return {
    video: video.received.length,
    audio: audio.received.length,
    control: control.received.length,
  };
}

describeKernelPath(
  'by one device for both sides',
  (stage) => {
    it.each(FAMILIES)('forwards out by where it came in, IPv%i', async (family) => {
      const play = await stage.play(family);
      const before = readSentFrames(stage.network, 'edge', 'eth0');
      expect(await streamThrough(play)).toBe(0);
      expect(play.fixture.relay.stats().datapath.inKernel).toBe(3);
      // Nobody else could have brought them: client and pod know no other way.
      expect(readSentFrames(stage.network, 'edge', 'eth0') - before).toBeGreaterThanOrEqual(3 * COUNT);
    });
  },
  'one-armed',
);

describeKernelPath('into a pod of this node', (stage) => {
  describe.each(FAMILIES)('IPv%i', (family) => {
    it.each([
      { how: 'past the device, where that is told to be a pod’s own', datapathPeerDevices: ['to-client'] },
      { how: 'by the device, otherwise', datapathPeerDevices: [] },
    ])('delivers $how', async ({ datapathPeerDevices }) => {
      const play = await stage.play(family, { config: { datapathPeerDevices } });
      const before = readSentFrames(stage.network, 'edge', 'to-client');
      expect(await streamThrough(play)).toBe(0);
      const frames = readSentFrames(stage.network, 'edge', 'to-client') - before;
      // The first audio datagram goes by the device in any case, as do questions for neighbours and their answers.
      if (datapathPeerDevices.length > 0) expect(frames).toBeLessThan(COUNT);
      else expect(frames).toBeGreaterThanOrEqual(3 * COUNT);
    });
  });
});

describeKernelPath('beside another program', (stage) => {
  let neighbour: NeighbourProgram | undefined;
  afterEach(() => {
    neighbour?.close();
    neighbour = undefined;
  });

  // Both ends now and then ask for neighbours as well, so few frames more are no news.
  it.each(FAMILIES)('lets the one behind it run for all that it does not forward, IPv%i', async (family) => {
    const other = (neighbour = new NeighbourProgram(await ifindexOf(stage, 'to-pod')));
    const play = await stage.play(family);
    const { client } = play;
    let before = other.count;
    for (let sequence = 2; sequence < 2 + COUNT; sequence += 1) play.sendVideo(sequence);
    await client.video.expect(1 + COUNT);
    expect(other.count - before, 'what the kernel forwards').toBeLessThan(COUNT / 2);

    before = other.count;
    const controls = client.control.received.length;
    for (let index = 0; index < COUNT; index += 1) play.sendControl(ENET_PING);
    await client.control.expect(controls + COUNT);
    expect(other.count - before, 'what comes up to the sockets').toBeGreaterThanOrEqual(COUNT);

    before = other.count;
    for (let index = 0; index < COUNT; index += 1) await echo(stage.network, play.addresses.edgeToPod);
    expect(other.count - before, 'pings of the edge').toBeGreaterThanOrEqual(COUNT);

    before = other.count;
    const talks = await Promise.all(
      Array.from({ length: COUNT }, () => talkTcp(stage.network, play.addresses.edgeToPod)),
    );
    expect(talks).toEqual(Array.from({ length: COUNT }, () => 'answered'));
    expect(other.count - before, 'connections to the edge').toBeGreaterThanOrEqual(2 * COUNT);
  });

  it('runs behind one that came later, and is in nobody’s way when it is gone', async () => {
    const play = await stage.play(4);
    const other = (neighbour = new NeighbourProgram(await ifindexOf(stage, 'to-pod')));
    const taken = play.taken();
    for (let sequence = 2; sequence < 2 + COUNT; sequence += 1) play.sendVideo(sequence);
    await play.client.video.expect(1 + COUNT);
    expect(other.count).toBeGreaterThanOrEqual(COUNT);
    expect(play.taken() - taken).toBe(0);

    await play.fixture.relay.stop();
    for (let sequence = 100; sequence < 100 + COUNT; sequence += 1) play.sendVideo(sequence);
    expect(await talkTcp(stage.network, play.addresses.edgeToPod)).toBe('answered');
    expect(other.count).toBeGreaterThanOrEqual(2 * COUNT);
    expect(play.client.video.received).toHaveLength(1 + COUNT);
  });
});

async function ifindexOf({ network }: KernelStage, device: string): Promise<number> {
  const [link] = JSON.parse(await network.ip('edge', '-j', 'link', 'show', 'dev', device)) as [
    { ifindex: number },
  ];
  return link.ifindex;
}
