import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ID_MAX, parseMoonlightXml, writeXml } from '../protocol/moonlight/xml.ts';
import { readHostInfo } from './answer.ts';
import type { HostInfo } from './types.ts';

function infoOf(fields: Record<string, string | number>): HostInfo {
  const required = { appversion: '7.1.431.0', state: 'X_SERVER_BUSY' };
  const xml = parseMoonlightXml(writeXml(200, { ...required, ...fields }));
  if (xml === undefined) throw new Error('no XML');
  return readHostInfo(xml, { host: 'attic', path: '/serverinfo' });
}

const numbersOf = ({ httpsPort, codecModes, maxLumaPixelsHEVC, currentgame }: HostInfo): number[] => [
  httpsPort,
  codecModes,
  maxLumaPixelsHEVC,
  currentgame,
];

function saying(number: string | number): Record<string, string | number> {
  return {
    HttpsPort: number,
    ServerCodecModeSupport: number,
    MaxLumaPixelsHEVC: number,
    currentgame: number,
  };
}

describe('readHostInfo', () => {
  it.each(['', '0', '-1', '2147483648', '4294967297', '1.5', 'x', 'NaN', 'Infinity', '9'.repeat(400)])(
    'reads %j as if it were not there: no client could hold it',
    (number) => {
      expect(numbersOf(infoOf(saying(number)))).toEqual(numbersOf(infoOf({})));
      expect(numbersOf(infoOf({}))).toEqual([47_984, 1, 0, 0]);
    },
  );

  it('reads every number that a client can hold', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: ID_MAX }), (number) => {
        expect(numbersOf(infoOf(saying(number)))).toEqual([number, number, number, number]);
      }),
    );
  });
});
