import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConnectData, readVerifyPeerID } from '../../core/protocol/enet/connect.ts';
import { readPeerID, readSessionID } from '../../core/protocol/enet/header.ts';
import {
  connect,
  datagram,
  DISCONNECT,
  ENET_ACK,
  ENET_PING,
  Fixture,
  HOST_CONNECT_DATA,
  HOST_PEER,
  message,
  ping,
  play,
  sessionRow,
  streamRow,
  verifyConnect,
} from '../testing/fixture.ts';
import { until } from '../testing/udp-peer.ts';

describe('the connect exchange', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start();
  });
  afterEach(() => fixture.close());

  it("forwards CONNECT with the host's connect data and VERIFY_CONNECT with our label", async () => {
    const { client, host, session } = await play(fixture, 1);
    expect(readConnectData(host.control.last)).toBe(HOST_CONNECT_DATA);
    const answer = client.control.last;
    expect(readVerifyPeerID(answer, 4)).toBe(session.tokens.peerId);
    const untouched = Buffer.from(verifyConnect(0x1001, HOST_PEER));
    untouched.writeUInt16BE(session.tokens.peerId, 8);
    expect(answer).toEqual(untouched);
    expect(client.control.received[0]?.port).toBe(fixture.ports.control);
    expect(await fixture.flowRow('session-1')).toMatchObject({
      status: 'live',
      client: { control: { address: '127.0.0.1', port: client.control.port } },
      control: { connectID: 0x1001, hostPeerID: 3, hostSessionID: 1, clientSessionID: 2, clientPeerID: 0 },
    });
  });

  it('rewrites every retransmission of the VERIFY_CONNECT', async () => {
    const { client, host, session, slot } = await play(fixture, 1);
    host.control.send(verifyConnect(0x1001, HOST_PEER), slot.control);
    const { bytes } = await client.control.expect(2);
    expect(readVerifyPeerID(bytes, 4)).toBe(session.tokens.peerId);
  });

  it('drops a VERIFY_CONNECT that answers another CONNECT or gives another id', async () => {
    const { client, host, slot } = await play(fixture, 1);
    host.control.send(verifyConnect(0x9999, HOST_PEER), slot.control);
    host.control.send(verifyConnect(0x1001, { peerID: 9 }), slot.control);
    await fixture.expectDropped('foreignVerifyConnect', 2);
    expect(client.control.received).toHaveLength(1);
  });

  it('exchanges peer id and label, and nothing else, in both directions', async () => {
    const { client, host, session, slot } = await play(fixture, 1);
    const { peerId } = session.tokens;
    const sent = datagram(peerId, HOST_PEER.toHost, ENET_ACK, ENET_PING, message(0));
    const count = host.control.received.length;
    client.control.send(sent, fixture.ports.control);
    const { bytes } = await host.control.expect(count + 1);
    expect(readPeerID(bytes)).toBe(HOST_PEER.peerID);
    expect(readSessionID(bytes)).toBe(HOST_PEER.toHost);
    expect(bytes.subarray(2)).toEqual(Buffer.from(sent.subarray(2)));

    const back = datagram(0, HOST_PEER.toClient, ENET_ACK);
    host.control.send(back, slot.control);
    expect((await client.control.expect(2)).bytes).toEqual(Buffer.from(back));
  });

  it('forwards the same CONNECT again, but no other one and not from elsewhere', async () => {
    const { client, host, session } = await play(fixture, 1);
    const { connectData } = session.tokens;
    const count = host.control.received.length;
    const stranger = await fixture.peer();
    stranger.send(connect(0x1001, connectData), fixture.ports.control);
    client.control.send(connect(0x1002, connectData), fixture.ports.control);
    await fixture.expectDropped('connectReused', 2);
    expect(host.control.received).toHaveLength(count);
    client.control.send(connect(0x1001, connectData), fixture.ports.control);
    await host.control.expect(count + 1);
  });

  it('holds the newest CONNECT until the host is known', async () => {
    const session = sessionRow(1);
    const client = await fixture.peers();
    const host = await fixture.peers();
    await fixture.putSession(session);
    await fixture.expectFlows(1);
    const first = connect(7, session.tokens.connectData);
    const second = Uint8Array.from(first);
    second[3] = 0x77; // sentTime
    client.control.send(first, fixture.ports.control);
    client.control.send(second, fixture.ports.control);
    client.control.send(connect(8, session.tokens.connectData), fixture.ports.control);
    await fixture.expectDropped('connectReused');
    await fixture.putStream(streamRow(session, host));
    await until(() => {
      fixture.clock.advance(20);
      return host.control.received.length > 0;
    }, 'the held CONNECT');
    expect(host.control.last[3]).toBe(0x77);
    expect(readConnectData(host.control.last)).toBe(HOST_CONNECT_DATA);
    fixture.clock.advance(500);
    expect(host.control.received).toHaveLength(1);
  });

  it('refuses a new CONNECT after a DISCONNECT in the same generation', async () => {
    const { client, host, session } = await play(fixture, 1);
    const count = host.control.received.length;
    client.control.send(datagram(session.tokens.peerId, HOST_PEER.toHost, DISCONNECT), fixture.ports.control);
    await host.control.expect(count + 1);
    expect((await fixture.flowRow('session-1'))?.status).toBe('disconnected');
    client.control.send(connect(0x1001, session.tokens.connectData), fixture.ports.control);
    client.control.send(connect(0x1002, session.tokens.connectData), fixture.ports.control);
    await fixture.expectDropped('ended', 2);
    expect(host.control.received).toHaveLength(count + 1);
  });

  it('limits guesses of connect data by source', async () => {
    const session = sessionRow(1);
    await fixture.putSession(session);
    const guesser = await fixture.peer();
    for (let data = 1; data <= 30; data++) guesser.send(connect(1, data), fixture.ports.control);
    await fixture.expectDropped('connectLimited', 10);
    expect(fixture.dropped('unknownConnect')).toBe(20);
    fixture.clock.advance(1_000);
    guesser.send(connect(1, 99), fixture.ports.control);
    await fixture.expectDropped('unknownConnect', 21);
    expect(guesser.received).toHaveLength(0);
  });

  it('lets a client in whose address others guess under, once its pings show that it is there', async () => {
    const session = sessionRow(1);
    const { audio, control, host } = { ...(await fixture.peers()), host: await fixture.peers() };
    await fixture.putSession(session);
    await fixture.putStream(streamRow(session, host));
    await fixture.expectFlows(1);
    audio.send(ping(session, 1, 'audio'), fixture.ports.audio);
    await until(() => {
      fixture.clock.advance(20);
      return host.audio.received.length > 0;
    }, 'a ping at the host');
    const guesser = await fixture.peer();
    for (let data = 1; data <= 30; data++) guesser.send(connect(1, data), fixture.ports.control);
    await fixture.expectDropped('connectLimited', 10);
    control.send(connect(0x1001, session.tokens.connectData), fixture.ports.control);
    await until(() => {
      fixture.clock.advance(20);
      return host.control.received.length > 0;
    }, 'the CONNECT at the host');
  });

  it.each([
    { name: 'a label nobody has', peerID: 0x123, sessionID: 1, reason: 'unknownLabel' },
    { name: 'other session bits', peerID: 0x501, sessionID: 0, reason: 'unknownLabel' },
    { name: 'no peer id', peerID: 0xfff, sessionID: 1, reason: 'unknownLabel' },
  ] as const)('drops a control datagram with $name', async ({ peerID, sessionID, reason }) => {
    const { client, host } = await play(fixture, 1);
    const count = host.control.received.length;
    client.control.send(datagram(peerID, sessionID, ENET_PING), fixture.ports.control);
    await fixture.expectDropped(reason);
    expect(host.control.received).toHaveLength(count);
  });

  it('drops what is no ENet datagram, also from the known address', async () => {
    const { client, host, session } = await play(fixture, 1);
    const count = host.control.received.length;
    const good = datagram(session.tokens.peerId, HOST_PEER.toHost, ENET_PING);
    client.control.send(good.subarray(0, 4), fixture.ports.control);
    client.control.send(good.subarray(0, 6), fixture.ports.control);
    await fixture.expectDropped('malformed', 2);
    client.control.send(new Uint8Array(1), fixture.ports.control);
    client.control.send(new Uint8Array(1501), fixture.ports.control);
    await fixture.expectDropped('badSize', 2);
    expect(host.control.received).toHaveLength(count);
  });

  it("forwards nothing to the client that is not from the host's own address and port", async () => {
    const { client, slot } = await play(fixture, 1);
    const stranger = await fixture.peer();
    stranger.send(datagram(0, HOST_PEER.toClient, DISCONNECT), slot.control);
    stranger.send(new Uint8Array(1000), slot.video);
    await fixture.expectDropped('foreignHost', 2);
    expect(client.control.received).toHaveLength(1);
    expect(client.video.received).toHaveLength(0);
  });
});
