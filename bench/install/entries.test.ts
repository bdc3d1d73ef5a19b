import { describe, expect, it } from 'vitest';
import { ENTRY, FLAG, KEY4, UNKNOWN_NUMBER } from '../../relay/datapath/kernel/layout.ts';
import { formatEntries, listIdle, numberOf, type RouteEnds } from './entries.ts';

const ends: RouteEnds = {
  host: [numberOf('10.1.2.3'), 0x1234],
  slot: [numberOf('10.4.5.6'), 0x5678],
  client: [numberOf('192.168.0.1'), 0x9abc],
  public: [numberOf('192.168.0.2'), 0xdef0],
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

describe('formatEntries', () => {
  it('puts host and slot in network order where the program looks, one key after the other', () => {
    const key = '0a010203' + '0a040506' + '12345678';
    expect(Buffer.from(formatEntries([ends, ends]).keys).toString('hex')).toBe(key + key);
  });

  it('has another key for each leg of each session', () => {
    const { keys } = formatEntries(listIdle(1000, 3));
    const each = Array.from({ length: 1000 * 3 }, (_, index) =>
      Buffer.from(keys.subarray(index * KEY4.size, (index + 1) * KEY4.size)).toString('hex'),
    );
    expect(new Set(each).size).toBe(1000 * 3);
  });

  it('tells where the client is, with nothing counted and no number known', () => {
    const { values } = formatEntries([listIdle(1, 1)[0] ?? ends, ends]);
    expect(values.length).toBe(2 * ENTRY.size);
    const view = new DataView(values.buffer, ENTRY.size);
    expect(view.getUint32(0)).toBe(ends.client[0]);
    expect(view.getUint32(ENTRY.public_address)).toBe(ends.public[0]);
    expect(view.getUint16(ENTRY.client_port)).toBe(ends.client[1]);
    expect(view.getUint16(ENTRY.public_port)).toBe(ends.public[1]);
    expect(view.getUint32(ENTRY.ifindex, true)).toBe(7);
    expect(view.getUint32(ENTRY.host_ifindex, true)).toBe(9);
    expect(view.getUint32(ENTRY.flags, true)).toBe(FLAG.VIDEO);
    expect(view.getBigUint64(ENTRY.datagrams, true)).toBe(0n);
    for (const field of ['highest', 'restarts_at', 'frame'] as const) {
      expect(view.getUint32(ENTRY[field], true)).toBe(UNKNOWN_NUMBER);
    }
  });
});
