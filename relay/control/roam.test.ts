import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTROL_TYPE } from '../../core/protocol/enet/control.ts';
import { readPeerID } from '../../core/protocol/enet/header.ts';
import {
  datagram,
  DISCONNECT,
  ENET_ACK,
  ENET_PING,
  Fixture,
  HOST_PEER,
  message,
  play,
  type Playing,
} from '../testing/fixture.ts';
import { until, type UdpPeer } from '../testing/udp-peer.ts';

const V2 = { encryptionEnabled: 1 };

describe('a control datagram from a new address', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start();
  });
  afterEach(() => fixture.close());

  /** Sends a control datagram of the session from `peer`. */
  function send(peer: UdpPeer, { session }: Playing, ...commands: Parameters<typeof datagram>[2][]): void {
    peer.send(datagram(session.tokens.peerId, HOST_PEER.toHost, ...commands), fixture.ports.control);
  }

  /** A session whose client has sent messages up to seq 10. */
  async function playOn(version: 'v1' | 'v2', index = 1): Promise<{ playing: Playing; count: number }> {
    const playing = await play(fixture, index, { stream: version === 'v2' ? V2 : {} });
    const count = playing.host.control.received.length + 1;
    send(playing.client.control, playing, message(10, { version }));
    await playing.host.control.expect(count);
    return { playing, count };
  }

  it.each(['v1', 'v2'] as const)(
    'moves the client when it holds a fresh message, control %s',
    async (version) => {
      const { playing, count } = await playOn(version);
      const { client, host, slot } = playing;
      const moved = await fixture.peer();
      send(moved, playing, ENET_ACK, message(11, { version }));
      const { bytes } = await host.control.expect(count + 1);
      expect(readPeerID(bytes)).toBe(HOST_PEER.peerID);

      host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK), slot.control);
      await moved.expect(1);
      expect(client.control.received).toHaveLength(1);
      expect(fixture.relay.stats().counters.roams.control).toBe(1);
      // The new address is the known one now; the old one has to prove itself.
      send(moved, playing, ENET_PING);
      await host.control.expect(count + 2);
      send(client.control, playing, ENET_PING);
      await fixture.expectDropped('notAuthentic');
      fixture.clock.advance(300);
      const row = await fixture.flowRow('session-1');
      expect(row).toMatchObject({ client: { control: { port: moved.port } }, control: { highestSeq: 11 } });
    },
  );

  it.each([
    { name: 'a replay of the newest message', commands: [message(10)] },
    { name: 'an older message', commands: [message(3)] },
    { name: 'a message far ahead of what a client can have sent', commands: [message(10 + 0x1_0001)] },
    { name: 'a message under another key', commands: [message(11, { key: Buffer.alloc(16, 1) })] },
    { name: 'a message of the other control version', commands: [message(11, { version: 'v2' })] },
    {
      name: "a host's message that the client was sent",
      commands: [message(11, { sender: 'host', type: CONTROL_TYPE.RUMBLE })],
    },
    { name: 'a bare ACK', commands: [ENET_ACK] },
    { name: 'a bare PING', commands: [ENET_PING] },
    { name: 'a bare DISCONNECT', commands: [DISCONNECT] },
  ])('moves nothing for $name', async ({ commands }) => {
    const { playing, count } = await playOn('v1');
    const { client, host, slot } = playing;
    const stranger = await fixture.peer();
    send(stranger, playing, ...commands);
    await fixture.expectDropped('notAuthentic');
    host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK), slot.control);
    await client.control.expect(2);
    expect(stranger.received).toHaveLength(0);
    expect(host.control.received).toHaveLength(count);
    expect((await fixture.flowRow('session-1'))?.status).toBe('live');
  });

  it("moves nothing for a genuine datagram of another session under this one's label", async () => {
    const { playing: a } = await playOn('v1', 1);
    const b = await play(fixture, 2, {
      session: { keys: { rikey: fixture.seal(Buffer.alloc(16, 9)), rikeyid: 2 } },
    });
    const stranger = await fixture.peer();
    send(stranger, b, message(11));
    await fixture.expectDropped('notAuthentic');
    expect(a.host.control.received).not.toHaveLength(0);
    expect(fixture.relay.stats().counters.roams.control).toBe(0);
  });

  it("stops trying a stranger's tags when junk comes in numbers, and recovers", async () => {
    const { playing } = await playOn('v1');
    const stranger = await fixture.peer('127.0.0.66');
    const junk = message(11, { key: Buffer.alloc(16, 1) });
    for (let sent = 0; sent < 100; sent++) send(stranger, playing, junk);
    await fixture.expectDropped('tagLimited', 60);
    expect(fixture.dropped('notAuthentic')).toBe(40);
    fixture.clock.advance(2_000);
    send(stranger, playing, junk);
    await fixture.expectDropped('notAuthentic', 41);
  });

  it('has tries left for an address where media is, whatever strangers use up', async () => {
    const { playing, count } = await playOn('v1');
    const junk = message(11, { key: Buffer.alloc(16, 1) });
    for (const address of ['127.0.0.66', '127.0.0.67', '127.0.0.68']) {
      const stranger = await fixture.peer(address);
      for (let sent = 0; sent < 40; sent++) send(stranger, playing, junk);
    }
    await fixture.expectDropped('tagLimited', 60);
    const moved = await fixture.peer();
    send(moved, playing, message(12));
    await playing.host.control.expect(count + 1);
  });

  it('limits how often a client moves', async () => {
    const { playing } = await playOn('v1');
    const peers = [await fixture.peer(), await fixture.peer()] as const;
    const { roams } = fixture.relay.stats().counters;
    for (let move = 1; move <= 8; move++) {
      send(peers[move % 2 === 0 ? 0 : 1], playing, message(10 + move));
      await until(() => roams.control === move, `move ${move}`);
    }
    send(peers[1], playing, message(19));
    await fixture.expectDropped('moveLimited');
    expect(roams.control).toBe(8);
  });
});
