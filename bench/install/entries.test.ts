import { describe, expect, it } from 'vitest';
import { ENTRY, FLAG, KEY4, UNKNOWN_NUMBER } from '../../relay/datapath/kernel/layout.ts';
import { idleEnds, LEGS_MAX, numberOf, writeKey, writeValue } from './entries.ts';

const ends = {
  host: numberOf('10.1.2.3'),
  hostPort: 0x1234,
  slot: numberOf('10.4.5.6'),
  slotPort: 0x5678,
  client: numberOf('192.168.0.1'),
  clientPort: 0x9abc,
  public: numberOf('192.168.0.2'),
  publicPort: 0xdef0,
  ifindex: 7,
  hostIfindex: 9,
  flags: FLAG.VIDEO,
};

describe('numberOf', () => {
  it.each([
    { address: '0.0.0.1', expected: 1 },
    { address: '10.0.0.0', expected: 0x0a00_0000 },
    { address: '255.255.255.254', expected: 0xffff_fffe },
  ])('reads $address', ({ address, expected }) => {
    expect(numberOf(address)).toBe(expected);
  });
});

describe('writeKey', () => {
  it('puts host and slot in network order where the program looks, and nothing else', () => {
    const bytes = new Uint8Array(KEY4.size + 2).fill(0xff);
    writeKey(new DataView(bytes.buffer), 1, ends);
    expect(Buffer.from(bytes).toString('hex')).toBe('ff' + '0a010203' + '0a040506' + '12345678' + 'ff');
  });

  it('is another one for each leg of each session', () => {
    const keys = new Set<string>();
    for (let session = 0; session < 1000; session += 1) {
      for (let leg = 0; leg < LEGS_MAX; leg += 1) {
        const bytes = new Uint8Array(KEY4.size);
        writeKey(new DataView(bytes.buffer), 0, idleEnds(session, leg));
        keys.add(Buffer.from(bytes).toString('hex'));
      }
    }
    expect(keys.size).toBe(1000 * LEGS_MAX);
  });
});

describe('writeValue', () => {
  it('tells where the client is, with nothing counted and no number known', () => {
    const view = new DataView(new ArrayBuffer(ENTRY.size));
    writeValue(view, 0, ends);
    expect(view.getUint32(0)).toBe(ends.client);
    expect(view.getUint32(ENTRY.public_address)).toBe(ends.public);
    expect(view.getUint16(ENTRY.client_port)).toBe(ends.clientPort);
    expect(view.getUint16(ENTRY.public_port)).toBe(ends.publicPort);
    expect(view.getUint32(ENTRY.ifindex, true)).toBe(7);
    expect(view.getUint32(ENTRY.host_ifindex, true)).toBe(9);
    expect(view.getUint32(ENTRY.flags, true)).toBe(FLAG.VIDEO);
    expect(view.getBigUint64(ENTRY.datagrams, true)).toBe(0n);
    for (const field of ['highest', 'restarts_at', 'frame'] as const) {
      expect(view.getUint32(ENTRY[field], true)).toBe(UNKNOWN_NUMBER);
    }
  });
});
