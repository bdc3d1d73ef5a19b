import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { formatLaunchQuery, parseLaunchQuery } from './launch-query.ts';

interface Capture {
  groups: { id: string; exchanges: { id: string; url: string; query: Record<string, string> }[] }[];
}
const LAUNCHES = readCapture<Capture>('http').groups.flatMap(({ exchanges }) =>
  exchanges.filter(({ url }) => /\/(launch|resume)\?/.test(url)),
);

const RIKEY = '000102030405060708090a0b0c0d0e0f';

describe('the recorded launches and resumes', () => {
  it('are 10 or more', () => {
    expect(LAUNCHES.length).toBeGreaterThanOrEqual(10);
  });

  it.each(LAUNCHES)('$id parses and formats back in order', ({ url, query }) => {
    const entries = [...new URL(url).searchParams];
    const parsed = parseLaunchQuery(Object.fromEntries(entries));
    expect(Object.fromEntries(entries)).toEqual(query);
    expect(parsed && formatLaunchQuery(parsed)).toEqual(
      entries.filter(([name]) => name !== 'uniqueid' && name !== 'uuid'),
    );
  });

  it('the first of them decodes', () => {
    expect(parseLaunchQuery(LAUNCHES[0]?.query ?? {})).toEqual({
      appId: 1788903683,
      rikey: Buffer.from('b43d968a233c02392c4069b97827d563', 'hex'),
      rikeyid: 944100557,
      corever: 1,
      mode: { width: 1280, height: 720, refreshRate: 60 },
      parameters: {
        mode: '1280x720x60',
        additionalStates: '1',
        sops: '0',
        localAudioPlayMode: '0',
        surroundAudioInfo: '196610',
        remoteControllersBitmap: '1',
        gcmap: '1',
        corever: '1',
      },
    });
  });
});

describe('parseLaunchQuery', () => {
  it('accepts the /resume of old clients', () => {
    const query = parseLaunchQuery({
      rikey: RIKEY.toUpperCase(),
      rikeyid: '-1',
      surroundAudioInfo: '196610',
    });
    expect(query).toMatchObject({ appId: 0, rikeyid: -1, corever: 0, mode: undefined });
    expect(query && formatLaunchQuery(query)).toEqual([
      ['rikey', RIKEY],
      ['rikeyid', '-1'],
      ['surroundAudioInfo', '196610'],
    ]);
  });

  it.each([
    { rikeyid: '2147483647', expected: 2147483647 },
    { rikeyid: '-2147483648', expected: -2147483648 },
    { rikeyid: '4294967295', expected: -1 },
  ])('reads rikeyid $rikeyid', ({ rikeyid, expected }) => {
    expect(parseLaunchQuery({ rikey: RIKEY, rikeyid })?.rikeyid).toBe(expected);
  });

  it.each([
    { name: 'no rikey', query: { rikeyid: '1' } },
    { name: 'a short rikey', query: { rikey: RIKEY.slice(2), rikeyid: '1' } },
    { name: 'a rikey that is not hex', query: { rikey: RIKEY.replace('0', 'g'), rikeyid: '1' } },
    { name: 'a rikey with a line end', query: { rikey: `${RIKEY}\n`, rikeyid: '1' } },
    { name: 'two rikeys', query: { rikey: [RIKEY, RIKEY], rikeyid: '1' } },
    { name: 'no rikeyid', query: { rikey: RIKEY } },
    { name: 'a rikeyid of 33 bits', query: { rikey: RIKEY, rikeyid: '4294967296' } },
    { name: 'a rikeyid that is no number', query: { rikey: RIKEY, rikeyid: '0x1' } },
    { name: 'an appid that is no number', query: { rikey: RIKEY, rikeyid: '1', appid: 'x' } },
    { name: 'a negative appid', query: { rikey: RIKEY, rikeyid: '1', appid: '-1' } },
    { name: 'an appid of 32 bits', query: { rikey: RIKEY, rikeyid: '1', appid: '2147483648' } },
    { name: 'a long value', query: { rikey: RIKEY, rikeyid: '1', clientname: 'x'.repeat(1025) } },
    { name: 'an odd name', query: { rikey: RIKEY, rikeyid: '1', 'a b': '1' } },
    {
      name: 'many parameters',
      query: {
        rikey: RIKEY,
        rikeyid: '1',
        ...Object.fromEntries(Array.from({ length: 63 }, (_, n) => [`p${n}`, ''])),
      },
    },
  ])('refuses $name', ({ query }) => {
    expect(parseLaunchQuery(query)).toBeUndefined();
  });

  it.each(['1280x720', '1280x720x', 'x720x60', '1280x720x60x1', '-1x1x1', '1280x720x59.94', ''])(
    'has no mode for %j, but passes it on',
    (mode) => {
      const query = parseLaunchQuery({ rikey: RIKEY, rikeyid: '1', mode });
      expect(query?.mode).toBeUndefined();
      expect(query?.parameters).toEqual({ mode });
    },
  );

  it('never throws, whatever the query', () => {
    const value = fc.oneof(fc.string(), fc.anything());
    const names = fc.oneof(
      fc.constantFrom('appid', 'rikey', 'rikeyid', 'mode', 'corever', '__proto__'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.dictionary(names, value), fc.boolean(), (query, hasKeys) => {
        const keys = hasKeys ? { rikey: RIKEY, rikeyid: '1' } : {};
        const parsed = parseLaunchQuery({ ...query, ...keys });
        if (parsed !== undefined) expect(Object.getPrototypeOf(parsed.parameters)).toBe(Object.prototype);
      }),
      { numRuns: 1000 },
    );
  });

  it('decodes what formatLaunchQuery wrote', () => {
    const name = fc
      .stringMatching(/^[A-Za-z][\w.-]{0,20}$/)
      .filter((text) => !['appid', 'rikey', 'rikeyid', 'uniqueid', 'uuid', 'mode', 'corever'].includes(text));
    const query = fc.record({
      appId: fc.integer({ min: 0, max: 0x7fff_ffff }),
      rikey: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
      rikeyid: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
      parameters: fc.dictionary(name, fc.string({ maxLength: 1024 }), { noNullPrototype: true, maxKeys: 30 }),
    });
    fc.assert(
      fc.property(query, (written) => {
        const parsed = parseLaunchQuery(Object.fromEntries(formatLaunchQuery(written)));
        expect(parsed).toEqual({ ...written, corever: 0, mode: undefined });
      }),
    );
  });
});
