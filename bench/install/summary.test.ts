import { describe, expect, it } from 'vitest';
import { medianInterval, summarizeCosts, summarizePrograms, type CostRound } from './summary.ts';

/** A round in which the lane with few entries needs `few` ns, and the one with many `many`. */
function costRound(few: number, many: number): CostRound {
  const lanes = [
    { entries: 20, cpuNs: few, rate: 50_000, lossPercent: 0 },
    { entries: 100_000, cpuNs: many, rate: 40_000, lossPercent: 0.5 },
  ];
  return { paced: lanes, saturated: lanes.map((lane) => ({ ...lane, cpuNs: lane.cpuNs / 2, rate: 90_000 })) };
}

describe('summarizeCosts', () => {
  it('compares each lane with the first of the same round', () => {
    const costs = summarizeCosts([costRound(1_000, 1_100), costRound(2_000, 2_000), costRound(1_000, 1_040)]);
    expect(costs.map(({ load, entries }) => `${load} ${entries}`)).toEqual([
      'paced 20',
      'paced 100000',
      'saturated 20',
      'saturated 100000',
    ]);
    expect(costs[0]?.ratio).toEqual({ median: 1, min: 1, max: 1 });
    expect(costs[1]?.ratio).toEqual({ median: 1.04, min: 1, max: 1.1 });
    expect(costs[1]).toMatchObject({ cpuNs: { median: 1_100 }, lossPercentMax: 0.5 });
    expect(costs[3]).toMatchObject({ cpuNs: { median: 550 }, rate: { median: 90_000 } });
  });

  it('tells a lane like the first from the first', () => {
    const [first] = costRound(1_000, 1_000).paced;
    const lanes = first === undefined ? [] : [first, { ...first, cpuNs: 1_100 }];
    const costs = [{ paced: lanes, saturated: lanes }];
    expect(summarizeCosts(costs).map(({ isControl }) => isControl)).toEqual([false, true, false, true]);
  });

  it('is empty without rounds', () => {
    expect(summarizeCosts([])).toEqual([]);
  });
});

describe('medianInterval', () => {
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => count - index);

  it.each([
    { name: 'nothing of none', values: [], low: -Infinity, high: Infinity },
    { name: 'nothing of five', values: upTo(5), low: -Infinity, high: Infinity },
    { name: 'the extremes of six', values: upTo(6), low: 1, high: 6 },
    { name: 'the extremes of eight', values: upTo(8), low: 1, high: 8 },
    { name: 'all but one at each end of nine', values: upTo(9), low: 2, high: 8 },
    { name: 'the 6th and the 15th of twenty', values: upTo(20), low: 6, high: 15 },
  ])('takes $name', ({ values, low, high }) => {
    expect(medianInterval(values)).toEqual({ low, high });
  });
});

describe('summarizePrograms', () => {
  it('takes what is more than on the first lane of the same round, to all CPU of that lane', () => {
    const costs = summarizeCosts([costRound(10_000, 10_400)]);
    const programs = summarizePrograms(
      [
        [200, 230],
        [300, 320],
        [200, 300],
      ],
      costs,
    );
    expect(programs).toEqual([
      {
        entries: 20,
        isControl: false,
        programNs: { median: 200, min: 200, max: 300 },
        addedNs: { median: 0, min: 0, max: 0 },
        addedPercent: 0,
      },
      {
        entries: 100_000,
        isControl: false,
        programNs: { median: 300, min: 230, max: 320 },
        addedNs: { median: 30, min: 20, max: 100 },
        addedPercent: 0.3,
      },
    ]);
  });
});
