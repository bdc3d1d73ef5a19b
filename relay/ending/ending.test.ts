import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openControlMessage } from '../../core/protocol/enet/control.ts';
import { parseEnetCommands } from '../../core/protocol/enet/command.ts';
import { LINGER_MS } from './ending.ts';
import {
  datagram,
  DISCONNECT,
  ENET_ACK,
  ENET_PING,
  Fixture,
  HOST_PEER,
  message,
  ping,
  play,
  RIKEY,
  sessionRow,
  tokensOf,
  type Playing,
} from '../testing/fixture.ts';

/** Peer 3, session bits 1: unsequenced DISCONNECT on the connection's channel. */
const HOST_DISCONNECT = Buffer.from('1003' + '44ff0000' + '00000000', 'hex');
const MEDIA = Buffer.alloc(1040, 0x5a);

describe('ending a generation', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start();
  });
  afterEach(() => fixture.close());

  /** What the host's control port got after the first `count`. */
  const since = ({ host }: Playing, count: number): Buffer[] =>
    host.control.received.slice(count).map(({ bytes }) => bytes);

  async function end({ session }: Playing): Promise<void> {
    await fixture.putSession({ ...session, state: 'ended' });
  }

  it('disconnects the host twice, tells the client, and writes `closed` at once', async () => {
    const playing = await play(fixture, 1);
    const count = playing.host.control.received.length;
    await end(playing);
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'closed', generation: 1 });
    await playing.host.control.expect(count + 2);
    expect(since(playing, count)).toEqual([HOST_DISCONNECT, HOST_DISCONNECT]);
    await playing.client.control.expect(2);
  });

  it.each([
    { version: 'v1', encryptionEnabled: 0 },
    { version: 'v2', encryptionEnabled: 1 },
  ] as const)(
    'terminates the client gracefully, control $version',
    async ({ version, encryptionEnabled }) => {
      const playing = await play(fixture, 1, { stream: { encryptionEnabled } });
      await end(playing);
      const { bytes } = await playing.client.control.expect(2);
      expect(bytes.subarray(0, 10).toString('hex')).toBe('2000' + '072f0000' + '0001' + '0020');
      const [command] = parseEnetCommands(bytes, 2) ?? [];
      expect(command).toMatchObject({ type: 'sendUnreliable', channelID: 47, unreliableSequenceNumber: 1 });
      if (command?.type !== 'sendUnreliable') return;
      const opened = openControlMessage(command.data, { key: RIKEY, version, sender: 'host' });
      expect(opened).toEqual({
        seq: 0xffff_ff01,
        type: 0x0109,
        payload: Buffer.from('80030023', 'hex'),
      });
    },
  );

  it('repeats the termination until the client leaves, three times at most', async () => {
    const playing = await play(fixture, 1);
    await end(playing);
    await playing.client.control.expect(2);
    fixture.clock.advance(1_000);
    await playing.client.control.expect(4);

    const other = await play(fixture, 2);
    const count = other.host.control.received.length;
    await end(other);
    await other.client.control.expect(2);
    const { peerId } = other.session.tokens;
    other.client.control.send(datagram(peerId, HOST_PEER.toHost, DISCONNECT), fixture.ports.control);
    await fixture.expectDropped('ended');
    fixture.clock.advance(1_000);
    other.host.control.send(datagram(0, 2, ENET_ACK), other.slot.control);
    await other.client.control.expect(3);
    expect(other.client.control.last).toHaveLength(12);
    expect(since(other, count)).toEqual([HOST_DISCONNECT, HOST_DISCONNECT]);
  });

  it('lingers for the last words, then forgets the flow and frees its slot', async () => {
    const playing = await play(fixture, 1);
    await end(playing);
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
    fixture.clock.advance(LINGER_MS - 100);
    expect(fixture.relay.stats()).toMatchObject({ flows: 1, slots: 1 });
    fixture.clock.advance(200);
    expect(fixture.relay.stats()).toMatchObject({ flows: 0, slots: 0, datapath: { routes: 0 } });
    // The row stays as the answer until the session row goes.
    expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
    await fixture.table.writer('session').remove('session-1');
    await expect.poll(() => fixture.flowRow('session-1')).toBeUndefined();
  });

  it('forwards no media once it is closed', async () => {
    const playing = await play(fixture, 1);
    playing.host.audio.send(MEDIA, playing.slot.audio);
    await playing.client.audio.expect(1);
    await end(playing);
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
    playing.host.audio.send(MEDIA, playing.slot.audio);
    await fixture.expectDropped('ended');
    playing.client.audio.send(ping(playing.session, 2, 'audio'), fixture.ports.audio);
    await fixture.expectDropped('ended', 2);
    expect(playing.client.audio.received).toHaveLength(1);
  });

  it.each(['pending', 'ready'] as const)('ends the older one when a newer is %s', async (state) => {
    const playing = await play(fixture, 1);
    const count = playing.host.control.received.length;
    const upstream = { address: '127.0.0.1', slot: 5 };
    await fixture.putSession(sessionRow(1, { generation: 2, state, tokens: tokensOf(7), upstream }));
    await playing.host.control.expect(count + 2);
    expect(since(playing, count)).toEqual([HOST_DISCONNECT, HOST_DISCONNECT]);
    await playing.client.control.expect(2);
    const expected =
      state === 'pending' ? { generation: 1, status: 'closed' } : { generation: 2, status: 'waiting' };
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject(expected);
  });

  it('ends a flow whose row was replaced', async () => {
    const playing = await play(fixture, 1);
    const count = playing.host.control.received.length;
    await fixture.putSession(sessionRow(1, { tokens: tokensOf(8) }));
    await playing.host.control.expect(count + 2);
    expect(since(playing, count)).toEqual([HOST_DISCONNECT, HOST_DISCONNECT]);
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'waiting' });
  });

  it('answers `closed` also for a generation that it has no flow of', async () => {
    await fixture.putSession(sessionRow(1, { generation: 4, state: 'pending' }));
    await fixture.putSession(sessionRow(2, { generation: 2, state: 'ended' }));
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ generation: 3, status: 'closed' });
    await expect.poll(() => fixture.flowRow('session-2')).toMatchObject({ generation: 2, status: 'closed' });
    expect(fixture.relay.stats().flows).toBe(0);
  });

  describe('sends the host no DISCONNECT', () => {
    it("when the client's own passed", async () => {
      const playing = await play(fixture, 1);
      const count = playing.host.control.received.length;
      const { peerId } = playing.session.tokens;
      playing.client.control.send(datagram(peerId, 1, DISCONNECT), fixture.ports.control);
      await playing.host.control.expect(count + 1);
      // The last acknowledgements pass in both directions.
      playing.host.control.send(datagram(0, 2, ENET_ACK), playing.slot.control);
      await playing.client.control.expect(2);
      await end(playing);
      await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
      playing.client.control.send(datagram(peerId, 1, ENET_PING), fixture.ports.control);
      await playing.host.control.expect(count + 2);
      expect(playing.client.control.received).toHaveLength(2);
      expect(since(playing, count)[1]?.length).toBe(8);
    });

    it("when the host's own passed", async () => {
      const playing = await play(fixture, 1);
      const count = playing.host.control.received.length;
      playing.host.control.send(datagram(0, 2, DISCONNECT), playing.slot.control);
      await playing.client.control.expect(2);
      await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'disconnected' });
      await end(playing);
      await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
      const { peerId } = playing.session.tokens;
      playing.client.control.send(datagram(peerId, 1, ENET_ACK), fixture.ports.control);
      await playing.host.control.expect(count + 1);
      expect(since(playing, count)[0]).toHaveLength(12);
    });

    it('when the host has been silent for more than 5 s', async () => {
      const playing = await play(fixture, 1);
      const count = playing.host.control.received.length;
      fixture.clock.advance(5_100);
      await end(playing);
      await playing.client.control.expect(2);
      expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
      expect(since(playing, count)).toEqual([]);
    });

    it('before its VERIFY_CONNECT', async () => {
      const playing = await play(fixture, 1);
      await fixture.putSession(sessionRow(2));
      await fixture.expectFlows(2);
      await fixture.putSession(sessionRow(2, { state: 'ended' }));
      await expect.poll(() => fixture.flowRow('session-2')).toMatchObject({ status: 'closed' });
      expect(playing.host.control.received).toHaveLength(1);
    });
  });
});

describe('a client that goes away', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start({ idleMs: 60_000 });
  });
  afterEach(() => fixture.close());

  it('is silent after 10 s: the host is disconnected, nothing more goes to it', async () => {
    const { session, client, host, slot } = await play(fixture, 1);
    fixture.clock.advance(6_000);
    host.control.send(datagram(0, 2, ENET_ACK), slot.control);
    await client.control.expect(2);
    const count = host.control.received.length;
    fixture.clock.advance(4_100);
    await host.control.expect(count + 2);
    expect(host.control.last).toEqual(HOST_DISCONNECT);
    expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'silent' });
    expect(client.control.received).toHaveLength(2);
    client.control.send(datagram(session.tokens.peerId, 1, message(5)), fixture.ports.control);
    await fixture.expectDropped('ended');
    expect(host.control.received).toHaveLength(count + 2);
  });

  it('is not silent while control comes', async () => {
    const { session, client, host } = await play(fixture, 1);
    for (let seq = 0; seq < 5; seq++) {
      const count = host.control.received.length;
      fixture.clock.advance(6_000);
      client.control.send(datagram(session.tokens.peerId, 1, message(seq)), fixture.ports.control);
      await host.control.expect(count + 1);
    }
    expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'live' });
  });

  it('is not silent because the clock was set or the machine slept', async () => {
    await play(fixture, 1);
    fixture.clock.leap(3_600_000);
    fixture.clock.advance(1_000);
    expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'live' });
  });

  it('keeps its flow when the session row vanishes, until the idle time-out', async () => {
    const { session, client, host } = await play(fixture, 1);
    const { peerId } = session.tokens;
    await fixture.table.writer('session').remove('session-1');
    for (let seq = 0; seq < 12; seq++) {
      const count = host.control.received.length;
      fixture.clock.advance(8_000);
      client.control.send(datagram(peerId, 1, message(seq)), fixture.ports.control);
      await host.control.expect(count + 1);
    }
    expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'live' });
    fixture.clock.advance(59_000);
    expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'silent' });
    fixture.clock.advance(2_000);
    expect(await fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
    fixture.clock.advance(LINGER_MS);
    expect(fixture.relay.stats().flows).toBe(0);
    await expect.poll(() => fixture.flowRow('session-1')).toBeUndefined();
  });
});
