import { describe, expect, it } from 'vitest';
import { FormTokens, isOwnHost, isSameOrigin } from './guard.ts';

describe('isOwnHost', () => {
  it.each([
    { host: 'localhost:47990', localAddress: '127.0.0.1', expected: true },
    { host: 'LOCALHOST', localAddress: '127.0.0.1', expected: true },
    { host: '127.0.0.1:47990', localAddress: '127.0.0.1', expected: true },
    { host: '[::1]:47990', localAddress: '::1', expected: true },
    { host: '192.0.2.7:47990', localAddress: '::ffff:192.0.2.7', expected: true },
    { host: '192.0.2.8:47990', localAddress: '192.0.2.7', expected: false },
    { host: 'evil.example', localAddress: '127.0.0.1', expected: false },
    { host: 'localhost.evil.example', localAddress: '127.0.0.1', expected: false },
    { host: '127.0.0.1.evil.example', localAddress: '127.0.0.1', expected: false },
    { host: '127.evil.example', localAddress: '127.0.0.1', expected: false },
    { host: 'localhost@evil.example', localAddress: '127.0.0.1', expected: false },
    { host: 'evil.example#localhost', localAddress: '127.0.0.1', expected: false },
    { host: 'localhost/evil', localAddress: '127.0.0.1', expected: false },
    { host: '', localAddress: '127.0.0.1', expected: false },
    { host: undefined, localAddress: '127.0.0.1', expected: false },
    { host: '127.0.0.1', localAddress: undefined, expected: true },
    { host: 'Games.example:8443', localAddress: '192.0.2.7', expected: true },
    { host: 'x.games.example', localAddress: '192.0.2.7', expected: false },
  ])('says $expected for $host at $localAddress', ({ expected, ...request }) => {
    expect(isOwnHost(request, new Set(['games.example']))).toBe(expected);
  });
});

describe('isSameOrigin', () => {
  const own = { host: 'localhost:47990', localAddress: '127.0.0.1' };
  it.each([
    { name: 'a browser that says so', secFetchSite: 'same-origin', expected: true },
    { name: 'an older browser', origin: 'http://localhost:47990', expected: true },
    { name: 'a proxy that speaks TLS', origin: 'https://localhost:47990', expected: true },
    { name: 'another site', secFetchSite: 'cross-site', origin: 'http://localhost:47990', expected: false },
    { name: 'another port', secFetchSite: 'same-site', expected: false },
    { name: "another site's origin", origin: 'https://evil.example', expected: false },
    { name: 'an opaque origin', origin: 'null', expected: false },
    { name: 'no word about it', expected: false },
  ])('says $expected for $name', ({ origin, secFetchSite, expected }) => {
    expect(isSameOrigin({ ...own, origin, secFetchSite })).toBe(expected);
  });
});

describe('FormTokens', () => {
  it('matches the token of that login, of this process', () => {
    const tokens = new FormTokens();
    expect(tokens.of('alice')).toMatch(/^[\w-]{43}$/);
    expect(tokens.matches('alice', tokens.of('alice'))).toBe(true);
    expect(tokens.matches('bob', tokens.of('alice'))).toBe(false);
    expect(tokens.matches('alice', new FormTokens().of('alice'))).toBe(false);
    expect(tokens.matches('alice', '')).toBe(false);
  });
});
