import { describe, expect, it } from 'vitest';
import { FormToken, isOwnHost, isSameOrigin } from './guard.ts';

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
  ])('says $expected for $host at $localAddress', ({ expected, ...request }) => {
    expect(isOwnHost(request)).toBe(expected);
  });
});

describe('isSameOrigin', () => {
  const own = { host: 'localhost:47990', localAddress: '127.0.0.1' };
  it.each([
    { name: 'a browser that says so', secFetchSite: 'same-origin', expected: true },
    { name: 'an older browser', origin: 'http://localhost:47990', expected: true },
    { name: 'another site', secFetchSite: 'cross-site', origin: 'http://localhost:47990', expected: false },
    { name: 'another port', secFetchSite: 'same-site', expected: false },
    { name: "another site's origin", origin: 'https://evil.example', expected: false },
    { name: 'an opaque origin', origin: 'null', expected: false },
    { name: 'no word about it', expected: false },
  ])('says $expected for $name', ({ origin, secFetchSite, expected }) => {
    expect(isSameOrigin({ ...own, origin, secFetchSite })).toBe(expected);
  });
});

describe('FormToken', () => {
  it('matches itself only', () => {
    const token = new FormToken();
    expect(token.matches(token.value)).toBe(true);
    expect(token.matches(new FormToken().value)).toBe(false);
    expect(token.matches('')).toBe(false);
  });
});
