/** The kernel path follows its sessions: a client that moves, a generation that ends, a host that is told another. */
import { describe, expect, it } from 'vitest';
import type { SessionRecord } from '../core/session/record.ts';
import { LINGER_MS } from '../relay/ending/ending.ts';
import {
  connect,
  datagram,
  ENET_ACK,
  HOST_PEER,
  message,
  ping,
  tokensOf,
  verifyConnect,
} from '../relay/testing/fixture.ts';
import { until } from '../relay/testing/udp-peer.ts';
import { readUdpCounters } from './support/kernel-counters.ts';
import { videoDatagram, type KernelPlay } from './support/kernel-relay.ts';
import { describeKernelPath } from './support/kernel-suite.ts';

const COUNT = 30;
/** The relay says so often that a session is over. */
const TERMINATIONS = 3;
const SILENT_MS = 10_000;

function inKernel({ fixture }: KernelPlay): number {
  return fixture.relay.stats().datapath.inKernel;
}

async function expectStatus({ fixture }: KernelPlay, status: string): Promise<void> {
  await expect.poll(async () => (await fixture.flowRow('session-1'))?.status).toBe(status);
}

describeKernelPath('sessions', (stage) => {
  describe.each([4, 6] as const)('IPv%i', (family) => {
    it.each(['video', 'audio'] as const)('move %s in the kernel, with a ping', async (stream) => {
      const play = await stage.play(family);
      await play.establishAudio();
      const { fixture, client, session } = play;
      const [old, moved] = [client[stream], play.openPeer('client')];
      const heard = old.received.length;
      moved.send(ping(session, 2, stream), fixture.ports[stream]);
      await until(() => fixture.relay.stats().counters.roams[stream] === 1, 'a move');
      const taken = play.taken();
      const sent = Array.from({ length: COUNT }, (_, index) => videoDatagram(2 + index, 300 + index));
      for (const bytes of sent) play.send(stream, bytes);
      expect(await moved.expect(COUNT)).toEqual(sent);
      expect(moved.received[0]?.port).toBe(fixture.ports[stream]);
      expect(old.received).toHaveLength(heard);
      expect(play.taken() - taken).toBe(0);
      expect(inKernel(play)).toBe(3);
    });

    it('move control in the kernel, with a message that is new', async () => {
      const play = await stage.play(family);
      const { fixture, client, host, session } = play;
      const moved = play.openPeer('client');
      const heard = host.control.received.length;
      const say = (seq: number): void => {
        moved.send(datagram(session.tokens.peerId, HOST_PEER.toHost, message(seq)), fixture.ports.control);
      };
      say(5);
      await host.control.expect(heard + 1);
      const [taken, old] = [play.taken(), client.control.received.length];
      for (let index = 0; index < COUNT; index += 1) play.sendControl(ENET_ACK);
      await moved.expect(COUNT);
      expect(client.control.received).toHaveLength(old);
      expect(play.taken() - taken).toBe(0);
    });

    it('keep what was counted before and after a move', async () => {
      const play = await stage.play(family);
      const { fixture, session } = play;
      for (const sequence of [2, 3, 5]) play.sendVideo(sequence);
      const moved = play.openPeer('client');
      moved.send(ping(session, 2), fixture.ports.video);
      await until(() => fixture.relay.stats().counters.roams.video === 1, 'a move');
      for (const sequence of [7, 8]) play.sendVideo(sequence);
      await moved.expect(2);
      fixture.clock.advance(1_000);
      await expect.poll(async () => (await fixture.flowRow('session-1'))?.datagrams.video).toBe(6);
      const row = await fixture.flowRow('session-1');
      expect(row?.bytes.video).toBe(6 * 1200);
      expect(row?.quality).toMatchObject({ videoDatagrams: 6, videoLost: 2 });
    });

    it('that have ended are in no kernel’s way: the host reaches nobody', async () => {
      const play = await stage.play(family);
      await play.establishAudio();
      const { fixture, client, session } = play;
      expect(inKernel(play)).toBe(3);
      await fixture.putSession({ ...session, state: 'ended' });
      await expectStatus(play, 'closed');
      // Control stays for the last words.
      expect(inKernel(play)).toBe(1);
      const [taken, video, audio] = [
        play.taken(),
        client.video.received.length,
        client.audio.received.length,
      ];
      for (let sequence = 2; sequence < 2 + COUNT; sequence += 1) {
        play.sendVideo(sequence);
        play.send('audio', Buffer.alloc(200, sequence));
      }
      await fixture.expectDropped('ended', 2 * COUNT);
      expect(play.taken() - taken).toBe(2 * COUNT);

      fixture.clock.advance(LINGER_MS + 500);
      expect(inKernel(play)).toBe(0);
      expect(fixture.relay.stats().flows).toBe(0);
      const controls = (await client.control.expect(1 + TERMINATIONS)).length;
      const before = readUdpCounters(stage.network, 'client', family);
      for (const bytes of [videoDatagram(100), videoDatagram(101)]) play.send('video', bytes);
      for (let index = 0; index < COUNT; index += 1) play.sendControl(ENET_ACK);
      // Whatever came to the edge was looked at there before `send` returned; a socket sees what it sees in order.
      const mark = play.openPeer('client');
      play.openPeer('edge').send(Buffer.from('mark'), mark.port, play.addresses.client);
      await mark.expect(1);
      expect(readUdpCounters(stage.network, 'client', family).taken - before.taken).toBe(1);
      expect(client.control.received).toHaveLength(controls);
      expect(client.video.received).toHaveLength(video);
      expect(client.audio.received).toHaveLength(audio);
    });

    it('whose client fell silent get no media any more, until it is there again', async () => {
      const play = await stage.play(family);
      const { fixture, client } = play;
      play.sendVideo(2);
      await client.video.expect(2);
      fixture.clock.advance(SILENT_MS + 500);
      await expectStatus(play, 'silent');
      const taken = play.taken();
      play.sendVideo(3);
      await fixture.expectDropped('ended');
      expect(play.taken() - taken).toBe(1);
      expect(client.video.received).toHaveLength(2);
    });

    it('whose row vanished stream on in the kernel', async () => {
      const play = await stage.play(family);
      await play.fixture.table.writer('session').remove(play.session.id);
      play.fixture.clock.advance(500);
      const taken = play.taken();
      for (let sequence = 2; sequence < 2 + COUNT; sequence += 1) play.sendVideo(sequence);
      await play.client.video.expect(1 + COUNT);
      expect(play.taken() - taken).toBe(0);
    });

    it('of a next generation have their own slot, and nothing of the one before', async () => {
      const play = await stage.play(family);
      await play.establishAudio();
      const { fixture, client, host, session, addresses } = play;
      const old = { ...play.slot };
      const next: SessionRecord = {
        ...session,
        generation: 2,
        tokens: tokensOf(7),
        upstream: { address: addresses.edgeToPod, slot: 5 },
      };
      await fixture.putSession({ ...next, state: 'pending' });
      await expectStatus(play, 'closed');
      await fixture.putSession(next);
      const stream = await fixture.table.reader.get('stream', session.id);
      if (stream === undefined) throw new Error('the stream row is gone');
      await fixture.putStream({ ...stream, generation: 2 });
      const newClient = play.openPeer('client');
      newClient.send(ping(next, 1), fixture.ports.video);
      const control = play.openPeer('client');
      control.send(connect(0x2222, next.tokens.connectData), fixture.ports.control);
      const slotOf = async (kind: 'control' | 'video'): Promise<number> => {
        const last = (): number => host[kind].received.at(-1)?.port ?? 0;
        await until(() => {
          if (last() === old[kind]) fixture.clock.advance(20);
          return last() !== old[kind];
        }, `${kind} of the next generation at the host`);
        return last();
      };
      play.slot.video = await slotOf('video');
      play.slot.control = await slotOf('control');
      play.send('control', verifyConnect(0x2222, HOST_PEER));
      await control.expect(1);
      play.sendVideo(1);
      await newClient.expect(1);

      const [taken, heard] = [play.taken(), client.video.received.length];
      for (let sequence = 2; sequence < 2 + COUNT; sequence += 1) play.sendVideo(sequence);
      await newClient.expect(1 + COUNT);
      expect(play.taken() - taken).toBe(0);
      // What still comes for the generation before is nobody's.
      for (let index = 0; index < COUNT; index += 1) {
        host.video.send(videoDatagram(index), old.video);
      }
      await until(() => play.taken() - taken >= COUNT, 'the sockets to take what comes for the old slot');
      expect(client.video.received).toHaveLength(heard);
      expect(newClient.received).toHaveLength(1 + COUNT);
    });
  });
});
