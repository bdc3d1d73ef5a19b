import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GleipnirError } from '../../runtime/errors.ts';
import { sessionRow } from '../contract.ts';
import { parseEntry } from './entry.ts';
import { formatValue, HEAD_BYTES_MAX, jsonOf, parseValue, readHead } from './value.ts';
import { compareVersions } from './version.ts';

const version = fc
  .tuple(fc.nat(Number.MAX_SAFE_INTEGER), fc.nat(1_000_000))
  .map(([ms, number]) => `${ms}-${number}`);
const generation = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

describe('parseValue', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(version, generation, fc.stringMatching(/^[a-z0-9-]{1,64}$/), (version, generation, id) => {
        const row = sessionRow({ id, generation });
        const value = formatValue({ version, generation }, JSON.stringify(row));
        expect(readHead(value)).toEqual({ version, generation });
        expect(readHead(value.slice(0, HEAD_BYTES_MAX))).toEqual({ version, generation });
        expect(JSON.parse(jsonOf(value))).toEqual(row);
        expect(parseValue('session', `{x}:session:${id}`, value)).toEqual(row);
      }),
    );
  });

  it('throws nothing but an error that names the key and quotes nothing, whatever it is given', () => {
    const secret = 'c0ffee-c0ffee';
    const head = formatValue({ version: '1-1', generation: 1 }, '').slice(0, -1);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string().map((text) => head + text),
        ),
        (text) => {
          const value = text.slice(0, text.length / 2) + secret + text.slice(text.length / 2);
          try {
            parseValue('session', '{x}:session:s1', value);
          } catch (error) {
            expect(error).toBeInstanceOf(GleipnirError);
            expect(error).toMatchObject({
              code: 'SESSION_TABLE_CORRUPT',
              details: { key: '{x}:session:s1' },
            });
            expect(JSON.stringify(error)).not.toContain(secret);
          }
        },
      ),
    );
  });

  it('refuses a row under another row’s key', () => {
    const value = formatValue({ version: '1-1', generation: 1 }, JSON.stringify(sessionRow({ id: 's2' })));
    expect(() => parseValue('session', '{x}:session:s1', value)).toThrow('damaged');
  });
});

describe('parseEntry', () => {
  it('never throws, and takes what it does not know as something else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('op', 'put', 'kind', 'session', 'id', 'former'))),
        (fields) => {
          expect(['put', 'remove', 'release', 'other']).toContain(parseEntry(['1-1', fields]).op);
        },
      ),
    );
    expect(parseEntry(['1-1', ['op', 'put', 'kind', 'constructor', 'id', 's1']])).toMatchObject({
      op: 'other',
    });
    expect(parseEntry(['1-1', ['op', 'restore', 'kind', 'flow', 'id', 's1']])).toMatchObject({ op: 'other' });
  });
});

describe('compareVersions', () => {
  it('orders by time, then by number', () => {
    expect(['10-0', '9-5', '9-10', '9-5'].sort(compareVersions)).toEqual(['9-5', '9-5', '9-10', '10-0']);
  });
});
