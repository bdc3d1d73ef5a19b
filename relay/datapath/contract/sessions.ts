/** The datapath engine's contract: sessions side by side, and their ends. */
import { expect, it } from 'vitest';
import { STREAMS } from '../../counts/counters.ts';
import { DISCONNECT, ENET_ACK } from '../../testing/fixture.ts';
import {
  bytesIn,
  control,
  deliver,
  expectRow,
  filled,
  playEstablished,
  SOON_MS,
  STREAM_SIZE,
  video,
  type DatapathPeer,
  type GetWorld,
} from './world.ts';

/** What never meets. */
export function describeSeparation<P extends DatapathPeer>(getWorld: GetWorld<P>): void {
  it('what comes from a port that is not the host’s', async () => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    const stranger = await world.openPeer('host');
    const before = STREAMS.map((stream) => playing.client[stream].received.length);
    for (const stream of STREAMS) stranger.send(video(2), playing.slot[stream]);
    // The host's own, but of other streams.
    playing.host.video.send(video(2), playing.slot.audio);
    playing.host.audio.send(video(2), playing.slot.video);
    await fixture.expectDropped('foreignHost', STREAMS.length + 2);
    await deliver(playing, 'video', video(2));
    await deliver(playing, 'audio', filled(99, 1));
    await deliver(playing, 'control', control(ENET_ACK));
    expect(STREAMS.map((stream) => playing.client[stream].received.length)).toEqual(before.map((n) => n + 1));
  });

  it.each([
    { name: 'of hosts of their own', isOneHost: false, isOneSlot: false },
    { name: 'of one host, by their slots', isOneHost: true, isOneSlot: false },
    { name: 'in one slot, by their hosts', isOneHost: false, isOneSlot: true },
  ])('two sessions of clients at one address, $name', async ({ isOneHost, isOneSlot }) => {
    const world = getWorld();
    const a = await playEstablished(world, 1);
    const b = await playEstablished(world, 2, {
      ...(isOneHost ? { host: a.host } : {}),
      ...(isOneSlot ? { slot: 1 } : {}),
    });
    const [ofA, ofB] = [
      [2, 4, 6],
      [3, 5, 7, 9, 11],
    ].map((list) => list.map((number) => video(number)));
    for (let index = 0; index < 5; index += 1) {
      for (const [playing, list] of [
        [a, ofA],
        [b, ofB],
      ] as const) {
        const bytes = list?.[index];
        if (bytes === undefined) continue;
        await deliver(playing, 'video', bytes);
        await deliver(playing, 'audio', bytes.subarray(0, 100));
      }
    }
    for (const [playing, list = []] of [
      [a, ofA],
      [b, ofB],
    ] as const) {
      expect(bytesIn(playing.client.video.received).slice(1)).toEqual(list);
      expect(bytesIn(playing.client.audio.received).slice(1)).toEqual(
        list.map((bytes) => bytes.subarray(0, 100)),
      );
    }
    world.fixture.clock.advance(SOON_MS);
    await expectRow(world, 'session-1', { datagrams: { video: 4, audio: 4 } });
    await expectRow(world, 'session-2', { datagrams: { video: 6, audio: 6 } });
  });
}

/** How sessions end, and what comes after. */
export function describeEnds<P extends DatapathPeer>(getWorld: GetWorld<P>): void {
  it('the host that disconnects, behind acknowledgements', async () => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    // Of a size that does not tell it from other datagrams.
    await deliver(playing, 'control', control(ENET_ACK), control(ENET_ACK, ENET_ACK, ENET_ACK, DISCONNECT));
    await expectRow(world, playing.session.id, { status: 'disconnected' });
    playing.host.video.send(video(2), playing.slot.video);
    await fixture.expectDropped('ended');
    // The last words of both sides still pass.
    expect(await deliver(playing, 'control', control(ENET_ACK))).toHaveLength(1);
    expect(playing.client.video.received).toHaveLength(1);
  });

  it('the end of a session: the client gets nothing any more, then or when it is forgotten', async () => {
    const world = getWorld();
    const { fixture } = world;
    // Holds the slot open, so that what comes to it is seen.
    await playEstablished(world, 2, { slot: 1 });
    const { session, client, host, slot } = await playEstablished(world, 1);
    const before = { video: client.video.received.length, audio: client.audio.received.length };
    await fixture.putSession({ ...session, state: 'ended' });
    await expectRow(world, session.id, { status: 'closed', datagrams: { video: 1, audio: 1 } });
    host.video.send(video(2), slot.video);
    host.audio.send(filled(99, 1), slot.audio);
    await fixture.expectDropped('ended', 2);

    fixture.clock.advance(5_000);
    await fixture.expectFlows(1);
    for (const stream of STREAMS) host[stream].send(control(ENET_ACK), slot[stream]);
    await fixture.expectDropped('foreignHost', STREAMS.length);
    expect(client.video.received).toHaveLength(before.video);
    expect(client.audio.received).toHaveLength(before.audio);
    expect(fixture.relay.stats().datapath.routes).toBe(STREAMS.length);
    expect(fixture.relay.stats().datapath.inKernel).toBe(world.engine === 'kernel' ? STREAMS.length : 0);
  });

  it('the next generation in another slot, and nothing of the one before', async () => {
    const world = getWorld();
    const { fixture } = world;
    const old = await playEstablished(world, 1);
    await deliver(old, 'video', video(2));
    const next = await playEstablished(world, 2, { id: old.session.id, generation: 2, host: old.host });
    expect(next.slot.video).not.toBe(old.slot.video);
    const sent = [video(2), video(3)];
    old.host.video.send(video(3), old.slot.video);
    expect(bytesIn(await deliver(next, 'video', ...sent))).toEqual(sent);
    await fixture.expectDropped('ended');
    expect(old.client.video.received).toHaveLength(2);
    expect(next.client.video.received).toHaveLength(3);
    fixture.clock.advance(SOON_MS);
    await expectRow(world, old.session.id, {
      generation: 2,
      datagrams: { video: 3 },
      bytes: { video: 3 * STREAM_SIZE },
      quality: { videoDatagrams: 3, videoLost: 0 },
    });
  });
}
