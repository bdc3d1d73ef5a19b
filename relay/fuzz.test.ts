import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  connect,
  datagram,
  DISCONNECT,
  ENET_ACK,
  Fixture,
  message,
  ping,
  play,
  verifyConnect,
} from './testing/fixture.ts';
import { STREAMS } from './counts/counters.ts';
import { until } from './testing/udp-peer.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 1) * 1500;
const BATCH = 50;

/** Random bytes, and genuine datagrams with some bytes changed, cut or appended. */
function hostile(genuine: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(80), value: fc.nat(255) });
  const mutated = fc
    .record({
      base: fc.constantFrom(...genuine),
      changes: fc.array(change, { maxLength: 4 }),
      cut: fc.option(fc.nat(60), { nil: undefined }),
      tail: fc.uint8Array({ maxLength: 8 }),
    })
    .map(({ base, changes, cut, tail }) => {
      const bytes = Uint8Array.from([...base.subarray(0, cut ?? base.length), ...tail]);
      for (const { at, value } of changes) if (at < bytes.length) bytes[at] = value;
      return bytes;
    });
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1400, maxLength: 1600 }) },
    { weight: 6, arbitrary: mutated },
  );
}

describe('hostile datagrams on every port', () => {
  it('throw nothing, get no answer, move nobody and leave no state', { timeout: 60_000 }, async () => {
    const fixture = await Fixture.start();
    const { session, client, host, slot } = await play(fixture, 1);
    const { peerId, connectData } = session.tokens;
    const genuine = [
      connect(0x1001, connectData),
      datagram(peerId, 1, message(3)),
      datagram(peerId, 1, ENET_ACK, message(2)),
      datagram(peerId, 1, DISCONNECT),
      verifyConnect(0x1001, { peerID: 3 }),
      // A ping of somebody who does not know the payload: a genuine one would rightly move the stream.
      ping({ ...session, tokens: { ...session.tokens, pingPayload: 'ping-payload--99' } }, 9),
    ];
    const stranger = await fixture.peer();
    const ports = [...Object.values(fixture.ports), ...Object.values(slot)];
    const { dropped } = fixture.relay.stats().counters;
    const total = (): number => Object.values(dropped).reduce((sum, count) => sum + count, 0);
    const rowBefore = await fixture.flowRow('session-1');
    const before = total();

    const samples = fc.sample(hostile(genuine), RUNS);
    // The genuine message with a fresh seq is no forgery: whoever holds it first may move the client.
    const forged = samples.filter((bytes) => !genuine.some((real) => Buffer.from(real).equals(bytes)));
    let sent = 0;
    for (const [index, bytes] of forged.entries()) {
      if (opensAsFresh(bytes, genuine)) continue;
      stranger.send(bytes, ports[index % ports.length] ?? 0);
      sent += 1;
      if (sent % BATCH === 0) await until(() => total() >= before + sent, 'the drops of a batch');
    }
    await until(() => total() >= before + sent, 'all drops');

    expect(total()).toBe(before + sent);
    expect(stranger.received).toHaveLength(0);
    expect(fixture.relay.stats()).toMatchObject({ flows: 1, slots: 1, datapath: { routes: 3 } });
    fixture.clock.advance(300);
    expect(await fixture.flowRow('session-1')).toMatchObject({
      status: 'live',
      client: rowBefore?.client,
      control: rowBefore?.control,
    });
    for (const stream of STREAMS) {
      const count = client[stream].received.length;
      host[stream].send(datagram(0, 2, ENET_ACK), slot[stream]);
      await client[stream].expect(count + 1);
    }
    await fixture.close();
  });

  it('from the host itself throw nothing and end nothing but their own session', async () => {
    const fixture = await Fixture.start();
    const a = await play(fixture, 1);
    const b = await play(fixture, 2);
    const genuine = [verifyConnect(0x1001, { peerID: 3 }), datagram(0, 2, ENET_ACK, message(1))];
    const { counters } = fixture.relay.stats();
    const handled = (): number =>
      Object.values(counters.dropped).reduce((sum, count) => sum + count, 0) +
      counters.toClient.control.datagrams;
    const before = handled();
    for (const bytes of fc.sample(hostile(genuine), 300)) a.host.control.send(bytes, a.slot.control);
    await until(() => handled() >= before + 300, 'all handled');
    b.host.video.send(Buffer.alloc(100), b.slot.video);
    await b.client.video.expect(1);
    expect(b.client.control.received).toHaveLength(1);
    expect(await fixture.flowRow('session-2')).toMatchObject({ status: 'live' });
    await fixture.close();
  });
});

/**
 * Whether a mutation left the sealed message whole, so that it is authentic after all. In v1 its seq is part of that by
 * the lowest byte only.
 */
function opensAsFresh(bytes: Uint8Array, genuine: readonly Uint8Array[]): boolean {
  const text = Buffer.from(bytes).toString('latin1');
  return genuine.slice(1, 3).some((real) => {
    const sealed = Buffer.from(real.subarray(real.length - 32)).toString('latin1');
    return text.includes(sealed);
  });
}
