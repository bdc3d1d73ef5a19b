import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datagram, ENET_ACK, ENET_PING } from '../testing/fixture.ts';
import { commandsIn } from './messages.ts';
import { RoundTrip } from './round-trip.ts';

interface Capture {
  wolfSession10mbit: { first60: { tMs: number; direction: string; hex: string }[] };
}

const CAPTURE = JSON.parse(
  readFileSync(new URL('../../test/captures/enet.json', import.meta.url), 'utf8'),
) as Capture;

const SENT_TIME = 0x3235;
const PING = datagram(0, 0, { ...ENET_PING, reliableSequenceNumber: 9 });
const ack = (receivedReliableSequenceNumber: number, receivedSentTime = SENT_TIME): Uint8Array =>
  datagram(7, 0, ENET_ACK, { ...ENET_ACK, ...{ receivedReliableSequenceNumber, receivedSentTime } });

describe('RoundTrip', () => {
  it('is unknown at first, then from the datagram to its acknowledgement', () => {
    const roundTrip = new RoundTrip();
    roundTrip.onAcknowledgements(ack(9), 5);
    expect(roundTrip.rttMs).toBeUndefined();
    roundTrip.onSent(PING, 100);
    roundTrip.onAcknowledgements(ack(9), 130.5);
    expect(roundTrip.rttMs).toBe(30.5);
  });

  it('moves by an eighth of what is new', () => {
    const roundTrip = new RoundTrip();
    for (const [sentAtMs, tookMs] of [
      [0, 16],
      [500, 32],
      [1_000, 18],
    ] as const) {
      roundTrip.onSent(PING, sentAtMs);
      roundTrip.onAcknowledgements(ack(9), sentAtMs + tookMs);
    }
    expect(roundTrip.rttMs).toBe(18);
  });

  it.each([
    { name: 'another command', answer: ack(8) },
    { name: 'an earlier transmission of the same', answer: ack(9, SENT_TIME - 40) },
    { name: 'nothing', answer: datagram(7, 0, ENET_PING) },
  ])('does not take an acknowledgement of $name', ({ answer }) => {
    const roundTrip = new RoundTrip();
    roundTrip.onSent(PING, 100);
    roundTrip.onAcknowledgements(answer, 110);
    expect(roundTrip.rttMs).toBeUndefined();
    roundTrip.onAcknowledgements(ack(9), 120);
    expect(roundTrip.rttMs).toBe(20);
  });

  it('waits 2 s for an acknowledgement, then for that of the next datagram', () => {
    const roundTrip = new RoundTrip();
    const next = datagram(0, 0, { ...ENET_PING, reliableSequenceNumber: 10 });
    roundTrip.onSent(PING, 0);
    roundTrip.onSent(next, 500);
    roundTrip.onAcknowledgements(ack(10), 510);
    expect(roundTrip.rttMs).toBeUndefined();
    roundTrip.onSent(next, 2_000);
    roundTrip.onAcknowledgements(ack(10), 2_040);
    expect(roundTrip.rttMs).toBe(40);
  });

  it('does not wait for what nobody acknowledges, or what has no sentTime', () => {
    const roundTrip = new RoundTrip();
    roundTrip.onSent(datagram(0, 0, ENET_ACK, { ...ENET_PING, needsAcknowledge: false }), 0);
    roundTrip.onSent(Uint8Array.from([0x00, 0x00, ...PING.subarray(4)]), 0);
    roundTrip.onSent(PING, 50);
    roundTrip.onAcknowledgements(ack(9), 60);
    expect(roundTrip.rttMs).toBe(10);
  });

  it('finds the acknowledgements of a real client', () => {
    const roundTrip = new RoundTrip();
    for (const { tMs, direction, hex } of CAPTURE.wolfSession10mbit.first60) {
      const bytes = Buffer.from(hex, 'hex');
      if (direction === 'host->client') roundTrip.onSent(bytes, tMs);
      else roundTrip.onAcknowledgements(bytes, tMs);
    }
    expect(roundTrip.rttMs).toBeGreaterThan(0);
    expect(roundTrip.rttMs).toBeLessThan(20);
  });

  it('never throws on what is well-formed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        if (commandsIn(bytes) <= 0) return;
        const roundTrip = new RoundTrip();
        roundTrip.onSent(bytes, 0);
        roundTrip.onAcknowledgements(bytes, 1);
      }),
    );
  });
});
