import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, isForbiddenUpstream } from './address.ts';

describe('canonicalAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::0001', '2001:db8::1'],
    ['::', '::'],
    ['FE80::1%eth0', 'fe80::1%eth0'],
    ['Wolf.local', 'wolf.local'],
    ['', ''],
    ['fe80::%]', 'fe80::%]'],
  ])('spells %s as %s', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
  });

  it('spells every form of one address the same', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const once = canonicalAddress(address);
        expect(canonicalAddress(once)).toBe(once);
        expect(canonicalAddress(address.toUpperCase())).toBe(once);
      }),
    );
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(canonicalAddress(`::ffff:${address}`)).toBe(address);
      }),
    );
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(typeof canonicalAddress(text)).toBe('string');
      }),
    );
  });
});

describe('isForbiddenUpstream', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '224.0.0.251',
    '239.255.255.250',
    '255.255.255.255',
    '::',
    '::169.254.169.254',
    '::127.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'wolf.local',
    '',
    '127.1',
  ])('forbids %s', (address) => {
    expect(isForbiddenUpstream(address, { allowLoopback: true })).toBe(true);
  });

  it.each(['10.0.0.1', '192.168.1.2', '203.0.113.9', '100.64.0.1', '2001:db8::1', 'fd00::1'])(
    'allows %s',
    (address) => {
      expect(isForbiddenUpstream(address, { allowLoopback: false })).toBe(false);
    },
  );

  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('asks about %s', (address) => {
    expect(isForbiddenUpstream(address, { allowLoopback: false })).toBe(true);
    expect(isForbiddenUpstream(address, { allowLoopback: true })).toBe(false);
  });
});
