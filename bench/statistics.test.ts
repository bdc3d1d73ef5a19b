import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { median, percentile, spreadOf, spreadOfRounds } from './statistics.ts';

const hundred = Array.from({ length: 100 }, (_, index) => index + 1);

describe('percentile', () => {
  it.each([
    { name: 'the middle of many', sorted: hundred, percent: 50, expected: 50 },
    { name: 'the 99th of a hundred', sorted: hundred, percent: 99, expected: 99 },
    { name: 'the last for 100', sorted: hundred, percent: 100, expected: 100 },
    { name: 'the first for next to nothing', sorted: hundred, percent: 0.001, expected: 1 },
    { name: 'the only one', sorted: [7], percent: 99, expected: 7 },
    { name: 'nothing of none', sorted: [], percent: 50, expected: NaN },
  ])('takes $name', ({ sorted, percent, expected }) => {
    expect(percentile(sorted, percent)).toBe(expected);
  });

  it('reads typed arrays', () => {
    expect(percentile(Float64Array.of(1, 2, 3, 4), 50)).toBe(2);
  });

  it('is a sample that at least so many do not exceed', () => {
    const samples = fc.array(fc.integer(), { minLength: 1 });
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const sorted = values.toSorted((a, b) => a - b);
        const found = percentile(sorted, percent);
        expect(sorted).toContain(found);
        const covered = sorted.filter((value) => value <= found).length;
        expect(covered / sorted.length).toBeGreaterThanOrEqual(percent / 100);
      }),
    );
  });
});

describe('median', () => {
  it.each([
    { name: 'an odd number', values: [9, 1, 5], expected: 5 },
    { name: 'an even number', values: [4, 1, 3, 2], expected: 2.5 },
    { name: 'one', values: [3], expected: 3 },
    { name: 'none', values: [], expected: NaN },
  ])('finds the middle of $name', ({ values, expected }) => {
    expect(median(values)).toBe(expected);
  });

  it('leaves its argument as it was', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('spreadOf', () => {
  it('gives the middle and the extremes', () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
  });

  it('gives no numbers for no values', () => {
    expect(spreadOf([])).toEqual({ median: NaN, min: NaN, max: NaN });
  });
});

describe('spreadOfRounds', () => {
  it('takes each ratio within its own round', () => {
    const rounds = [
      { bare: 10, relay: 11 },
      { bare: 100, relay: 120 },
      { bare: 1, relay: 1 },
    ];
    expect(spreadOfRounds(rounds, ({ bare, relay }) => relay / bare)).toEqual({
      median: 1.1,
      min: 1,
      max: 1.2,
    });
  });

  it('leaves out rounds without the figure', () => {
    expect(spreadOfRounds([1, undefined, 3, NaN], (value) => value)).toEqual({ median: 2, min: 1, max: 3 });
  });
});
