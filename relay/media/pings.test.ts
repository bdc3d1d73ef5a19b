import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LEGACY_PING, parsePing } from '../../core/protocol/rtp/ping.ts';
import type { SessionRecord } from '../../core/session/record.ts';
import { Fixture, HOST_PAYLOAD, ping, play, sessionRow, streamRow } from '../testing/fixture.ts';
import { until, type UdpPeer } from '../testing/udp-peer.ts';

const MEDIA = Buffer.alloc(1040, 0x5a);

describe('pings of clients', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start();
  });
  afterEach(() => fixture.close());

  it.each(['video', 'audio'] as const)('say where %s goes, and only that stream', async (stream) => {
    const { client, host, slot } = await play(fixture, 1);
    host[stream].send(MEDIA, slot[stream]);
    const { bytes, port } = await client[stream].expect(1);
    expect(bytes).toEqual(MEDIA);
    expect(port).toBe(fixture.ports[stream]);
    expect(client[stream === 'video' ? 'audio' : 'video'].received).toHaveLength(0);
  });

  it.each(['video', 'audio'] as const)('move %s when the counter is new', async (stream) => {
    const { session, client, host, slot } = await play(fixture, 1);
    host[stream].send(MEDIA, slot[stream]);
    await client[stream].expect(1);
    const moved = await fixture.peer();
    moved.send(ping(session, 2, stream), fixture.ports[stream]);
    await until(() => fixture.relay.stats().counters.roams[stream] === 1, 'a move');
    host[stream].send(MEDIA, slot[stream]);
    await moved.expect(1);
    expect(client[stream].received).toHaveLength(1);
  });

  it('move nothing when they are replayed, forged, foreign or of another kind', async () => {
    const { session, client, host, slot } = await play(fixture, 1);
    const stranger = await fixture.peer();
    stranger.send(ping(session, 1), fixture.ports.video);
    await fixture.expectDropped('replayedPing');
    stranger.send(ping(sessionRow(9), 5), fixture.ports.video);
    stranger.send(ping(session, 9, 'audio'), fixture.ports.video);
    stranger.send(ping(session, 9, 'video'), fixture.ports.audio);
    await fixture.expectDropped('unknownPing', 3);
    stranger.send(LEGACY_PING, fixture.ports.video);
    await fixture.expectDropped('legacyPing');
    stranger.send(Buffer.alloc(1400, 1), fixture.ports.video);
    stranger.send(ping(session, 7).subarray(0, 19), fixture.ports.video);
    stranger.send(new Uint8Array(0), fixture.ports.video);
    await fixture.expectDropped('malformed', 3);
    host.video.send(MEDIA, slot.video);
    await client.video.expect(1);
    expect(stranger.received).toHaveLength(0);
  });

  it('may move a stream only so often', async () => {
    const { session } = await play(fixture, 1);
    const peers = [await fixture.peer(), await fixture.peer()] as const;
    for (let counter = 2; counter <= 9; counter++) {
      peers[counter % 2 === 0 ? 0 : 1].send(ping(session, counter, 'audio'), fixture.ports.audio);
      await until(() => fixture.relay.stats().counters.roams.audio === counter - 1, `move ${counter}`);
    }
    peers[0].send(ping(session, 10, 'audio'), fixture.ports.audio);
    peers[1].send(ping(session, 11, 'audio'), fixture.ports.audio);
    await fixture.expectDropped('moveLimited');
    fixture.clock.advance(1_100);
    peers[0].send(ping(session, 12, 'audio'), fixture.ports.audio);
    await until(() => fixture.relay.stats().counters.roams.audio > 8, 'a move after a while');
  });
});

describe('pings to hosts', () => {
  let fixture: Fixture;
  let session: SessionRecord;
  beforeEach(async () => {
    fixture = await Fixture.start();
    session = sessionRow(1);
  });
  afterEach(() => fixture.close());

  const countersOf = (host: UdpPeer): (number | undefined)[] =>
    host.received.map(({ bytes }) => {
      const parsed = parsePing(bytes);
      return parsed?.kind === 'payload' ? parsed.counter : undefined;
    });

  it("begin with the client's own first ping of that kind, carry the host's payload and count up", async () => {
    const client = await fixture.peers();
    const host = await fixture.peers();
    await fixture.putSession(session);
    await fixture.putStream(streamRow(session, host));
    await fixture.expectFlows(1);
    fixture.clock.advance(1_000);
    client.audio.send(ping(session, 1, 'audio'), fixture.ports.audio);
    await until(() => {
      fixture.clock.advance(20);
      return host.audio.received.length >= 3;
    }, 'three pings');
    expect(parsePing(host.audio.received[0]?.bytes ?? new Uint8Array())).toEqual({
      kind: 'payload',
      payload: HOST_PAYLOAD,
      counter: 1,
    });
    expect(countersOf(host.audio)).toEqual(host.audio.received.map((_, index) => index + 1));
    expect(host.video.received).toHaveLength(0);
  });

  it('come every 20 ms until media flows, then every 500 ms', async () => {
    const { host, slot, client } = await play(fixture, 1);
    const start = host.video.received.length;
    fixture.clock.advance(200);
    await host.video.expect(start + 10);
    host.video.send(MEDIA, slot.video);
    await client.video.expect(1);
    // One ping was due already when the media came.
    fixture.clock.advance(20);
    await host.video.expect(start + 11);
    fixture.clock.advance(2_000);
    await host.video.expect(start + 15);
    expect(host.video.received).toHaveLength(start + 15);
  });

  it('slow down after 10 s without media', async () => {
    const { session } = await play(fixture, 1);
    const { audio } = fixture.relay.stats().counters.toHost;
    fixture.clock.advance(9_000);
    expect(audio.datagrams).toBeGreaterThan(450);
    // Alone without control, the client would count as gone.
    const hurried = await fixture.peers();
    await fixture.putSession({ ...session, state: 'ended' });
    await fixture.putSession(sessionRow(2));
    await fixture.putStream(streamRow(sessionRow(2), hurried));
    hurried.audio.send(ping(sessionRow(2), 1, 'audio'), fixture.ports.audio);
    await until(() => {
      fixture.clock.advance(20);
      return hurried.audio.received.length > 0;
    }, 'the first ping');
    fixture.clock.advance(10_000);
    const before = audio.datagrams;
    fixture.clock.advance(5_000);
    expect(audio.datagrams - before).toBe(10);
  });

  it('are the bare PING where the host gave no payload', async () => {
    const host = await fixture.peers();
    const at = { address: '127.0.0.1' };
    const stream = { video: { ...at, port: host.video.port }, audio: { ...at, port: host.audio.port } };
    await play(fixture, 1, { host, stream });
    expect(host.video.last).toEqual(Buffer.from('PING'));
    expect(host.audio.last).toEqual(Buffer.from('PING'));
  });

  it('stop when the client has left', async () => {
    await play(fixture, 1);
    const { audio } = fixture.relay.stats().counters.toHost;
    fixture.clock.advance(10_100);
    expect((await fixture.flowRow('session-1'))?.status).toBe('silent');
    const before = audio.datagrams;
    fixture.clock.advance(5_000);
    expect(audio.datagrams).toBe(before);
  });

  it('do not go out before the client is there: media of an eager host is dropped', async () => {
    const host = await fixture.peers();
    const probe = await play(fixture, 2);
    await fixture.putSession({ ...session, upstream: { address: '127.0.0.1', slot: 2 } });
    await fixture.putStream(streamRow(session, host));
    await fixture.expectFlows(2);
    host.video.send(MEDIA, probe.slot.video);
    await fixture.expectDropped('beforeClient');
    expect(host.video.received).toHaveLength(0);
    expect(probe.client.video.received).toHaveLength(0);
  });
});
