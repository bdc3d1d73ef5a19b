/** A relay of the kernel path that ends and starts again: what is pinned forwards on, and is taken up. */
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bpf } from '../relay/datapath/kernel/bpf.ts';
import { ENTRY, KEY4 } from '../relay/datapath/kernel/layout.ts';
import { loadLibc } from '../relay/datapath/kernel/libc.ts';
import { unpin } from '../relay/datapath/kernel/pins.ts';
import type { RelayConfig } from '../relay/config.ts';
import { Fixture, ping } from '../relay/testing/fixture.ts';
import { until } from '../relay/testing/udp-peer.ts';
import { mountBpffs, type BpfFolder } from './support/bpffs.ts';
import type { KernelPlay } from './support/kernel-relay.ts';
import { describeKernelPath } from './support/kernel-suite.ts';

/** Below the ports that the system gives away: a relay that starts again needs those of its slots. */
const UPSTREAM_PORT_BASE = 21_000;
/** Longer than what nobody claims is kept, in steps that the relay's clock takes for time that passed. */
const INHERITANCE_MS = 6_000;
const STEP_MS = 200;

describeKernelPath('restart', (stage) => {
  let bpffs: BpfFolder;
  let folder = '';
  const fixtures: Fixture[] = [];

  beforeEach(async () => {
    bpffs = await mountBpffs();
    folder = join(bpffs.path, 'gleipnir');
  });
  afterEach(async () => {
    for (const fixture of fixtures.splice(0)) await fixture.close();
    await bpffs.close();
  });

  /** A session all of whose streams the kernel forwards, with video 1 to 5 behind it. */
  async function playPinned(family: 4 | 6): Promise<KernelPlay> {
    const config = { datapathPinFolder: folder, upstreamPortBase: UPSTREAM_PORT_BASE };
    const play = await stage.play(family, { config });
    await play.establishAudio();
    for (const sequence of [2, 3, 4, 5]) play.sendVideo(sequence);
    await play.client.video.expect(5);
    expect(play.fixture.relay.stats().datapath.inKernel).toBe(3);
    return play;
  }

  /** Another relay on the same table, ports and pins. */
  async function startAgain(
    { fixture, addresses }: KernelPlay,
    config: Partial<RelayConfig> = {},
  ): Promise<Fixture> {
    const { control: controlPort, video: videoPort, audio: audioPort } = fixture.ports;
    const again = await Fixture.start(
      {
        bindAddress: addresses.edgeToClient,
        allowLoopback: false,
        datapath: 'kernel',
        datapathPinFolder: folder,
        upstreamPortBase: UPSTREAM_PORT_BASE,
        ...{ controlPort, videoPort, audioPort },
        ...config,
      },
      fixture.table,
    );
    fixtures.push(again);
    return again;
  }

  async function untilInKernel({ relay, clock }: Fixture, count: number): Promise<void> {
    await until(() => {
      clock.advance(STEP_MS);
      return relay.stats().datapath.inKernel === count;
    }, `${count} routes in the kernel`);
  }

  function letInheritanceEnd({ clock }: Fixture): void {
    for (let ms = 0; ms < INHERITANCE_MS; ms += STEP_MS) clock.advance(STEP_MS);
  }

  /** Sends video until something is the case; links that lost their pin let go a moment later, sockets open so. */
  async function sendUntil(play: KernelPlay, { clock }: Fixture, isMet: () => boolean): Promise<void> {
    let sequence = 6;
    await until(() => {
      play.sendVideo(sequence);
      sequence += 1;
      clock.advance(1);
      return isMet();
    }, 'what sending video should bring about');
  }

  /** Entries in the pinned map of IPv4. */
  function countPinned(): number {
    const [version = ''] = readdirSync(folder);
    const bpf = new Bpf(loadLibc());
    const shape = { keySize: KEY4.size, valueSize: ENTRY.size, maxEntries: 0 };
    const map = { ...shape, descriptor: bpf.open(join(folder, version, 'routes4')) };
    let count = 0;
    bpf.forEach(map, () => (count += 1));
    bpf.close(map.descriptor);
    return count;
  }

  describe.each([4, 6] as const)('IPv%i', (family) => {
    it('loses nothing, and neither do the counts', async () => {
      const play = await playPinned(family);
      await play.fixture.relay.stop();
      for (const sequence of [6, 7, 9]) play.sendVideo(sequence);
      await play.client.video.expect(8);

      const again = await startAgain(play);
      await untilInKernel(again, 3);
      const taken = play.taken();
      play.sendVideo(10);
      await play.client.video.expect(9);
      expect(play.taken()).toBe(taken);
      expect(play.client.video.received.map(({ bytes }) => bytes.readUInt16BE(2))).toEqual([
        1, 2, 3, 4, 5, 6, 7, 9, 10,
      ]);
      again.clock.advance(STEP_MS);
      await expect
        .poll(async () => (await again.flowRow('session-1'))?.datagrams)
        .toMatchObject({
          video: 9,
          audio: 1,
        });
      const row = await again.flowRow('session-1');
      expect(row?.quality).toMatchObject({ videoDatagrams: 9, videoLost: 1 });
      letInheritanceEnd(again);
      expect(again.relay.stats().datapath.inKernel).toBe(3);
    });
  });

  it('removes what no session owns', async () => {
    const play = await playPinned(4);
    await play.fixture.relay.stop();
    expect(countPinned()).toBe(3);
    await play.fixture.table.writer('session').remove(play.session.id);
    const again = await startAgain(play);
    letInheritanceEnd(again);
    expect(countPinned()).toBe(0);
    expect(again.relay.stats().datapath.inKernel).toBe(0);
  });

  it('ends at once what ended while it was away', async () => {
    const play = await playPinned(4);
    await play.fixture.relay.stop();
    await play.fixture.putSession({ ...play.session, state: 'ended' });
    const again = await startAgain(play);
    letInheritanceEnd(again);
    expect(countPinned()).toBe(0);
  });

  describe('a client that moved just before, so that the kernel knows better than the table', () => {
    async function restartWithOldRow(): Promise<{ play: KernelPlay; again: Fixture }> {
      const play = await playPinned(4);
      await play.fixture.relay.stop();
      const row = await play.fixture.flowRow(play.session.id);
      if (row?.client.video === undefined) throw new Error('no flow row');
      const client = { ...row.client, video: { ...row.client.video, port: 9 } };
      await play.fixture.table.writer('flow').put({ ...row, client });
      const again = await startAgain(play);
      await untilInKernel(again, 2);
      return { play, again };
    }

    it('gets its stream where it is, and is found there by its next ping', async () => {
      const { play, again } = await restartWithOldRow();
      play.sendVideo(6);
      await play.client.video.expect(6);
      play.client.video.send(ping(play.session, 100), again.ports.video, play.addresses.edgeToClient);
      await untilInKernel(again, 3);
      expect(again.relay.stats().counters.roams.video).toBe(1);
    });

    it('gets it where it went meanwhile', async () => {
      const { play, again } = await restartWithOldRow();
      const elsewhere = play.openPeer('client');
      elsewhere.send(ping(play.session, 100), again.ports.video, play.addresses.edgeToClient);
      await until(() => again.relay.stats().counters.roams.video === 1, 'the move');
      play.sendVideo(6);
      await elsewhere.expect(1);
      await untilInKernel(again, 3);
      expect(play.client.video.received).toHaveLength(5);
    });
  });

  it('keeps what another version of the program forwards until its own does', async () => {
    const play = await playPinned(4);
    await play.fixture.relay.stop();
    const [version = ''] = readdirSync(folder);
    renameSync(join(folder, version), join(folder, 'another'));
    const again = await startAgain(play);
    const taken = play.taken();
    play.sendVideo(6);
    await play.client.video.expect(6);
    expect(play.taken()).toBe(taken);
    letInheritanceEnd(again);
    expect(readdirSync(folder)).toEqual([version]);
    await sendUntil(play, again, () => play.taken() > taken);
    await untilInKernel(again, 2);
  });

  it('starts afresh on what is not whole', async () => {
    const play = await playPinned(4);
    await play.fixture.relay.stop();
    unpin(folder);
    const first = await startAgain(play);
    await first.close();
    const [version = ''] = readdirSync(folder);
    unpin(folder);
    mkdirSync(join(folder, version), { recursive: true });
    const bpf = new Bpf(loadLibc());
    const map = bpf.createMap({ keySize: 4, valueSize: 4, maxEntries: 1 });
    bpf.pin(map.descriptor, join(folder, version, 'routes4'));
    bpf.close(map.descriptor);
    const again = await startAgain(play);
    await sendUntil(play, again, () => play.client.video.received.length > 5);
    await untilInKernel(again, 2);
  });

  it('leaves nothing in the kernel for a relay of user space', async () => {
    const play = await playPinned(4);
    await play.fixture.relay.stop();
    const again = await startAgain(play, { datapath: 'userspace' });
    expect(existsSync(folder)).toBe(false);
    const taken = play.taken();
    await sendUntil(play, again, () => play.taken() > taken);
    await play.client.video.expect(6);
    expect(again.relay.stats().datapath.engine).toBe('userspace');
  });

  it('forwards nothing any more once unpinned', async () => {
    const play = await playPinned(4);
    await play.fixture.relay.stop();
    // Two maps, the program, and a link for each of the edge's two devices.
    expect(unpin(folder)).toBe(5);
    expect(unpin(folder)).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });

  it('refuses a pin folder that is not in a bpffs', async () => {
    const play = await playPinned(4);
    await play.fixture.relay.stop();
    const elsewhere = join(bpffs.path, '..', 'gleipnir-no-bpffs');
    await expect(startAgain(play, { datapathPinFolder: elsewhere })).rejects.toMatchObject({
      code: 'KERNEL_PATH_UNAVAILABLE',
    });
    expect(existsSync(elsewhere)).toBe(false);
    const again = await startAgain(play, { datapathPinFolder: elsewhere, datapath: 'auto' });
    expect(again.relay.stats().datapath).toMatchObject({
      engine: 'userspace',
      reason: expect.stringContaining('bpffs') as string,
    });
  });
});
