import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holdersOf } from './precedence.ts';

interface Claiming {
  metadata: { name: string; creationTimestamp: string };
  claims: number[];
}

const objects = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 2 }),
      second: fc.integer({ min: 0, max: 3 }),
      claims: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    }),
    { selector: ({ name }) => name, maxLength: 8 },
  )
  .map((all) =>
    all.map(({ name, second, claims }): Claiming => ({
      metadata: { name, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
      claims,
    })),
  );

const nameOf = ({ metadata }: Claiming): string => metadata.name;
const rankOf = ({ metadata }: Claiming): string => `${metadata.creationTimestamp} ${metadata.name}`;

describe('holdersOf', () => {
  it('gives each claim to the oldest claimant, the first by name among equals', () => {
    fc.assert(
      fc.property(objects, (all) => {
        const holders = holdersOf(all, ({ claims }) => claims);
        expect(new Set(holders.keys())).toEqual(new Set(all.flatMap(({ claims }) => claims)));
        for (const [claim, holder] of holders) {
          const claimants = all.filter(({ claims }) => claims.includes(claim));
          expect(claimants).toContain(holder);
          for (const other of claimants) expect(rankOf(holder) <= rankOf(other)).toBe(true);
        }
      }),
    );
  });

  it('does not depend on the order in which they are read', () => {
    fc.assert(
      fc.property(objects, (all) => {
        const names = (list: Claiming[]) =>
          [...holdersOf(list, ({ claims }) => claims)].map(([claim, holder]) => [claim, nameOf(holder)]);
        expect(new Map(names(all.toReversed()) as [number, string][])).toEqual(
          new Map(names(all) as [number, string][]),
        );
      }),
    );
  });
});
