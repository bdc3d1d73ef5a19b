import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { formatLaunchQuery, parseLaunchQuery, type LaunchQuery } from './launch-query.ts';

interface Capture {
  groups: { id: string; exchanges: { id: string; url: string; query: Record<string, string> }[] }[];
}
const LAUNCHES = readCapture<Capture>('http').groups.flatMap(({ exchanges }) =>
  exchanges.filter(({ url }) => /\/(launch|resume)\?/.test(url)),
);

const RIKEY = '000102030405060708090a0b0c0d0e0f';
const KEYS = { rikey: RIKEY, rikeyid: '1' };

function parsed(query: Record<string, unknown>): LaunchQuery {
  const result = parseLaunchQuery(query);
  if ('fault' in result) throw new Error(result.fault);
  return result;
}

describe('the recorded launches and resumes', () => {
  it('are 10 or more', () => {
    expect(LAUNCHES.length).toBeGreaterThanOrEqual(10);
  });

  it.each(LAUNCHES)('$id parses and formats back in order', ({ url, query }) => {
    const entries = [...new URL(url).searchParams];
    expect(Object.fromEntries(entries)).toEqual(query);
    expect(formatLaunchQuery(parsed(query))).toEqual(
      entries.filter(([name]) => name !== 'uniqueid' && name !== 'uuid'),
    );
  });

  it('the first of them decodes', () => {
    expect(parsed(LAUNCHES[0]?.query ?? {})).toEqual({
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
    const query = parsed({
      rikey: RIKEY.toUpperCase(),
      rikeyid: '-1',
      surroundAudioInfo: '196610',
    });
    expect(query).toMatchObject({ appId: 0, rikeyid: -1, corever: 0, mode: undefined });
    expect(formatLaunchQuery(query)).toEqual([
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
    expect(parsed({ rikey: RIKEY, rikeyid }).rikeyid).toBe(expected);
  });

  it.each([
    { name: 'no rikey', query: { rikeyid: '1' }, wrong: 'rikey must be 32 hexadecimal digits' },
    { name: 'a short rikey', query: { ...KEYS, rikey: RIKEY.slice(2) }, wrong: 'rikey must be' },
    {
      name: 'a rikey that is not hex',
      query: { ...KEYS, rikey: RIKEY.replace('0', 'g') },
      wrong: 'rikey must be',
    },
    { name: 'a rikey with a line end', query: { ...KEYS, rikey: `${RIKEY}\n` }, wrong: 'rikey must be' },
    {
      name: 'two rikeys',
      query: { ...KEYS, rikey: [RIKEY, RIKEY] },
      wrong: 'rikey stands there more than once',
    },
    { name: 'no rikeyid', query: { rikey: RIKEY }, wrong: 'rikeyid must be a whole number' },
    { name: 'a rikeyid of 33 bits', query: { ...KEYS, rikeyid: '4294967296' }, wrong: 'rikeyid must be' },
    { name: 'a rikeyid that is no number', query: { ...KEYS, rikeyid: '0x1' }, wrong: 'rikeyid must be' },
    {
      name: 'an appid that is no number',
      query: { ...KEYS, appid: 'x' },
      wrong: 'appid must be a whole number',
    },
    { name: 'a negative appid', query: { ...KEYS, appid: '-1' }, wrong: 'appid must be' },
    { name: 'an appid of 32 bits', query: { ...KEYS, appid: '2147483648' }, wrong: 'appid must be' },
    { name: 'a corever that is no number', query: { ...KEYS, corever: 'abc' }, wrong: 'corever must be' },
    { name: 'a negative corever', query: { ...KEYS, corever: '-1' }, wrong: 'corever must be' },
    {
      name: 'a long value',
      query: { ...KEYS, clientname: 'x'.repeat(1025) },
      wrong: 'clientname has more than 1024 characters',
    },
    { name: 'an odd name', query: { ...KEYS, 'a b': '1' }, wrong: 'has a name that is none' },
    {
      name: 'many parameters',
      query: { ...KEYS, ...Object.fromEntries(Array.from({ length: 63 }, (_, n) => [`p${n}`, ''])) },
      wrong: 'more than 64 parameters',
    },
  ])('refuses $name, and says which parameter it is', ({ query, wrong }) => {
    expect(parseLaunchQuery(query)).toEqual({ fault: expect.stringContaining(wrong) as string });
  });

  it.each([
    { mode: '1920x1080x60', width: 1920, height: 1080, refreshRate: 60 },
    { mode: '1280x720x59.94', width: 1280, height: 720, refreshRate: 59.94 },
    { mode: '1x1x0.5', width: 1, height: 1, refreshRate: 0.5 },
    { mode: '3840x2160x119880', width: 3840, height: 2160, refreshRate: 119880 },
    { mode: '1280x720x60x1', width: 1280, height: 720, refreshRate: 60 },
    { mode: '1280x720x60x0xhdr', width: 1280, height: 720, refreshRate: 60 },
  ])('reads mode $mode, and passes it on as it stands', ({ mode, ...expected }) => {
    const query = parsed({ ...KEYS, mode });
    expect(query.mode).toEqual(expected);
    expect(query.parameters).toEqual({ mode });
  });

  it.each([
    'abc',
    '0x0x0',
    '1920x1080',
    '1920x1080x',
    'x720x60',
    '-1x1x1',
    '1920x0x60',
    '1920x1080x0',
    '1920x1080x0.0',
    '1920x1080x.5',
    '1920x1080x60.',
    '1920x1080xNaN',
    '1e3x1e3x60',
    ' 1920x1080x60',
    '1920x1080x60\n',
    '1920X1080X60',
    '999999x1x1',
    '',
  ])('refuses mode %j', (mode) => {
    const fault = expect.stringContaining('The parameter mode must be width x height x rate') as string;
    expect(parseLaunchQuery({ ...KEYS, mode })).toEqual({ fault });
  });

  it('reads every mode of three numbers above zero, and no other', () => {
    const number = fc.integer({ min: 0, max: 99_999 });
    const digits = fc.oneof(
      number.map(String),
      fc.constantFrom('', '-1', '1.5', 'x', '0x1', '1e2', '٣', '+1'),
    );
    fc.assert(
      fc.property(
        digits,
        digits,
        fc.oneof(digits, fc.constantFrom('59.94', '0.00')),
        (width, height, rate) => {
          const result = parseLaunchQuery({ ...KEYS, mode: `${width}x${height}x${rate}` });
          const isWhole = [width, height].every((text) => /^[0-9]+$/.test(text) && Number(text) > 0);
          const isGood = isWhole && /^[0-9]+(\.[0-9]+)?$/.test(rate) && Number(rate) > 0;
          if (!isGood) expect(result).toHaveProperty('fault');
          else {
            const mode = { width: Number(width), height: Number(height), refreshRate: Number(rate) };
            expect(result).toMatchObject({ mode });
          }
        },
      ),
    );
  });

  it('never throws, whatever the query', () => {
    const value = fc.oneof(fc.string(), fc.anything());
    const names = fc.oneof(
      fc.constantFrom('appid', 'rikey', 'rikeyid', 'mode', 'corever', '__proto__'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.dictionary(names, value), fc.boolean(), (query, hasKeys) => {
        const result = parseLaunchQuery({ ...query, ...(hasKeys ? KEYS : {}) });
        if ('fault' in result) expect(result.fault).toMatch(/^[\x20-\x7e]{10,120}$/);
        else expect(Object.getPrototypeOf(result.parameters)).toBe(Object.prototype);
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
        const result = parseLaunchQuery(Object.fromEntries(formatLaunchQuery(written)));
        expect(result).toEqual({ ...written, corever: 0, mode: undefined });
      }),
    );
  });
});
