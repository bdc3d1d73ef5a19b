/** What the kernel path does when devices and routes come and go under it. */
import { expect, it } from 'vitest';
import { ping } from '../relay/testing/fixture.ts';
import { until } from '../relay/testing/udp-peer.ts';
import type { KernelPlay } from './support/kernel-relay.ts';
import { describeKernelPath } from './support/kernel-suite.ts';

/** More than the time between two looks at the network. */
const STEP_MS = 250;

describeKernelPath('changes of the network', (stage) => {
  async function untilInKernel({ fixture }: KernelPlay, count: number): Promise<void> {
    await until(() => {
      fixture.clock.advance(STEP_MS);
      return fixture.relay.stats().datapath.inKernel === count;
    }, `${count} routes in the kernel`);
  }

  it('follows a host to a device that comes later', async () => {
    const { network } = stage;
    const play = await stage.play(4);
    const { edgeToPod, pod } = play.addresses;
    await network.ip(
      'edge',
      'link',
      'add',
      'late',
      'type',
      'veth',
      'peer',
      'late',
      'netns',
      network.nameOf('pod'),
    );
    for (const side of ['edge', 'pod'] as const) await network.ip(side, 'link', 'set', 'late', 'up');
    await network.ip('pod', 'route', 'add', `${edgeToPod}/32`, 'dev', 'late');
    const taken = play.taken();
    play.sendVideo(2);
    await play.client.video.expect(2);
    // It came in by another device than the one by which this host was reached.
    expect(play.taken()).toBe(taken + 1);
    await network.ip('edge', 'route', 'add', `${pod}/32`, 'dev', 'late');
    play.fixture.clock.advance(STEP_MS);
    play.sendVideo(3);
    await play.client.video.expect(3);
    expect(play.taken()).toBe(taken + 1);

    await network.ip('edge', 'link', 'del', 'late');
    play.fixture.clock.advance(STEP_MS);
    play.sendVideo(4);
    await play.client.video.expect(4);
    expect(play.taken()).toBe(taken + 1);
  });

  it('reaches a client behind a router', async () => {
    const { network } = stage;
    const play = await stage.play(4);
    const behind = '10.99.0.2';
    await network.run('client', 'sysctl', '--write', 'net.ipv4.conf.all.arp_ignore=1');
    await network.ip('client', 'addr', 'add', `${behind}/32`, 'dev', 'lo');
    await network.ip('edge', 'route', 'add', `${behind}/32`, 'via', play.addresses.client);
    const peer = play.openPeer('client', behind);
    peer.send(ping(play.session, 2), play.fixture.ports.video, play.addresses.edgeToClient);
    await until(() => play.fixture.relay.stats().counters.roams.video === 1, 'the move');
    const taken = play.taken();
    play.sendVideo(2);
    await peer.expect(1);
    expect(play.taken()).toBe(taken);
  });

  it('leaves a client to the sockets while there is no route to it', async () => {
    const { network } = stage;
    const play = await stage.play(4);
    expect(play.fixture.relay.stats().datapath.inKernel).toBe(2);
    await network.ip('edge', 'link', 'set', network.edgeDevices.client, 'down');
    await untilInKernel(play, 0);
    await network.ip('edge', 'link', 'set', network.edgeDevices.client, 'up');
    await untilInKernel(play, 2);
    const taken = play.taken();
    play.sendVideo(2);
    await play.client.video.expect(2);
    expect(play.taken()).toBe(taken);
  });
});
