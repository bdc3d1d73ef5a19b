import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryTable } from '../core/session/memory.ts';
import {
  connect,
  datagram,
  ENET_ACK,
  ENET_PING,
  Fixture,
  message,
  ping,
  play,
  sessionRow,
  streamRow,
  tokensOf,
  verifyConnect,
} from './testing/fixture.ts';
import { until } from './testing/udp-peer.ts';

const media = (mark: number): Buffer => Buffer.alloc(1040, mark);

describe('sessions of one relay', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start({ slotsMax: 4, flowsMax: 3 });
  });
  afterEach(() => fixture.close());

  it('never meet, though they share client address and host', async () => {
    const host = await fixture.peers();
    const a = await play(fixture, 1, { host });
    const b = await play(fixture, 2, { host });
    expect(new Set([...Object.values(a.slot), ...Object.values(b.slot)]).size).toBe(6);
    host.video.send(media(0xaa), a.slot.video);
    host.video.send(media(0xbb), b.slot.video);
    host.audio.send(media(0xaa), a.slot.audio);
    host.control.send(datagram(0, 2, ENET_ACK), b.slot.control);
    await a.client.video.expect(1);
    await b.client.video.expect(1);
    await a.client.audio.expect(1);
    await b.client.control.expect(2);
    expect(a.client.video.received.map(({ bytes }) => bytes[0])).toEqual([0xaa]);
    expect(b.client.video.received.map(({ bytes }) => bytes[0])).toEqual([0xbb]);
    expect(b.client.audio.received).toHaveLength(0);
    expect(a.client.control.received).toHaveLength(1);

    // B's client speaks under A's label: it cannot prove to be A.
    b.client.control.send(datagram(a.session.tokens.peerId, 1, ENET_PING), fixture.ports.control);
    await fixture.expectDropped('notAuthentic');
  });

  it('share a slot towards different hosts', async () => {
    const upstream = { address: '127.0.0.1', slot: 3 };
    const a = await play(fixture, 1, { session: { upstream } });
    const b = await play(fixture, 2, { session: { upstream } });
    expect(a.slot).toEqual(b.slot);
    a.host.video.send(media(0xaa), a.slot.video);
    b.host.video.send(media(0xbb), b.slot.video);
    expect((await a.client.video.expect(1)).bytes[0]).toBe(0xaa);
    expect((await b.client.video.expect(1)).bytes[0]).toBe(0xbb);
    expect(fixture.relay.stats().slots).toBe(1);
  });

  it('continue in a fresh slot after a resume, apart from the old stream', async () => {
    const host = await fixture.peers();
    const old = await play(fixture, 1, { host });
    await fixture.putSession(sessionRow(1, { generation: 2, state: 'pending', tokens: tokensOf(7) }));
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ generation: 1, status: 'closed' });
    const session = sessionRow(1, {
      generation: 2,
      tokens: tokensOf(7),
      upstream: { address: '127.0.0.1', slot: 2 },
    });
    await fixture.putSession(session);
    await fixture.expectFlows(2);
    // The stream row is still the old generation's: its secrets must not be used.
    const client = await fixture.peers();
    client.audio.send(ping(session, 1, 'audio'), fixture.ports.audio);
    const count = host.audio.received.length;
    fixture.clock.advance(100);
    expect(fixture.relay.stats().counters.toHost.audio.datagrams).toBe(count);
    await fixture.putStream(streamRow(session, host));
    const { port } = await host.audio.expect(count + 1);
    expect(port).not.toBe(old.slot.audio);
    host.audio.send(media(1), old.slot.audio);
    host.audio.send(media(2), port);
    expect((await client.audio.expect(1)).bytes[0]).toBe(2);
    await fixture.expectDropped('ended');
    expect(old.client.audio.received).toHaveLength(0);
  });

  it('are refused beyond the limits on flows and slots', async () => {
    for (const index of [0, 1, 2, 3]) await fixture.putSession(sessionRow(index));
    await fixture.expectFlows(3);
    await fixture.putSession(sessionRow(0, { state: 'ended' }));
    await expect.poll(() => fixture.flowRow('session-0')).toMatchObject({ status: 'closed' });
    fixture.clock.advance(3_000);
    await fixture.putSession(sessionRow(9));
    fixture.clock.advance(100);
    expect(fixture.relay.stats()).toMatchObject({ flows: 2, slots: 2 });
  });

  it('wait for `ready`: tokens of a pending session name nobody', async () => {
    const session = sessionRow(1, { state: 'pending' });
    await fixture.putSession(session);
    const client = await fixture.peers();
    client.audio.send(ping(session, 1, 'audio'), fixture.ports.audio);
    await fixture.expectDropped('unknownPing');
    client.control.send(connect(1, session.tokens.connectData), fixture.ports.control);
    await fixture.expectDropped('unknownConnect');
  });

  it('stream but never roam when their key does not open', async () => {
    const playing = await play(fixture, 1, { session: { keys: { rikey: 'bm9uc2Vuc2U', rikeyid: 1 } } });
    playing.host.video.send(media(1), playing.slot.video);
    await playing.client.video.expect(1);
    const moved = await fixture.peer();
    moved.send(datagram(playing.session.tokens.peerId, 1, message(5)), fixture.ports.control);
    await fixture.expectDropped('notAuthentic');
    await fixture.putSession({ ...playing.session, state: 'ended' });
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ status: 'closed' });
  });

  it('write their row every 250 ms at most, and only when something happened', async () => {
    const { host, client, slot } = await play(fixture, 1);
    fixture.clock.advance(300);
    let writes = 0;
    fixture.table.reader.watch(({ kind }) => (writes += kind === 'flow' ? 1 : 0));
    fixture.clock.advance(5_000);
    expect(writes).toBe(0);
    host.video.send(media(1), slot.video);
    host.video.send(media(1), slot.video);
    await client.video.expect(2);
    fixture.clock.advance(400);
    expect(writes).toBe(1);
    expect(await fixture.flowRow('session-1')).toMatchObject({
      datagrams: { video: 2, audio: 0 },
      bytes: { video: 2080 },
      pingCounters: { video: 1, audio: 1 },
    });
    // A rate, none, and a frozen stream.
    fixture.clock.advance(4_000);
    expect(writes).toBe(4);
  });
});

const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ family }) => family === 'IPv6'),
);

describe.skipIf(!hasIPv6)('a relay on a dual-stack port', () => {
  it('serves IPv4 clients, writes their addresses as IPv4, and takes them over', async () => {
    const table = createMemoryTable();
    const first = await Fixture.start({ bindAddress: '::' }, table);
    const { session, client, host, slot } = await play(first, 1);
    host.video.send(media(1), slot.video);
    await client.video.expect(1);
    const { port } = client.control;
    expect(await first.flowRow('session-1')).toMatchObject({
      client: { control: { address: '127.0.0.1', port } },
    });
    await first.relay.stop();

    const second = await Fixture.start({ bindAddress: '::' }, table);
    const count = host.control.received.length;
    await until(() => {
      client.control.send(datagram(session.tokens.peerId, 1, ENET_PING), second.ports.control);
      return host.control.received.length > count;
    }, 'a datagram from the known address');
    host.control.send(datagram(0, 2, ENET_ACK), host.control.received[count]?.port ?? 0);
    await client.control.expect(2);
    await second.close();
    await first.close();
  });
});

describe('host addresses', () => {
  it.each(['127.0.0.1', '169.254.169.254', '::ffff:127.0.0.1', '0.0.0.0', '224.0.0.1'])(
    'are refused when they are %s',
    async (address) => {
      const fixture = await Fixture.start({ allowLoopback: false });
      const session = sessionRow(1);
      const host = await fixture.peers();
      const client = await fixture.peers();
      await fixture.putSession(session);
      await fixture.expectFlows(1);
      const at = { address, port: host.audio.port };
      await fixture.putStream(
        streamRow(session, host, { audio: at, video: at, control: { ...at, connectData: 1 } }),
      );
      client.audio.send(ping(session, 1, 'audio'), fixture.ports.audio);
      client.control.send(connect(1, session.tokens.connectData), fixture.ports.control);
      await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ control: { connectID: 1 } });
      fixture.clock.advance(1_000);
      const { toHost } = fixture.relay.stats().counters;
      expect(toHost.audio.datagrams + toHost.control.datagrams).toBe(0);
      await fixture.close();
    },
  );
});

describe('a relay that takes over', () => {
  it('continues a stream from the table alone', async () => {
    const table = createMemoryTable();
    const first = await Fixture.start({}, table);
    const { session, client, host } = await play(first, 1);
    client.control.send(datagram(session.tokens.peerId, 1, message(40)), first.ports.control);
    await host.control.expect(2);
    first.clock.advance(300);
    await first.relay.stop();

    const second = await Fixture.start({}, table);
    await second.expectFlows(1);
    expect(await second.flowRow('session-1')).toMatchObject({ status: 'live' });
    // The client's own address is known; a new one needs a message newer than the first relay saw.
    const known = datagram(session.tokens.peerId, 1, ENET_PING);
    await until(() => {
      client.control.send(known, second.ports.control);
      return host.control.received.length >= 3;
    }, 'a control datagram through the second relay');
    const port = host.control.received[2]?.port ?? 0;
    const stranger = await second.peer();
    stranger.send(datagram(session.tokens.peerId, 1, message(40)), second.ports.control);
    await second.expectDropped('notAuthentic');
    host.control.send(verifyConnect(0x1001, { peerID: 3 }), port);
    await client.control.expect(2);
    expect(client.control.received[1]?.port).toBe(second.ports.control);
    client.audio.send(ping(session, 1, 'audio'), second.ports.audio);
    await second.expectDropped('replayedPing');
    await second.close();
    await first.close();
  });

  it('does not open again what was closed, and removes rows of sessions that are gone', async () => {
    const table = createMemoryTable();
    const first = await Fixture.start({}, table);
    await first.putSession(sessionRow(1));
    await first.putSession(sessionRow(2));
    await first.expectFlows(2);
    await first.putSession(sessionRow(1, { state: 'ended' }));
    await expect.poll(() => first.flowRow('session-1')).toMatchObject({ status: 'closed' });
    await first.close();
    await table.writer('session').put(sessionRow(1));
    await table.writer('session').remove('session-2');

    const second = await Fixture.start({}, table);
    expect(second.relay.stats().flows).toBe(0);
    expect(await second.flowRow('session-2')).toBeUndefined();
    expect(await second.flowRow('session-1')).toMatchObject({ status: 'closed' });
    await second.close();
  });

  it('leaves alone what is of a relay by another name, and takes up what older versions wrote', async () => {
    const table = createMemoryTable();
    const first = await Fixture.start({}, table);
    const { client } = await play(first, 1);
    await expect.poll(() => first.flowRow('session-1')).toMatchObject({ status: 'live' });
    const row = await first.flowRow('session-1');
    await first.relay.stop();
    if (row === undefined) throw new Error('no flow row');
    await table.writer('flow').remove(row.id);
    await table.writer('flow').put({ ...row, id: 'session-1:elsewhere' });

    const second = await Fixture.start({}, table);
    expect(await second.flowRow('session-1')).toMatchObject({ status: 'waiting', client: {} });
    expect(await table.reader.get('flow', 'session-1:elsewhere')).toMatchObject({ status: 'live' });
    await second.relay.stop();
    await table.writer('flow').remove(row.id);
    await table.writer('flow').put({ ...row, id: 'session-1' });

    const third = await Fixture.start({}, table);
    expect(await third.flowRow('session-1')).toMatchObject({
      status: 'live',
      client: { control: { port: client.control.port } },
    });
    expect(await table.reader.get('flow', 'session-1')).toBeUndefined();
    for (const fixture of [third, second, first]) await fixture.close();
  });

  it('cannot start where a port is taken', async () => {
    const first = await Fixture.start();
    const taken = Fixture.start({ videoPort: first.ports.video });
    await expect(taken).rejects.toMatchObject({ code: 'PORT_UNAVAILABLE' });
    await first.close();
  });
});
