import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createMemoryTable } from '../core/session/memory.ts';
import {
  datagram,
  ENET_ACK,
  Fixture,
  HOST_CONNECT_DATA,
  HOST_PAYLOAD,
  HOST_PEER,
  message,
  ping,
  play,
  type Playing,
} from './testing/fixture.ts';
import { until } from './testing/udp-peer.ts';

const LOOPBACK = '::1';
const MEDIA = Buffer.alloc(1040, 0x5a);

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ family }) => family === 'IPv6'),
);

describe.skipIf(!hasIPv6).each([{ bindAddress: '::1' }, { bindAddress: '::' }])(
  'a relay at $bindAddress',
  ({ bindAddress }) => {
    /** A session whose client reaches the relay, and whose relay reaches the host, over IPv6. */
    async function playOverIPv6(fixture: Fixture): Promise<Playing> {
      const client = await fixture.peers(LOOPBACK);
      const host = await fixture.peers(LOOPBACK);
      const at = (port: number): { address: string; port: number } => ({ address: '0:0:0:0:0:0:0:1', port });
      return await play(fixture, 1, {
        client,
        host,
        session: {
          client: { address: LOOPBACK },
          // The wildcard becomes that of the host's family.
          upstream: { address: '0.0.0.0', slot: 1 },
          host: { name: 'six', rtsp: { ...at(48_010), label: 'label', encrypted: false } },
        },
        stream: {
          audio: { ...at(host.audio.port), pingPayload: HOST_PAYLOAD },
          video: { ...at(host.video.port), pingPayload: HOST_PAYLOAD },
          control: { ...at(host.control.port), connectData: HOST_CONNECT_DATA },
        },
      });
    }

    it('plays a session from end to end', async () => {
      const fixture = await Fixture.start({ bindAddress });
      const { session, client, host, slot } = await playOverIPv6(fixture);
      for (const stream of ['video', 'audio'] as const) {
        host[stream].send(MEDIA, slot[stream]);
        const { bytes, port } = await client[stream].expect(1);
        expect(bytes).toEqual(MEDIA);
        expect(port).toBe(fixture.ports[stream]);
      }
      const heard = host.control.received.length;
      client.control.send(
        datagram(session.tokens.peerId, HOST_PEER.toHost, message(0)),
        fixture.ports.control,
      );
      const { bytes, port } = await host.control.expect(heard + 1);
      expect(bytes.readUInt16BE(0) & 0xfff).toBe(HOST_PEER.peerID);
      expect(port).toBe(slot.control);
      host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK), slot.control);
      await client.control.expect(2);
      fixture.clock.advance(300);
      expect(await fixture.flowRow('session-1')).toMatchObject({
        status: 'live',
        client: {
          control: { address: LOOPBACK, port: client.control.port },
          video: { address: LOOPBACK, port: client.video.port },
          audio: { address: LOOPBACK, port: client.audio.port },
        },
        control: { highestSeq: 0 },
        datagrams: { video: 1, audio: 1 },
      });
      await fixture.close();
    });

    it('follows the client to other ports, ends its session, and can be taken over', async () => {
      const table = createMemoryTable();
      const first = await Fixture.start({ bindAddress }, table);
      const { session, client, host, slot } = await playOverIPv6(first);
      const moved = await first.peers(LOOPBACK);
      moved.video.send(ping(session, 2), first.ports.video);
      await until(() => first.relay.stats().counters.roams.video === 1, 'video that moved');
      host.video.send(MEDIA, slot.video);
      await moved.video.expect(1);
      const { peerId } = session.tokens;
      const heard = host.control.received.length;
      moved.control.send(datagram(peerId, HOST_PEER.toHost, message(7)), first.ports.control);
      await host.control.expect(heard + 1);
      first.clock.advance(300);
      await first.relay.stop();

      const second = await Fixture.start({ bindAddress }, table);
      await until(() => {
        moved.control.send(datagram(peerId, HOST_PEER.toHost, ENET_ACK), second.ports.control);
        return host.control.received.length > heard + 1;
      }, 'control through the second relay');
      await second.putSession({ ...session, state: 'ended' });
      await moved.control.expect(1);
      expect(await second.flowRow('session-1')).toMatchObject({ status: 'closed' });
      expect(client.video.received).toHaveLength(0);
      await second.close();
      await first.close();
    });
  },
);
