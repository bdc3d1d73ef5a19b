/**
 * What the kernel path forwards arrives as it was sent, whoever computes the checksums. While offloads are on nobody
 * does, between namespaces, so a wrong one shows only with `tx off`: the client's kernel drops the datagram.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Random } from './fuzz/random.ts';
import { readUdpCounters } from './support/kernel-counters.ts';
import { videoDatagram, type KernelPlay } from './support/kernel-relay.ts';
import { describeKernelPath, type KernelStage } from './support/kernel-suite.ts';
import { Wire } from './support/kernel-wire.ts';

/** So that the longest datagram is in one piece. */
const MTU = '1600';
const SIZE_MAX = 1500;
/** Media so short or shorter are for the sockets. */
const PING_SIZE = 20;
/** So many are on the way at once. */
const BURST = 50;

const ALL_DEVICES = [
  ['client', 'eth0'],
  ['edge', 'to-client'],
  ['edge', 'to-pod'],
  ['pod', 'eth0'],
] as const;
type Devices = readonly (readonly ['client' | 'edge' | 'pod', string])[];

async function setFeatures({ network }: KernelStage, devices: Devices, ...features: string[]): Promise<void> {
  for (const [side, device] of devices) await network.run(side, 'ethtool', '-K', device, ...features);
}

/** Sends audio of every size, and waits for each burst. @returns what was sent, in order. */
async function sendEverySize({ client, send }: KernelPlay, random: Random): Promise<Uint8Array[]> {
  const sent: Uint8Array[] = [];
  const before = client.audio.received.length;
  for (let size = 1; size <= SIZE_MAX; size += 1) {
    const bytes = Buffer.from(random.bytes(size));
    send('audio', bytes);
    sent.push(bytes);
    // What the sockets forward must not be overtaken by what the kernel does.
    if (size <= PING_SIZE || size % BURST === 0) await client.audio.expect(before + size);
  }
  await client.audio.expect(before + SIZE_MAX);
  return sent;
}

describeKernelPath('data', (stage) => {
  beforeAll(async () => {
    for (const [side, device] of ALL_DEVICES) {
      await stage.network.ip(side, 'link', 'set', device, 'mtu', MTU);
    }
  });

  describe.each<{ name: string; off: Devices }>([
    { name: 'offloads on', off: [] },
    { name: 'offloads off', off: ALL_DEVICES },
    { name: 'offloads off at the edge', off: [ALL_DEVICES[1], ALL_DEVICES[2]] },
    { name: 'offloads off at the host', off: [ALL_DEVICES[3]] },
  ])('$name', ({ off }) => {
    beforeAll(() => setFeatures(stage, off, 'tx', 'off'));
    afterAll(() => setFeatures(stage, off, 'tx', 'on'));

    it.each([4, 6] as const)('arrives whole over IPv%i, whatever its size', async (family) => {
      const play = await stage.play(family);
      await play.establishAudio();
      const [taken, before] = [play.taken(), readUdpCounters(stage.network, 'client', family)];
      const sent = await sendEverySize(play, new Random(family));
      expect(await play.client.audio.expect(1 + SIZE_MAX, 1)).toEqual(sent);
      expect(play.taken() - taken, 'taken by sockets').toBe(PING_SIZE);
      const after = readUdpCounters(stage.network, 'client', family);
      expect(after.badChecksum - before.badChecksum).toBe(0);
      expect(after.taken - before.taken).toBe(SIZE_MAX);
    });

    it('leaves out the checksum over IPv4 where the host does', async () => {
      const play = await stage.play(4);
      play.host.video.leaveOutChecksum();
      const wire = new Wire(stage.network, 'client');
      try {
        const taken = play.taken();
        const sent = [2, 3, 4].map((sequence) => play.sendVideo(sequence, 1000 + sequence));
        expect(await play.client.video.expect(4, 1)).toEqual(sent);
        expect(wire.take(play.client.video.port).map(({ checksum }) => checksum)).toEqual([0, 0, 0]);
        expect(play.taken() - taken).toBe(0);
      } finally {
        wire.close();
      }
    });
  });

  it.each([4, 6] as const)('has a right checksum on the wire, IPv%i', async (family) => {
    await setFeatures(stage, ALL_DEVICES, 'tx', 'off');
    const play = await stage.play(family);
    const wire = new Wire(stage.network, 'client');
    try {
      for (let sequence = 2; sequence <= 101; sequence += 1) play.sendVideo(sequence, 900 + sequence);
      await play.client.video.expect(101);
      const frames = wire.take(play.client.video.port);
      expect(frames).toHaveLength(100);
      expect(frames.filter(({ isChecksumRight }) => !isChecksumRight)).toEqual([]);
    } finally {
      wire.close();
      await setFeatures(stage, ALL_DEVICES, 'tx', 'on');
    }
  });
});

describeKernelPath('super-packets', (stage) => {
  const SEGMENT = 1000;
  const SEGMENTS = 20;
  const LAST_SIZE = 333;
  let wire: Wire | undefined;
  afterEach(() => {
    wire?.close();
    wire = undefined;
  });

  /** As a host with UDP_SEGMENT sends a frame: one buffer, of which the last datagram is shorter. */
  function superPacket(first: number): { bytes: Buffer; segments: Buffer[] } {
    const segments = Array.from({ length: SEGMENTS }, (_, index) => videoDatagram(first + index, SEGMENT));
    segments.push(videoDatagram(first + SEGMENTS, LAST_SIZE));
    return { bytes: Buffer.concat(segments), segments };
  }

  describe.each<{ name: string; devices: Devices; features: string[]; areWhole: boolean }>([
    { name: 'all the way', devices: [], features: [], areWhole: true },
    {
      name: 'as far as the edge',
      devices: [ALL_DEVICES[1]],
      features: ['gso', 'tx-udp-segmentation', 'tso'],
      areWhole: false,
    },
    {
      name: 'as far as the host’s own device',
      devices: [ALL_DEVICES[3]],
      features: ['gso', 'tx-udp-segmentation', 'tso'],
      areWhole: false,
    },
    { name: 'without checksum offload', devices: ALL_DEVICES, features: ['tx'], areWhole: false },
  ])('$name', ({ devices, features, areWhole }) => {
    const set = (to: 'on' | 'off'): Promise<void> =>
      setFeatures(stage, devices, ...features.flatMap((name) => [name, to]));
    beforeAll(async () => {
      if (features.length > 0) await set('off');
    });
    afterAll(async () => {
      if (features.length > 0) await set('on');
    });

    it.each([4, 6] as const)('become datagrams, in order and all counted, IPv%i', async (family) => {
      const play = await stage.play(family);
      const { client, host, fixture } = play;
      wire = new Wire(stage.network, 'client');
      host.video.segment(SEGMENT);
      const [taken, before] = [play.taken(), readUdpCounters(stage.network, 'client', family)];
      const first = superPacket(2);
      const second = superPacket(2 + SEGMENTS + 1);
      play.send('video', first.bytes);
      play.send('video', second.bytes);
      const sent = [...first.segments, ...second.segments];
      expect(await client.video.expect(1 + sent.length, 1)).toEqual(sent);
      expect(wire.take(client.video.port)).toHaveLength(areWhole ? 2 : sent.length);
      expect(readUdpCounters(stage.network, 'client', family).badChecksum - before.badChecksum).toBe(0);
      expect(play.taken() - taken).toBe(0);

      fixture.clock.advance(1_000);
      const count = 1 + sent.length;
      await expect.poll(async () => (await fixture.flowRow('session-1'))?.datagrams.video).toBe(count);
      const row = await fixture.flowRow('session-1');
      expect(row?.bytes.video).toBe(1200 + first.bytes.length + second.bytes.length);
      expect(row?.quality).toMatchObject({ videoDatagrams: count, videoLost: 0 });
    });
  });
});
