/** The client's end against a real client's datagrams. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { connectEnet } from './connect.ts';
import { EnetHost } from './host.ts';
import { ENET_CHANNELS } from './types.ts';

const Captures = z.object({
  wolfSession10mbit: z.object({ first60: z.array(z.object({ direction: z.string(), hex: z.string() })) }),
});
const path = new URL('../../test/captures/enet.json', import.meta.url);
const captures = Captures.parse(JSON.parse(readFileSync(path, 'utf8')));
const datagrams = captures.wolfSession10mbit.first60;

const SENT_TIME = 0x3235;
const CONNECT_ID = 0x5ba10b07;
const DATA = 2467153406;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function replay(options: { connectID?: number } = {}) {
  const sent: string[] = [];
  const events: string[] = [];
  const peer = connectEnet({
    channelCount: ENET_CHANNELS,
    data: DATA,
    connectID: options.connectID ?? CONNECT_ID,
    now: () => 0x1_0000 + SENT_TIME,
    transmit: (datagram) => sent.push(hex(datagram)),
    events: {
      onConnect: () => events.push('connect'),
      onMessage: () => undefined,
      onDisconnect: (reason) => events.push(reason),
    },
  });
  const receive = (datagram: string) => {
    peer.receive(Buffer.from(datagram, 'hex'));
  };
  return { peer, sent, events, receive };
}

describe('connectEnet, beside a real client', () => {
  const [connect, verify, answer, acknowledged] = datagrams.map((datagram) => datagram.hex);

  it('sends the same CONNECT', () => {
    expect(replay().sent).toEqual([connect]);
  });

  it('takes the VERIFY_CONNECT and answers with the same datagram', () => {
    const { peer, sent, events, receive } = replay();
    receive(verify ?? '');
    expect(peer.state).toBe('connected');
    expect(events).toEqual(['connect']);
    expect(sent).toEqual([connect, answer]);
    receive(acknowledged ?? '');
    expect(peer.hasUnacknowledged).toBe(false);
  });

  it('sends the same first messages', () => {
    const { peer, sent, receive } = replay();
    receive(verify ?? '');
    receive(acknowledged ?? '');
    const messages = [4, 5].map((index) => datagrams[index]?.hex ?? '');
    for (const message of messages) peer.send(0, Buffer.from(message.slice(20), 'hex'), 'reliable');
    expect(sent.slice(2)).toEqual(messages);
  });

  it('refuses a VERIFY_CONNECT with another connectID', () => {
    const { events, receive } = replay({ connectID: 1 });
    receive(verify ?? '');
    expect(events).toEqual(['remote']);
  });
});

describe('EnetHost, beside a real host', () => {
  const source = { address: 'a', port: 1 };
  const createHost = (sent: string[]) =>
    new EnetHost({
      now: () => SENT_TIME,
      transmit: (datagram) => sent.push(hex(datagram)),
      accept: () => true,
      peersMax: 20,
      events: { onConnect: () => undefined, onMessage: () => undefined, onDisconnect: () => undefined },
    });

  it('answers the real CONNECT with the same VERIFY_CONNECT, and what follows with the same acknowledgements', () => {
    const sent: string[] = [];
    const host = createHost(sent);
    for (const { hex: datagram } of datagrams
      .slice(0, 6)
      .filter(({ direction }) => direction === 'client->host')) {
      host.receive(Buffer.from(datagram, 'hex'), source);
    }
    expect(sent.slice(0, 2)).toEqual([datagrams[1]?.hex, datagrams[3]?.hex]);
    // The real host put two acknowledgements into one datagram.
    expect(sent[2]).toBe(datagrams[6]?.hex.slice(0, 20));
  });

  it('never throws, whatever the bytes', () => {
    const host = createHost([]);
    host.receive(Buffer.from(datagrams[0]?.hex ?? '', 'hex'), source);
    const prefixes = ['', '0000', '8000abcd'].map((prefix) => Buffer.from(prefix, 'hex'));
    fc.assert(
      fc.property(fc.constantFrom(...prefixes), fc.uint8Array({ maxLength: 80 }), (prefix, bytes) => {
        host.receive(Buffer.concat([prefix, bytes]), source);
        host.tick();
      }),
    );
  });
});
