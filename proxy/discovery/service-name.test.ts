import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeServiceName } from './service-name.ts';

describe('makeServiceName', () => {
  it.each([
    { given: 'Gleipnir', name: 'Gleipnir', hostname: 'Gleipnir' },
    { given: 'Anna’s Höhle', name: 'Anna’s Höhle', hostname: 'Anna-s-Ho-hle' },
    { given: 'play.example.org', name: 'play.example.org', hostname: 'play-example-org' },
    { given: '遊び', name: '遊び', hostname: 'gleipnir' },
    { given: '   ', name: 'gleipnir', hostname: 'gleipnir' },
  ])('makes $name and $hostname of "$given"', ({ given, ...expected }) => {
    expect(makeServiceName(given)).toEqual(expected);
  });

  it('makes labels with room for a number, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), (text) => {
        const { name, hostname } = makeServiceName(text);
        expect(Buffer.byteLength(`${name} (999)`)).toBeLessThanOrEqual(63);
        expect(text.trim().startsWith(name) || name === 'gleipnir').toBe(true);
        expect(hostname).toMatch(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,54}[A-Za-z0-9])?$/);
      }),
    );
  });
});
