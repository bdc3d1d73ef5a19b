/**
 * What the kernel path leaves to the sockets: exactly what they must see. The proof is what the kernel counts as taken
 * from sockets of the edge; whatever arrives without being counted there was forwarded by the program.
 */
import { afterEach, describe, expect, it } from 'vitest';
import {
  datagram,
  DISCONNECT,
  ENET_ACK,
  ENET_PING,
  HOST_PEER,
  message,
  ping,
  verifyConnect,
} from '../relay/testing/fixture.ts';
import { until } from '../relay/testing/udp-peer.ts';
import { videoDatagram, type KernelPlay } from './support/kernel-relay.ts';
import { describeKernelPath } from './support/kernel-suite.ts';
import { Wire } from './support/kernel-wire.ts';

const FAMILIES = [4, 6] as const;
const LEGACY_PING_SIZE = 4;
const PING_SIZE = 20;
const VIDEO_HEADERS_SIZE = 32;

describeKernelPath('what comes up', (stage) => {
  /** Sends `count` datagrams of the host, one after the other. @returns how many of them the sockets took. */
  async function countTaken(
    play: KernelPlay,
    stream: 'control' | 'video' | 'audio',
    sent: Uint8Array[],
  ): Promise<number> {
    const peer = play.client[stream];
    const [taken, before] = [play.taken(), peer.received.length];
    for (const [index, bytes] of sent.entries()) {
      play.send(stream, bytes);
      await peer.expect(before + index + 1);
    }
    expect(peer.received.slice(before).map(({ bytes }) => bytes)).toEqual(
      sent.map((bytes) => Buffer.from(bytes)),
    );
    return play.taken() - taken;
  }

  describe.each(FAMILIES)('IPv%i', (family) => {
    it.each(['video', 'audio'] as const)(
      'are pings on the port of %s, and nothing longer',
      async (stream) => {
        const play = await stage.play(family);
        await play.establishAudio();
        const sizeMin = stream === 'video' ? VIDEO_HEADERS_SIZE : PING_SIZE + 1;
        const of = (size: number): Uint8Array => videoDatagram(2, size);
        expect(await countTaken(play, stream, [of(LEGACY_PING_SIZE), of(PING_SIZE)])).toBe(2);
        expect(await countTaken(play, stream, [of(1), of(sizeMin - 1)])).toBe(2);
        expect(await countTaken(play, stream, [of(sizeMin), of(sizeMin + 1), of(1400)])).toBe(0);
      },
    );

    it.each([
      { what: 'a ping', bytes: toClient(ENET_PING) },
      { what: 'a message', bytes: toClient(message(1, { sender: 'host' })) },
      { what: 'a ping behind acknowledgements', bytes: toClient(ENET_ACK, ENET_ACK, ENET_PING) },
      { what: 'a DISCONNECT', bytes: toClient(ENET_ACK, DISCONNECT) },
      { what: 'more acknowledgements than usual', bytes: toClient(...acknowledgements(5)) },
      { what: 'a compressed datagram', bytes: withHead('6000', ENET_ACK) },
      { what: 'a head without commands', bytes: toClient() },
      { what: 'a cut acknowledgement', bytes: toClient(ENET_ACK).subarray(0, 11) },
    ])('is $what on the port of control', async ({ bytes }) => {
      const play = await stage.play(family);
      expect(await countTaken(play, 'control', [bytes, bytes, bytes])).toBe(3);
    });

    it.each([
      { what: 'an acknowledgement', bytes: toClient(ENET_ACK) },
      { what: 'four acknowledgements', bytes: toClient(...acknowledgements(4)) },
      { what: 'an acknowledgement without a time', bytes: withHead('2000', ENET_ACK) },
    ])('is not $what', async ({ bytes }) => {
      const play = await stage.play(family);
      expect(await countTaken(play, 'control', [bytes, bytes, bytes])).toBe(0);
    });

    it('is a VERIFY_CONNECT that the host repeats, with the label in it', async () => {
      const play = await stage.play(family);
      const taken = play.taken();
      play.send('control', verifyConnect(0x1001, HOST_PEER));
      const [first, second] = await play.client.control.expect(2);
      expect(second).toEqual(first);
      expect(play.taken() - taken).toBe(1);
    });

    it('is everything that clients send', async () => {
      const play = await stage.play(family);
      const { client, host, fixture, session } = play;
      const [taken, heard] = [play.taken(), host.control.received.length];
      const { peerId } = session.tokens;
      for (const command of [ENET_ACK, ENET_PING, message(1)]) {
        client.control.send(datagram(peerId, HOST_PEER.toHost, command), fixture.ports.control);
      }
      client.video.send(ping(session, 2), fixture.ports.video);
      await host.control.expect(heard + 3);
      await until(() => play.taken() - taken === 4, 'four datagrams at the sockets');
    });

    it('are datagrams in fragments, which arrive whole', async () => {
      await stage.network.ip('pod', 'link', 'set', 'eth0', 'mtu', '1300');
      try {
        const play = await stage.play(family);
        expect(await countTaken(play, 'video', [videoDatagram(2, 1400), videoDatagram(3, 1451)])).toBe(2);
        // Longer than what the relay forwards at all.
        play.sendVideo(4, 3000);
        await play.fixture.expectDropped('badSize');
        expect(await countTaken(play, 'video', [videoDatagram(5, 1200)])).toBe(0);
        expect(play.client.video.received).toHaveLength(4);
      } finally {
        await stage.network.ip('pod', 'link', 'set', 'eth0', 'mtu', '1500');
      }
    });

    it('are fragments even if they look as if they were of the stream', async () => {
      await stage.network.ip('pod', 'link', 'set', 'eth0', 'mtu', '1300');
      try {
        const play = await stage.play(family);
        // The second fragment begins with the ports of the stream, and the right length.
        const head = Buffer.alloc(8);
        head.writeUInt16BE(play.host.video.port, 0);
        head.writeUInt16BE(play.slot.video, 2);
        head.writeUInt16BE(200, 4);
        const inFirst = family === 4 ? 1272 : 1240;
        const bytes = videoDatagram(2, inFirst + 200);
        bytes.set(head, inFirst);
        expect(await countTaken(play, 'video', [bytes])).toBe(1);
      } finally {
        await stage.network.ip('pod', 'link', 'set', 'eth0', 'mtu', '1500');
      }
    });

    it('are datagrams longer than the client’s link takes', async () => {
      await setClientMtu('1300');
      const play = await stage.play(family);
      const head = family === 4 ? 28 : 48;
      const longest = 1300 - head;
      expect(await countTaken(play, 'video', [videoDatagram(2, longest)])).toBe(0);
      expect(await countTaken(play, 'video', [videoDatagram(3, longest + 1), videoDatagram(4, 1400)])).toBe(
        2,
      );
    });

    it('are the datagrams of a super-packet that are longer than the client’s link takes', async () => {
      await setClientMtu('1300');
      const play = await stage.play(family);
      const taken = play.taken();
      const inside = [videoDatagram(2, 1200), videoDatagram(3, 1200)];
      const outside = [videoDatagram(4, 1400), videoDatagram(5, 1400)];
      play.host.video.segment(1200);
      play.send('video', Buffer.concat(inside));
      await play.client.video.expect(3);
      expect(play.taken() - taken).toBe(0);
      play.host.video.segment(1400);
      play.send('video', Buffer.concat(outside));
      expect(await play.client.video.expect(5, 1)).toEqual([...inside, ...outside]);
      expect(play.taken() - taken).toBe(2);
    });

    it('are datagrams whose time to live is over; others live one hop less', async () => {
      const play = await stage.play(family);
      const wire = new Wire(stage.network, 'client');
      try {
        for (const hops of [2, 3, 64, 255]) {
          play.host.video.setTimeToLive(hops);
          expect(await countTaken(play, 'video', [videoDatagram(hops)])).toBe(0);
        }
        play.host.video.setTimeToLive(1);
        expect(await countTaken(play, 'video', [videoDatagram(1)])).toBe(1);
        // The last one was sent by a socket of the edge.
        expect(wire.take(play.client.video.port).map(({ hops }) => hops)).toEqual([1, 2, 63, 254, 64]);
      } finally {
        wire.close();
      }
    });

    it('are datagrams with options or extension headers', async () => {
      const play = await stage.play(family);
      play.host.video.addOptions();
      expect(await countTaken(play, 'video', [videoDatagram(2), videoDatagram(3)])).toBe(2);
    });

    it('are those from another port or address than the host’s, and they go nowhere', async () => {
      const play = await stage.play(family);
      const other = family === 4 ? '10.78.2.77' : 'fd78:2::77';
      const bits = family === 4 ? '24' : '64';
      await stage.network.ip(
        'pod',
        'addr',
        'add',
        `${other}/${bits}`,
        'dev',
        'eth0',
        ...(family === 4 ? [] : ['nodad']),
      );
      const taken = play.taken();
      const { slot, client } = play;
      play.openPeer('pod').send(videoDatagram(2), slot.video);
      play.openPeer('pod', other).send(videoDatagram(3), slot.video);
      // The right port, for another stream.
      play.host.video.send(videoDatagram(4), slot.audio);
      await play.fixture.expectDropped('foreignHost', 3);
      expect(play.taken() - taken).toBe(3);
      expect(client.video.received).toHaveLength(1);
      expect(client.audio.received).toHaveLength(0);
    });
  });

  async function setClientMtu(mtu: string): Promise<void> {
    await stage.network.ip('edge', 'link', 'set', 'to-client', 'mtu', mtu);
    await stage.network.ip('client', 'link', 'set', 'eth0', 'mtu', mtu);
  }
  afterEach(() => setClientMtu('1500'));
});

/** A control datagram of the host. */
function toClient(...commands: Parameters<typeof datagram>[2][]): Uint8Array {
  return datagram(0, HOST_PEER.toClient, ...commands);
}

function acknowledgements(count: number): (typeof ENET_ACK)[] {
  return Array.from({ length: count }, () => ENET_ACK);
}

/** The same without a sentTime, and with another head. */
function withHead(head: string, ...commands: Parameters<typeof datagram>[2][]): Uint8Array {
  return Buffer.concat([Buffer.from(head, 'hex'), toClient(...commands).subarray(4)]);
}
