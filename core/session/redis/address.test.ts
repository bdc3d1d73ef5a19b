import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRedisAddress } from './address.ts';

const at = (host: string, port: number) => ({ host, port });

describe('parseRedisAddress', () => {
  it.each([
    ['redis://cache', { isTls: false, form: 'standalone', endpoint: at('cache', 6379), db: 0 }],
    ['rediss://cache:7000/5', { isTls: true, form: 'standalone', endpoint: at('cache', 7000), db: 5 }],
    [
      'redis://[2001:db8::7]:7000/',
      { isTls: false, form: 'standalone', endpoint: at('2001:db8::7', 7000), db: 0 },
    ],
    [
      'redis+sentinel://a,b:5000/main',
      { isTls: false, form: 'sentinel', sentinels: [at('a', 26_379), at('b', 5000)], name: 'main', db: 0 },
    ],
    [
      'rediss+sentinel://a/main/2',
      { isTls: true, form: 'sentinel', sentinels: [at('a', 26_379)], name: 'main', db: 2 },
    ],
    ['rediss+cluster://a,b:1', { isTls: true, form: 'cluster', nodes: [at('a', 6379), at('b', 1)] }],
  ])('reads %s', (url, address) => {
    expect(parseRedisAddress(url)).toEqual(address);
  });

  it.each([
    '',
    'cache:6379',
    'http://cache',
    'redis://',
    'redis://a,b',
    'redis://user:secret@cache',
    'redis://cache:0',
    'redis://cache:65536',
    'redis://cache/name',
    'redis://cache/1/2',
    'redis://cache?db=1',
    'redis+sentinel://a',
    'redis+sentinel://a/main/x',
    'redis+cluster://a/1',
    'redis+cluster://a,,b',
    'redis+proxy://a',
  ])('refuses %s', (url) => {
    expect(parseRedisAddress(url)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('', 'redis://', 'redis+sentinel://', 'rediss+cluster://'),
        (text, start) => {
          parseRedisAddress(start + text);
        },
      ),
    );
  });
});
