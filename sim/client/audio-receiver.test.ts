import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AudioReceiver } from './audio-receiver.ts';

const Stream = z.object({
  rikey: z.string(),
  rikeyid: z.coerce.number(),
  audio: z.object({ datagrams: z.array(z.object({ hex: z.string() })) }),
});
const Captures = z.object({ wolf10mbit: Stream, wolfAudioEncrypted: Stream });
const captures = Captures.parse(
  JSON.parse(readFileSync(new URL('../../test/captures/media.json', import.meta.url), 'utf8')),
);
const PING_SIZE = 20;
/** 14 data packets, 0 to 13, and 6 parity packets. */
const mediaOf = (name: keyof typeof captures) =>
  captures[name].audio.datagrams
    .map(({ hex }) => Buffer.from(hex, 'hex'))
    .filter(({ length }) => length > PING_SIZE);

const isData = (datagram: Buffer) => datagram[1] === 97;
const sequenceOf = (datagram: Buffer) => datagram.readUInt16BE(2);
const plain = mediaOf('wolf10mbit');

/** A data packet with another sequence number. */
function renumber(datagram: Buffer, sequenceNumber: number): Buffer {
  const copy = Buffer.from(datagram);
  copy.writeUInt16BE(sequenceNumber & 0xffff, 2);
  return copy;
}

function receiveAll(datagrams: readonly Uint8Array[], cipher?: { key: Uint8Array; rikeyid: number }) {
  const receiver = new AudioReceiver(cipher);
  for (const datagram of datagrams) receiver.receive(datagram);
  return receiver.counters;
}

describe('AudioReceiver', () => {
  it("takes a real host's audio", () => {
    expect(receiveAll(plain)).toMatchObject({ datagrams: 20, packets: 14, packetsLost: 0, malformed: 0 });
  });

  it.each([
    { name: 'one', lost: [1] },
    { name: 'two', lost: [4, 7] },
    { name: 'two in each block', lost: [0, 3, 5, 6, 8, 11] },
  ])('repairs $name by parity', ({ lost }) => {
    const rest = plain.filter((datagram) => !(isData(datagram) && lost.includes(sequenceOf(datagram))));
    // Two more blocks, so that the first ones are settled.
    const later = [16, 20, 24, 28].map((sequenceNumber) =>
      renumber(plain[0] ?? Buffer.alloc(0), sequenceNumber),
    );
    const repairable = lost.filter((sequenceNumber) => sequenceNumber !== 0);
    const counters = receiveAll([
      plain[0] ?? Buffer.alloc(0),
      ...rest.filter((d) => d !== plain[0]),
      ...later,
    ]);
    expect(counters.packetsRepaired).toBe(repairable.length);
  });

  it('counts as lost what parity cannot repair, and whole blocks that are missing', () => {
    const [first = Buffer.alloc(0)] = plain;
    const datagrams = [0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 20, 24, 28].map((number) =>
      renumber(first, number),
    );
    // Block 4 lacks 7; blocks 8 and 12 are missing; 20, 24, 28 are still open.
    expect(receiveAll(datagrams)).toMatchObject({ packets: 14, packetsLost: 1 + 8 });
  });

  it('does not count what came before the first whole block', () => {
    const [first = Buffer.alloc(0)] = plain;
    const datagrams = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((number) => renumber(first, number));
    expect(receiveAll(datagrams)).toMatchObject({ packets: 8, packetsLost: 0 });
  });

  it('goes on when sequence numbers wrap around, and takes each packet once', () => {
    const [first = Buffer.alloc(0)] = plain;
    const numbers = Array.from({ length: 64 }, (_, index) => 0xffe0 + index);
    const datagrams = numbers.flatMap((number) => [renumber(first, number), renumber(first, number)]);
    expect(receiveAll(datagrams)).toMatchObject({ packets: 64, packetsLost: 0 });
  });

  it('decrypts, and counts what does not decrypt', () => {
    const { rikey, rikeyid } = captures.wolfAudioEncrypted;
    const key = Buffer.from(rikey, 'hex');
    expect(receiveAll(mediaOf('wolfAudioEncrypted'), { key, rikeyid })).toMatchObject({
      packets: 14,
      undecryptable: 0,
    });
    const wrong = receiveAll(mediaOf('wolfAudioEncrypted'), { key: new Uint8Array(16), rikeyid });
    expect(wrong.undecryptable).toBeGreaterThan(10);
  });

  it('never throws, whatever the bytes', () => {
    const receiver = new AudioReceiver(undefined);
    const types = fc.constantFrom(0x8061, 0x807f, 0x9000);
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 60 }), (type, bytes) => {
        receiver.receive(Uint8Array.of(type >> 8, type & 0xff, ...bytes));
      }),
    );
  });
});
