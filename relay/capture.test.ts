import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findVerifyConnect, isConnect } from '../core/protocol/enet/connect.ts';
import { Fixture, HOST_CONNECT_DATA, ping, sessionRow, streamRow } from './testing/fixture.ts';
import { until } from './testing/udp-peer.ts';

interface Capture {
  wolfSession10mbit: { rikey: string; first60: { direction: string; hex: string }[] };
  clientDisconnect: { datagrams: { direction: string; hex: string }[] };
}

const CAPTURE = JSON.parse(
  readFileSync(new URL('../test/captures/enet.json', import.meta.url), 'utf8'),
) as Capture;
/** `data` of the recorded CONNECT: here, what Gleipnir told the client. */
const RECORDED_CONNECT_DATA = 2_467_153_406;

describe('a recorded session of a real client and a real Wolf', () => {
  it('passes unchanged but for connect data and peer id, and ends as disconnected', async () => {
    const { wolfSession10mbit, clientDisconnect } = CAPTURE;
    const fixture = await Fixture.start();
    const base = sessionRow(1);
    const session = sessionRow(1, {
      keys: { rikey: fixture.seal(Buffer.from(wolfSession10mbit.rikey, 'hex')), rikeyid: 1 },
      tokens: { ...base.tokens, connectData: RECORDED_CONNECT_DATA },
    });
    const client = await fixture.peers();
    const host = await fixture.peers();
    await fixture.putSession(session);
    await fixture.putStream(streamRow(session, host));
    await fixture.expectFlows(1);
    // A host ping shows that the slot is open.
    client.audio.send(ping(session, 1, 'audio'), fixture.ports.audio);
    await until(() => {
      fixture.clock.advance(20);
      return host.audio.received.length > 0;
    }, 'an open slot');

    for (const { direction, hex } of [...wolfSession10mbit.first60, ...clientDisconnect.datagrams]) {
      const recorded = Buffer.from(hex, 'hex');
      const expected = Buffer.from(recorded);
      if (direction === 'client->host') {
        const sent = Buffer.from(recorded);
        if (isConnect(recorded)) expected.writeUInt32BE(HOST_CONNECT_DATA, 48);
        else sent.writeUInt16BE((sent.readUInt16BE(0) & 0xf000) | session.tokens.peerId, 0);
        const count = host.control.received.length;
        client.control.send(sent, fixture.ports.control);
        expect((await host.control.expect(count + 1)).bytes).toEqual(expected);
      } else {
        const verify = findVerifyConnect(recorded);
        if (verify >= 0) expected.writeUInt16BE(session.tokens.peerId, verify + 4);
        const count = client.control.received.length;
        host.control.send(recorded, host.control.received[0]?.port ?? 0);
        expect((await client.control.expect(count + 1)).bytes).toEqual(expected);
      }
    }
    expect(await fixture.flowRow('session-1')).toMatchObject({
      status: 'disconnected',
      control: { hostPeerID: 0, hostSessionID: 0, clientSessionID: 0 },
    });
    fixture.clock.advance(300);
    expect((await fixture.flowRow('session-1'))?.control?.highestSeq).toBeGreaterThan(270);
    await fixture.close();
  });
});
