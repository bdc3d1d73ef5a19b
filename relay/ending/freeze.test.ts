import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryTable } from '../../core/session/memory.ts';
import { datagram, DISCONNECT, Fixture, HOST_PEER, message, play, type Playing } from '../testing/fixture.ts';

const MEDIA = Buffer.alloc(1040, 0x5a);

describe('a frozen stream', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start();
  });
  afterEach(() => fixture.close());

  const isFrozen = async (): Promise<boolean | undefined> => (await fixture.flowRow('session-1'))?.isFrozen;

  async function sendVideo({ host, client, slot }: Playing): Promise<void> {
    const count = client.video.received.length;
    host.video.send(MEDIA, slot.video);
    await client.video.expect(count + 1);
  }

  /** Lets time pass in which the client's control goes on. */
  async function live(playing: Playing, ms: number): Promise<void> {
    const { client, host, session } = playing;
    const count = host.control.received.length;
    const { peerId } = session.tokens;
    client.control.send(datagram(peerId, HOST_PEER.toHost, message(count)), fixture.ports.control);
    await host.control.expect(count + 1);
    fixture.clock.advance(ms);
  }

  it('is told once no video came for a second, and told to be over with the next', async () => {
    const playing = await play(fixture, 1);
    await sendVideo(playing);
    await live(playing, 960);
    expect(await isFrozen()).toBe(false);
    await live(playing, 60);
    expect(await isFrozen()).toBe(true);
    const metrics = await fixture.register.metrics();
    expect(metrics).toContain('gleipnir_relay_frozen_total 1');
    expect(metrics).toContain('gleipnir_relay_frozen_flows 1');

    await sendVideo(playing);
    fixture.clock.advance(20);
    expect(await isFrozen()).toBe(false);
    expect(await fixture.register.metrics()).toContain('gleipnir_relay_frozen_flows 0');
    await live(playing, 1_020);
    expect(await fixture.register.metrics()).toContain('gleipnir_relay_frozen_total 2');
  });

  it('is none while video comes, nor because audio stops', async () => {
    const playing = await play(fixture, 1);
    for (let times = 0; times < 5; times++) {
      await sendVideo(playing);
      await live(playing, 900);
      expect(await isFrozen()).toBe(false);
    }
  });

  it('is one though audio comes on', async () => {
    const playing = await play(fixture, 1);
    await sendVideo(playing);
    for (let times = 1; times <= 3; times++) {
      playing.host.audio.send(MEDIA, playing.slot.audio);
      await playing.client.audio.expect(times);
      await live(playing, 500);
    }
    expect(await isFrozen()).toBe(true);
  });

  it('is none before the first video', async () => {
    const playing = await play(fixture, 1);
    await live(playing, 5_000);
    expect(await isFrozen()).toBe(false);
  });

  it('is none while the session is paused', async () => {
    const playing = await play(fixture, 1);
    await sendVideo(playing);
    await fixture.putSession({ ...playing.session, state: 'paused' });
    await live(playing, 2_000);
    expect(await isFrozen()).toBe(false);
    await fixture.putSession({ ...playing.session, state: 'streaming' });
    await live(playing, 40);
    expect(await isFrozen()).toBe(true);
  });

  it('ends with the connection', async () => {
    const playing = await play(fixture, 1);
    await sendVideo(playing);
    await live(playing, 1_040);
    expect(await isFrozen()).toBe(true);
    const { client, host, session } = playing;
    const count = host.control.received.length;
    client.control.send(datagram(session.tokens.peerId, HOST_PEER.toHost, DISCONNECT), fixture.ports.control);
    await host.control.expect(count + 1);
    expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'disconnected', isFrozen: false });
    fixture.clock.advance(3_000);
    expect(await isFrozen()).toBe(false);
  });
});

describe('a stream that is frozen', () => {
  it('is so after as long as it is told', async () => {
    const fixture = await Fixture.start({ frozenMs: 3_000 });
    const { host, client, slot } = await play(fixture, 1);
    host.video.send(MEDIA, slot.video);
    await client.video.expect(1);
    fixture.clock.advance(2_900);
    expect(await fixture.flowRow('session-1')).toMatchObject({ isFrozen: false });
    fixture.clock.advance(200);
    expect(await fixture.flowRow('session-1')).toMatchObject({ isFrozen: true });
    await fixture.close();
  });

  it('is noticed by a relay that takes over', async () => {
    const table = createMemoryTable();
    const first = await Fixture.start({}, table);
    const { host, client, slot } = await play(first, 1);
    host.video.send(MEDIA, slot.video);
    await client.video.expect(1);
    first.clock.advance(300);
    await first.relay.stop();

    const second = await Fixture.start({}, table);
    expect(await second.flowRow('session-1')).toMatchObject({ status: 'live', isFrozen: false });
    second.clock.advance(1_040);
    expect(await second.flowRow('session-1')).toMatchObject({ status: 'live', isFrozen: true });
    await second.close();
    await first.close();
  });
});
