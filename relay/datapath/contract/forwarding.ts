/** The datapath engine's contract: what is forwarded, and how it is counted. */
import { expect, it } from 'vitest';
import type { EnetCommand } from '../../../core/protocol/enet/command.ts';
import { STREAMS, type StreamKind } from '../../counts/counters.ts';
import { ENET_ACK, ENET_PING, message } from '../../testing/fixture.ts';
import { DATAGRAM_SIZE_MAX } from '../../ports/udp-port.ts';
import {
  bytesIn,
  control,
  deliver,
  expectRow,
  filled,
  playEstablished,
  sizeOf,
  SOON_MS,
  video,
  type DatapathPeer,
  type GetWorld,
} from './world.ts';

const BITS_PER_BYTE = 8;

/** What comes to the client, and what does not. */
export function describeForwarding<P extends DatapathPeer>(getWorld: GetWorld<P>): void {
  const SENT: Record<StreamKind, Uint8Array[]> = {
    video: [video(2), video(3)],
    audio: [filled(300, 7), filled(301, 8)],
    control: [control(ENET_ACK), control(ENET_PING), control(ENET_ACK, ENET_ACK)],
  };

  it.each(STREAMS)(
    '%s that is established to the client, untouched and from the public port',
    async (stream) => {
      const world = getWorld();
      const { engine, fixture } = world;
      const playing = await playEstablished(world, 1);
      const inKernel = engine === 'kernel' ? STREAMS.length : 0;
      expect(fixture.relay.stats().datapath).toMatchObject({ engine, routes: STREAMS.length, inKernel });
      const came = await deliver(playing, stream, ...SENT[stream]);
      expect(bytesIn(came)).toEqual(bytesIn(SENT[stream].map((bytes) => ({ bytes }))));
      expect(new Set(came.map(({ port }) => port))).toEqual(new Set([fixture.ports[stream]]));
    },
  );

  it.each(['video', 'audio'] as const)('%s of every size, up to the longest', async (stream) => {
    const world = getWorld();
    const playing = await playEstablished(world, 1);
    const sizes = [1, 4, 11, 12, 20, 21, 31, 32, 33, 1199, 1399, 1452, 1453, 1472, 1473, DATAGRAM_SIZE_MAX];
    const sent = sizes.map((size, index) => video(2 + index, { size }));
    expect(bytesIn(await deliver(playing, stream, ...sent))).toEqual(sent);
  });

  it.each(STREAMS)('no %s that is empty or longer, and counts it', async (stream) => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    const before = playing.client[stream].received.length;
    const sizes = [0, DATAGRAM_SIZE_MAX + 1, 2 * DATAGRAM_SIZE_MAX, 9000];
    for (const size of sizes) playing.host[stream].send(filled(size, 5), playing.slot[stream]);
    await fixture.expectDropped('badSize', sizes.length);
    const [last] = await deliver(playing, stream, SENT[stream][0] ?? filled(1, 1));
    expect(last?.bytes).toEqual(Buffer.from(SENT[stream][0] ?? []));
    expect(playing.client[stream].received).toHaveLength(before + 1);
    expect(fixture.dropped('badSize')).toBe(sizes.length);
  });

  it('control whatever is in it', async () => {
    const world = getWorld();
    const playing = await playEstablished(world, 1);
    const sent = [
      control(ENET_ACK),
      control(...new Array<EnetCommand>(4).fill(ENET_ACK)),
      control(...new Array<EnetCommand>(9).fill(ENET_ACK)),
      control(ENET_ACK, message(1, { sender: 'host' })),
      control(message(2, { sender: 'host' }), ENET_ACK),
      // Without a sentTime, of another kind, compressed, cut off, and nothing that ENet knows.
      Buffer.concat([Buffer.of(0x20, 0x00), Buffer.from(control(ENET_ACK)).subarray(4)]),
      Buffer.concat([Buffer.of(0x60, 0x00), Buffer.from(control(ENET_ACK)).subarray(4)]),
      Buffer.from(control(ENET_ACK)).subarray(0, 11),
      ...[1, 2, 3, 4, 8, 20, 200].map((size) => filled(size, 0xff)),
    ];
    expect(bytesIn(await deliver(playing, 'control', ...sent))).toEqual(
      bytesIn(sent.map((bytes) => ({ bytes }))),
    );
  });
}

/** What the relay's counters and rows say of that. */
export function describeCounting<P extends DatapathPeer>(getWorld: GetWorld<P>): void {
  it.each(STREAMS)('%s in the counters and in the row', async (stream) => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    fixture.clock.advance(SOON_MS);
    const { datagrams, bytes } = { ...fixture.relay.stats().counters.toClient[stream] };
    const row = await fixture.flowRow('session-1');
    const sent =
      stream === 'control'
        ? [control(ENET_ACK), control(ENET_PING), control(ENET_ACK, ENET_ACK)]
        : [4, 40, 400, 1200, DATAGRAM_SIZE_MAX].map((size, index) => video(2 + index, { size }));
    await deliver(playing, stream, ...sent);
    fixture.clock.advance(SOON_MS);
    expect(fixture.relay.stats().counters.toClient[stream]).toEqual({
      datagrams: datagrams + sent.length,
      bytes: bytes + sizeOf(sent),
    });
    await expectRow(world, 'session-1', {
      datagrams: { [stream]: (row?.datagrams[stream] ?? NaN) + sent.length },
      bytes: { [stream]: (row?.bytes[stream] ?? NaN) + sizeOf(sent) },
    });
  });

  it('bit rates of the last second', async () => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    fixture.clock.advance(SOON_MS);
    const sent = {
      video: [2, 3, 4, 5].map((number) => video(number)),
      audio: [filled(200, 1), filled(50, 2)],
    };
    await deliver(playing, 'video', ...sent.video);
    await deliver(playing, 'audio', ...sent.audio);
    fixture.clock.advance(SOON_MS);
    const [videoBps, audioBps] = [sizeOf(sent.video) * BITS_PER_BYTE, sizeOf(sent.audio) * BITS_PER_BYTE];
    await expectRow(world, 'session-1', { quality: { videoBps, audioBps } });
    fixture.clock.advance(SOON_MS);
    await expectRow(world, 'session-1', { quality: { videoBps: 0, audioBps: 0 } });
  });

  it('the host as there while video comes, and the stream as frozen when none does', async () => {
    const world = getWorld();
    const { fixture } = world;
    const playing = await playEstablished(world, 1);
    for (let number = 2; number < 6; number += 1) {
      await deliver(playing, 'video', video(number));
      fixture.clock.advance(500);
      await expectRow(world, 'session-1', { isFrozen: false, datagrams: { video: number } });
    }
    fixture.clock.advance(1_000);
    await expectRow(world, 'session-1', { isFrozen: true });
    await deliver(playing, 'video', video(6));
    fixture.clock.advance(500);
    await expectRow(world, 'session-1', { isFrozen: false });
  });
}
