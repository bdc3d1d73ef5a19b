import { describe, expect, it } from 'vitest';
import { isLoopback } from '../../core/runtime/address.ts';
import { checkAccess } from './access.ts';

describe('checkAccess', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])(
    'is open on %s without a login',
    (bindAddress) => {
      expect(checkAccess({ bindAddress }).isOpen).toBe(true);
    },
  );

  it.each(['0.0.0.0', '::', '192.0.2.1', '2001:db8::1', 'localhost.evil.example'])(
    'refuses to open at %s without a login',
    (bindAddress) => {
      expect(() => checkAccess({ bindAddress })).toThrow(/password file or the addresses/);
    },
  );

  it.each([
    { name: 'a password file', login: { passwordFile: 'passwords' } },
    { name: 'an authenticating proxy', login: { trustedProxies: ['192.0.2.2'] } },
  ])('asks for a login everywhere with $name', ({ login }) => {
    for (const bindAddress of ['0.0.0.0', '127.0.0.1']) {
      expect(checkAccess({ bindAddress, ...login }).isOpen).toBe(false);
    }
  });

  it('brings names and addresses to one spelling', () => {
    const access = checkAccess({
      bindAddress: '::1',
      hostNames: ['Games.example'],
      trustedProxies: ['::FFFF:192.0.2.2'],
      userHeader: 'Remote-User',
      metricsAddresses: ['2001:DB8:0::7'],
    });
    expect(access).toMatchObject({
      hostNames: new Set(['games.example']),
      trustedProxies: new Set(['192.0.2.2']),
      userHeader: 'remote-user',
      metricsAddresses: new Set(['2001:db8::7']),
    });
  });

  it.each([{ trustedProxies: ['proxy.example'] }, { metricsAddresses: ['10.0.0.0/8'] }])(
    'trusts no names and no networks: %j',
    (config) => {
      expect(() => checkAccess({ bindAddress: '127.0.0.1', ...config })).toThrow('IP addresses only');
    },
  );
});

describe('isLoopback', () => {
  it.each(['127.example', '128.0.0.1', '::', ''])('is not fooled by %j', (address) => {
    expect(isLoopback(address)).toBe(false);
  });
});
