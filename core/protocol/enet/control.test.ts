import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../test/support/captures.ts';
import { readEnetStreams, type RecordedMessage } from '../../../test/support/enet-captures.ts';
import { readU32 } from '../bytes.ts';
import {
  CONTROL_TYPE,
  openControlMessage,
  readControlSeq,
  sealControlMessage,
  TERMINATION_GRACEFUL,
  type ControlCipher,
} from './control.ts';

const STREAMS = readEnetStreams();
const senderOf = (direction: RecordedMessage['direction']) =>
  direction === 'client->host' ? 'client' : 'host';

/** The messages that the recording lists decrypted. */
const LISTED = STREAMS.flatMap(({ name, rikey, version, messages }) =>
  messages.map((message, index) => ({
    ...message,
    name: `${name} ${String(index)}: ${message.type} by the ${senderOf(message.direction)}, ${version}`,
    cipher: {
      key: hex(message.rikey ?? rikey),
      version,
      sender: senderOf(message.direction),
    } satisfies ControlCipher,
  })),
);

/** Every payload of a SEND_* command in the recorded datagrams, with the key of its stream. */
const INSIDE_DATAGRAMS = STREAMS.flatMap(({ rikey, version, datagrams }) =>
  datagrams.flatMap(({ direction, enet }) =>
    enet.commands.flatMap(({ payloadHex }) => {
      const cipher: ControlCipher = { key: hex(rikey), version, sender: senderOf(direction) };
      return payloadHex === undefined ? [] : [{ bytes: hex(payloadHex), cipher }];
    }),
  ),
);

const KEY = hex('000102030405060708090a0b0c0d0e0f');
const V2: ControlCipher = { key: KEY, version: 'v2', sender: 'client' };
const anyCipher: fc.Arbitrary<ControlCipher> = fc.record({
  key: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  version: fc.constantFrom('v1', 'v2'),
  sender: fc.constantFrom('client', 'host'),
});
const anyMessage = fc.record({
  seq: fc.integer({ min: 0, max: 0xffff_ffff }),
  type: fc.integer({ min: 0, max: 0xffff }),
  payload: fc.uint8Array({ maxLength: 100 }),
});
const plain = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('recorded control messages', () => {
  it('are all there, of both versions and both sides', () => {
    expect(LISTED.length).toBe(45);
    for (const version of ['v1', 'v2'] as const) {
      for (const sender of ['client', 'host'] as const) {
        expect(LISTED.some(({ cipher }) => cipher.version === version && cipher.sender === sender)).toBe(
          true,
        );
      }
    }
  });

  it.each(LISTED)(
    '$name: opens and seals to the same bytes',
    ({ messageHex, seq, type, payloadHex, cipher }) => {
      const bytes = hex(messageHex);
      expect(readControlSeq(bytes)).toBe(seq);
      const message = openControlMessage(bytes, cipher);
      expect(message?.seq).toBe(seq);
      expect(message?.type).toBe(Number(type));
      expect(plain(message?.payload ?? new Uint8Array())).toBe(payloadHex);
      if (message !== undefined) expect(plain(sealControlMessage(message, cipher))).toBe(messageHex);
    },
  );

  it('inside the recorded datagrams open and seal to the same bytes', () => {
    expect(INSIDE_DATAGRAMS.length).toBeGreaterThan(100);
    for (const { bytes, cipher } of INSIDE_DATAGRAMS) {
      const message = openControlMessage(bytes, cipher);
      expect(message).toBeDefined();
      if (message !== undefined) expect(plain(sealControlMessage(message, cipher))).toBe(plain(bytes));
    }
  });

  it('hold a graceful termination', () => {
    const terminations = LISTED.filter(({ type }) => Number(type) === CONTROL_TYPE.TERMINATION);
    expect(terminations.length).toBeGreaterThan(0);
    expect(readU32(hex(terminations[0]?.payloadHex ?? ''), 0)).toBe(TERMINATION_GRACEFUL);
  });
});

describe('openControlMessage', () => {
  const sealed = sealControlMessage({ seq: 7, type: CONTROL_TYPE.START_B, payload: hex('00') }, V2);

  it.each([
    { name: 'another key', cipher: { ...V2, key: KEY.with(0, 1) } },
    { name: 'the other version', cipher: { ...V2, version: 'v1' as const } },
    { name: 'the other sender', cipher: { ...V2, sender: 'host' as const } },
  ])('does not open under $name', ({ cipher }) => {
    expect(openControlMessage(sealed, cipher)).toBeUndefined();
  });

  it('does not open with any bit changed', () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = sealed.with(bit >> 3, (sealed[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
      expect(openControlMessage(changed, V2)).toBeUndefined();
    }
  });

  it('does not open when cut, or with bytes after it', () => {
    for (let length = 0; length < sealed.length; length++) {
      expect(openControlMessage(sealed.subarray(0, length), V2)).toBeUndefined();
    }
    expect(openControlMessage(Uint8Array.of(...sealed, 0), V2)).toBeUndefined();
  });

  it('opens a message of either side under v1, where both use one nonce', () => {
    const message = { seq: 0x1ff, type: CONTROL_TYPE.INPUT, payload: hex('010203') };
    const bytes = sealControlMessage(message, { ...V2, version: 'v1' });
    const opened = openControlMessage(bytes, { ...V2, version: 'v1', sender: 'host' });
    expect(opened && plain(opened.payload)).toBe('010203');
  });

  it('never throws, whatever the bytes', () => {
    const encrypted = fc.uint8Array({ minLength: 20, maxLength: 80 }).map((rest) => {
      const length = rest.length & 0xff;
      return Uint8Array.of(1, 0, length, 0, ...rest);
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), encrypted), anyCipher, (bytes, cipher) => {
        expect(openControlMessage(bytes, cipher)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('opens what sealControlMessage sealed', () => {
    fc.assert(
      fc.property(anyMessage, anyCipher, (message, cipher) => {
        const bytes = sealControlMessage(message, cipher);
        expect(readControlSeq(bytes)).toBe(message.seq);
        const opened = openControlMessage(bytes, cipher);
        expect({ ...opened, payload: plain(opened?.payload ?? KEY) }).toEqual({
          ...message,
          payload: plain(message.payload),
        });
      }),
    );
  });
});

describe('readControlSeq', () => {
  it.each([
    { name: 'empty', bytes: '' },
    { name: 'not encrypted', bytes: `0203 0200 ${'00'.repeat(40)}` },
    { name: 'shorter than it says', bytes: `0100 1a00 ${'00'.repeat(25)}` },
    { name: 'without room for a type', bytes: `0100 1600 ${'00'.repeat(22)}` },
  ])('is -1 for bytes that are $name', ({ bytes }) => {
    expect(readControlSeq(hex(bytes))).toBe(-1);
  });
});
