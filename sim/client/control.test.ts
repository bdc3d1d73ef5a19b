import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ControlStream } from './control.ts';

const Captures = z.object({
  wolfSession10mbit: z.object({
    rikey: z.string(),
    first60: z.array(z.object({ direction: z.string(), hex: z.string() })),
  }),
  fakeHostV2: z.object({
    rikey: z.string(),
    first20: z.array(z.object({ direction: z.string(), hex: z.string() })),
    messages: z.array(z.object({ direction: z.string(), type: z.string(), messageHex: z.string() })),
  }),
});
const captures = Captures.parse(
  JSON.parse(readFileSync(new URL('../../test/captures/enet.json', import.meta.url), 'utf8')),
);
const { wolfSession10mbit: v1, fakeHostV2: v2 } = captures;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function createControl(options: { rikey: string; version: 'v1' | 'v2'; connect: string }) {
  const connect = Buffer.from(options.connect, 'hex');
  const clock = { nowMs: connect.readUInt16BE(2) };
  const sent: string[] = [];
  const events: string[] = [];
  const control = new ControlStream({
    key: Buffer.from(options.rikey, 'hex'),
    version: options.version,
    connectID: connect.readUInt32LE(44),
    connectData: connect.readUInt32BE(48),
    now: () => clock.nowMs,
    transmit: (datagram) => sent.push(hex(datagram)),
    onConnect: () => events.push('connect'),
    onTermination: (code) => events.push(code.toString(16)),
    onDisconnect: (reason) => events.push(reason),
  });
  const receive = (datagram: string) => {
    control.receive(Buffer.from(datagram, 'hex'));
  };
  return { control, clock, sent, events, receive };
}

/** A host's SEND_RELIABLE on channel 0, of peer 0 and session 0. */
function reliable(sequenceNumber: number, message: string): string {
  const word = (value: number) => value.toString(16).padStart(4, '0');
  return `8000${word(1)}8600${word(sequenceNumber)}${word(message.length / 2)}${message}`;
}

describe('ControlStream', () => {
  it.each([
    { version: 'v1' as const, rikey: v1.rikey, datagrams: v1.first60 },
    { version: 'v2' as const, rikey: v2.rikey, datagrams: v2.first20 },
  ])(
    'begins as a real client does, byte for byte, with control $version',
    ({ version, rikey, datagrams }) => {
      const { control, clock, sent, events, receive } = createControl({
        version,
        rikey,
        connect: datagrams[0]?.hex ?? '',
      });
      receive(datagrams[1]?.hex ?? '');
      receive(datagrams[3]?.hex ?? '');
      expect(events).toEqual(['connect']);
      // The periodic ping, whose two last bytes a real client leaves unset.
      const ping = datagrams[7]?.hex ?? '';
      clock.nowMs = Buffer.from(ping, 'hex').readUInt16BE(2);
      receive(datagrams[6]?.hex ?? '');
      control.tick();
      const real = datagrams.slice(0, 8).filter(({ direction }) => direction === 'client->host');
      expect(sent).toEqual(real.map((datagram) => datagram.hex));
    },
  );

  it('counts what the host says, and leaves when it is told to', () => {
    const { control, sent, events, receive } = createControl({
      version: 'v2',
      rikey: v2.rikey,
      connect: v2.first20[0]?.hex ?? '',
    });
    receive(v2.first20[1]?.hex ?? '');
    const messages = v2.messages.filter(({ direction }) => direction === 'host->client');
    for (const [index, { messageHex }] of messages.entries()) receive(reliable(index + 1, messageHex));
    expect(Object.fromEntries(control.received)).toEqual({ 0x010b: 4, 0x0109: 1 });
    expect(events).toEqual(['connect', '80030023', 'local']);
    // Unsequenced DISCONNECT, as seen of a real client.
    expect(sent.at(-1)).toMatch(/^000044ff....00000000$/);
  });

  it('drops what does not decrypt and goes on', () => {
    const { control, receive } = createControl({
      version: 'v1',
      rikey: v2.rikey,
      connect: v2.first20[0]?.hex ?? '',
    });
    receive(v2.first20[1]?.hex ?? '');
    const [message] = v2.messages.filter(({ direction }) => direction === 'host->client');
    receive(reliable(1, message?.messageHex ?? ''));
    expect(control.undecryptable).toBe(1);
    expect(control.isConnected).toBe(true);
  });

  it('sends 0x0200 ten times a second', () => {
    const { control, clock, sent, receive } = createControl({
      version: 'v1',
      rikey: v1.rikey,
      connect: v1.first60[0]?.hex ?? '',
    });
    receive(v1.first60[1]?.hex ?? '');
    const before = sent.length;
    for (let index = 0; index < 100; index++) {
      clock.nowMs += 10;
      control.tick();
      const newest = Buffer.from(sent.at(-1) ?? '', 'hex');
      if (newest[4] === 0x86)
        receive(
          `000001${newest.toString('hex', 5, 8)}${newest.toString('hex', 6, 8)}${newest.toString('hex', 2, 4)}`,
        );
    }
    const pings = new Set(
      sent
        .slice(before)
        .filter((datagram) => datagram.slice(8, 12) === '8600')
        .map((d) => d.slice(12, 16)),
    );
    expect(pings.size).toBeGreaterThanOrEqual(10);
    expect(pings.size).toBeLessThanOrEqual(13);
  });
});
