import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openControlMessage } from '../core/protocol/enet/control.ts';
import { parseEnetCommands } from '../core/protocol/enet/command.ts';
import type { SessionRecord } from '../core/session/record.ts';
import { LINGER_MS } from './ending/ending.ts';
import {
  connect,
  datagram,
  ENET_ACK,
  Fixture,
  HOST_PEER,
  message,
  play,
  RIKEY,
  sessionRow,
  streamRow,
  tokensOf,
  verifyConnect,
  type Playing,
} from './testing/fixture.ts';
import { until } from './testing/udp-peer.ts';

const NEXT_RIKEY = Buffer.alloc(16, 0x33);

describe('a session that is taken over', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.start();
  });
  afterEach(() => fixture.close());

  /** The second generation of session 1, as the operator asks for it: first `pending`, then `ready`. */
  const next = (state: SessionRecord['state']): SessionRecord =>
    sessionRow(1, {
      generation: 2,
      state,
      tokens: tokensOf(7),
      upstream: { address: '127.0.0.1', slot: 5 },
      keys: { rikey: fixture.seal(NEXT_RIKEY), rikeyid: 2 },
    });

  async function close(): Promise<void> {
    await fixture.putSession(next('pending'));
    await expect.poll(() => fixture.flowRow('session-1')).toMatchObject({ generation: 1, status: 'closed' });
  }

  /** The next generation connects from the control socket of `client`, in front of the same host. */
  async function reconnect({ client, host }: Pick<Playing, 'client' | 'host'>): Promise<void> {
    await fixture.putSession(next('ready'));
    await fixture.putStream(streamRow(next('ready'), host));
    const counts = { host: host.control.received.length, client: client.control.received.length };
    client.control.send(connect(0x2222, tokensOf(7).connectData), fixture.ports.control);
    await until(() => {
      fixture.clock.advance(20);
      return host.control.received.length > counts.host;
    }, 'the CONNECT of the next generation');
    const { port } = await host.control.expect(counts.host + 1);
    host.control.send(verifyConnect(0x2222, HOST_PEER), port);
    await client.control.expect(counts.client + 1);
  }

  it('is left at the host first, then closed in the table, then ended at the client', async () => {
    const playing = await play(fixture, 1);
    const { toHost, toClient } = fixture.relay.stats().counters;
    const before = { toHost: toHost.control.datagrams, toClient: toClient.control.datagrams };
    const sentAtChanges: { toHost: number; toClient: number }[] = [];
    fixture.table.reader.watch(({ kind }) => {
      if (kind !== 'flow') return;
      sentAtChanges.push({
        toHost: toHost.control.datagrams - before.toHost,
        toClient: toClient.control.datagrams - before.toClient,
      });
    });
    await close();
    expect(sentAtChanges).toEqual([{ toHost: 2, toClient: 0 }]);
    await playing.client.control.expect(2);
    expect(toClient.control.datagrams - before.toClient).toBe(1);
  });

  it('tells the first device that it ended well, under the key of the first device', async () => {
    const first = await play(fixture, 1);
    await close();
    const { bytes } = await first.client.control.expect(2);
    const [command] = parseEnetCommands(bytes, 2) ?? [];
    if (command?.type !== 'sendUnreliable') throw new Error('no message');
    const opened = openControlMessage(command.data, { key: RIKEY, version: 'v1', sender: 'host' });
    expect(opened).toMatchObject({ type: 0x0109, payload: Buffer.from('80030023', 'hex') });
    // Whoever resumed has another key: to them it would be noise.
    expect(openControlMessage(command.data, { key: NEXT_RIKEY, version: 'v1', sender: 'host' })).toBe(
      undefined,
    );
  });

  it('sends the first device nothing of the second, nor the second anything of the first', async () => {
    const first = await play(fixture, 1);
    await close();
    await first.client.control.expect(2);
    const client = await fixture.peers();
    await reconnect({ client, host: first.host });
    fixture.clock.advance(1_000);
    await first.client.control.expect(4);
    expect(client.control.received).toHaveLength(1);
    first.host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK), first.slot.control);
    await first.client.control.expect(5);
    expect(client.control.received).toHaveLength(1);
    // The first device goes on under its old label until it has read the message: nobody hears it.
    const count = first.host.control.received.length;
    first.client.control.send(
      datagram(first.session.tokens.peerId, HOST_PEER.toHost, message(9)),
      fixture.ports.control,
    );
    await fixture.expectDropped('ended');
    expect(first.host.control.received).toHaveLength(count);
  });

  it('sends no last words to a client that comes back from the same address and port', async () => {
    const first = await play(fixture, 1);
    await close();
    await first.client.control.expect(2);
    await reconnect(first);
    const { client, host, slot } = first;
    expect(client.control.received).toHaveLength(3);
    host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK), slot.control);
    await fixture.expectDropped('beforeClient');
    fixture.clock.advance(LINGER_MS - 500);
    expect(client.control.received).toHaveLength(3);
    // The new stream is not touched by any of this.
    const count = host.control.received.length;
    client.control.send(
      datagram(tokensOf(7).peerId, HOST_PEER.toHost, message(0, { key: NEXT_RIKEY })),
      fixture.ports.control,
    );
    await host.control.expect(count + 1);
    expect(await fixture.flowRow('session-1')).toMatchObject({ generation: 2, status: 'live' });
  });
});

describe('an address that two sessions name', () => {
  it('is that of the newer CONNECT, until the client of the older proves to be there', async () => {
    const fixture = await Fixture.start();
    const older = await play(fixture, 1);
    const newer = await play(fixture, 2, {
      client: { ...(await fixture.peers()), control: older.client.control },
    });
    const { control } = older.client;
    expect(control.received).toHaveLength(2);
    older.host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK), older.slot.control);
    await fixture.expectDropped('beforeClient');
    newer.host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK), newer.slot.control);
    await control.expect(3);

    const count = older.host.control.received.length;
    const { peerId } = older.session.tokens;
    control.send(datagram(peerId, HOST_PEER.toHost, ENET_ACK), fixture.ports.control);
    await fixture.expectDropped('notAuthentic');
    control.send(datagram(peerId, HOST_PEER.toHost, message(4)), fixture.ports.control);
    await older.host.control.expect(count + 1);
    older.host.control.send(datagram(0, HOST_PEER.toClient, ENET_ACK), older.slot.control);
    await control.expect(4);
    await fixture.close();
  });
});
