/** The datapath engine's contract: clients and hosts that go on from another address or port. */
import { expect, it } from 'vitest';
import { STREAMS } from '../../counts/counters.ts';
import { datagram, ENET_ACK, ENET_PING, HOST_PEER, message, ping } from '../../testing/fixture.ts';
import { until } from '../../testing/udp-peer.ts';
import {
  bytesIn,
  control,
  deliver,
  expectRow,
  playEstablished,
  SOON_MS,
  video,
  type DatapathPeer,
  type GetWorld,
} from './world.ts';

/** What changes under a stream that plays. */
export function describeMoves<P extends DatapathPeer>(getWorld: GetWorld<P>): void {
  it.each(STREAMS)('%s of a client that moves, there and back', async (stream) => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    const { session, client } = playing;
    const place = await world.openPeer('client');
    const moved = { ...playing, client: { ...client, [stream]: place } };
    const before = client[stream].received.length;
    const sent = [control(ENET_ACK), control(ENET_PING), control(ENET_ACK, ENET_ACK)].map((bytes, index) =>
      stream === 'control' ? Buffer.from(bytes) : video(2 + index),
    );
    /** Proves to be the client, at the place of `peer`. */
    const speak = (peer: P, counter: number): void => {
      const { peerId } = session.tokens;
      const bytes =
        stream === 'control'
          ? datagram(peerId, HOST_PEER.toHost, message(counter))
          : ping(session, counter, stream);
      peer.send(bytes, fixture.ports[stream]);
    };
    speak(place, 2);
    await until(() => fixture.relay.stats().counters.roams[stream] === 1, 'a move');
    expect(bytesIn(await deliver(moved, stream, ...sent))).toEqual(sent);
    expect(client[stream].received).toHaveLength(before);
    speak(client[stream], 3);
    await until(() => fixture.relay.stats().counters.roams[stream] === 2, 'a move back');
    expect(bytesIn(await deliver(playing, stream, ...sent))).toEqual(sent);
    expect(place.received).toHaveLength(sent.length);
  });

  it('a move without losing count', async () => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    await deliver(playing, 'video', video(2));
    const place = await world.openPeer('client');
    place.send(ping(playing.session, 2, 'video'), fixture.ports.video);
    await until(() => fixture.relay.stats().counters.roams.video === 1, 'a move');
    const moved = { ...playing, client: { ...playing.client, video: place } };
    await deliver(moved, 'video', video(3), video(4), video(6));
    fixture.clock.advance(SOON_MS);
    await expectRow(world, playing.session.id, {
      datagrams: { video: 5 },
      quality: { videoDatagrams: 5, videoLost: 1 },
    });
  });

  it.each(['video', 'audio'] as const)('%s of a host that comes from another port', async (stream) => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    const { session, host, client, slot } = playing;
    const row = await fixture.table.reader.get('stream', session.id);
    if (row?.[stream] === undefined) throw new Error('the host is not known');
    const place = await world.openPeer('host');
    await fixture.putStream({ ...row, [stream]: { ...row[stream], port: place.port } });
    const moved = { ...playing, host: { ...host, [stream]: place } };
    expect(bytesIn(await deliver(moved, stream, video(2), video(3)))).toEqual([video(2), video(3)]);
    host[stream].send(video(4), slot[stream]);
    await fixture.expectDropped('foreignHost');
    expect(client[stream].received).toHaveLength(3);
  });
}
