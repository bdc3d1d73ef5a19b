/** The kernel path in namespaces: a host in a pod, a relay at the edge, a client behind another link. */
import { describe, expect, it } from 'vitest';
import { ENET_ACK } from '../relay/testing/fixture.ts';
import { describeKernelPath } from './support/kernel-suite.ts';

/** Two pings, CONNECT, VERIFY_CONNECT and the first video datagram. */
const TAKEN_TO_BEGIN = 5;

describeKernelPath('established streams', (stage) => {
  describe.each([4, 6] as const)('IPv%i', (family) => {
    it('forwards video without the sockets, and counts it', async () => {
      const play = await stage.play(family);
      const { fixture, client } = play;
      expect(fixture.relay.stats().datapath).toMatchObject({ engine: 'kernel', inKernel: 2 });
      const before = fixture.relay.stats().counters.toClient.video.datagrams;
      const sent = [2, 3, 4, 6].map((sequence) => play.sendVideo(sequence));
      expect(await client.video.expect(5, 1)).toEqual(sent);
      expect(client.video.received.at(-1)).toMatchObject({
        address: play.addresses.edgeToClient,
        port: fixture.ports.video,
      });
      // Forwarded already, though the relay has not counted it yet.
      expect(fixture.relay.stats().counters.toClient.video.datagrams).toBe(before);
      fixture.clock.advance(1000);
      expect(fixture.relay.stats().counters.toClient.video.datagrams).toBe(before + 4);
      await expect.poll(async () => (await fixture.flowRow('session-1'))?.datagrams.video).toBe(5);
      const row = await fixture.flowRow('session-1');
      expect(row?.quality).toMatchObject({ videoLost: 1, videoDatagrams: 5 });
      expect(row?.bytes.video).toBe(5 * 1200);
    });

    it('takes nothing to the sockets but what begins each stream', async () => {
      const before = stage.taken(family);
      const play = await stage.play(family);
      const { client } = play;
      await play.establishAudio();
      expect(play.taken() - before).toBe(TAKEN_TO_BEGIN + 1);
      for (let sequence = 2; sequence <= 100; sequence += 1) {
        play.sendVideo(sequence);
        play.send('audio', Buffer.alloc(200, sequence));
        play.sendControl(ENET_ACK);
      }
      await client.video.expect(100);
      await client.audio.expect(100);
      await client.control.expect(100);
      expect(play.taken() - before).toBe(TAKEN_TO_BEGIN + 1);
      expect(play.fixture.relay.stats().datapath.inKernel).toBe(3);
    });
  });
});
