import { describe, expect, it } from 'vitest';
import type { Measurement } from '../stage/measure.ts';
import { judgeAll, summarize, type Round, type Turn } from './summary.ts';

const measurement = (given: Partial<Measurement>): Measurement => ({
  cpuNs: 1000,
  rate: 50_000,
  lossPercent: 0,
  p50Us: 40,
  p99Us: 100,
  isReached: true,
  sent: 1000,
  delivered: 1000,
  slow: 0,
  pings: 0,
  foreignCpuPercent: 0,
  ...given,
});
const turn = (paced: Partial<Measurement>, saturated: Partial<Measurement> = {}): Turn => ({
  paced: measurement(paced),
  saturated: measurement(saturated),
});
const relay = { name: 'relay-neigh', title: 'ours' };

/** The machine was half as fast in the second round, and the relay cost the same part more in both. */
const ROUNDS: Round[] = [
  {
    direct: turn({ p50Us: 40, p99Us: 100 }),
    'kernel-forwarding': turn({ cpuNs: 1000 }, { cpuNs: 500 }),
    'relay-neigh': turn({ cpuNs: 1040, p50Us: 41, p99Us: 110, slow: 40, pings: 40 }, { cpuNs: 550 }),
  },
  {
    direct: turn({ p50Us: 80, p99Us: 900 }),
    'kernel-forwarding': turn({ cpuNs: 2000 }, { cpuNs: 1000 }),
    'relay-neigh': turn({ cpuNs: 2080, p50Us: 83, p99Us: 930, lossPercent: 0.2 }, { cpuNs: 1100 }),
  },
];

describe('summarize', () => {
  it('takes ratios and differences of one and the same round', () => {
    const summary = summarize(relay, ROUNDS, []);
    expect(summary.pacedRatio).toEqual({ median: 1.04, min: 1.04, max: 1.04 });
    expect(summary.saturatedRatio).toEqual({ median: 1.1, min: 1.1, max: 1.1 });
    expect(summary.addedP50Us).toEqual({ median: 2, min: 1, max: 3 });
    expect(summary.addedP99Us).toEqual({ median: 20, min: 10, max: 30 });
    expect(summary.pacedCpuNs).toEqual({ median: 1560, min: 1040, max: 2080 });
    expect(summary.lossPercentMax).toBe(0.2);
  });

  it('takes no latency of a load beside which other programs ran', () => {
    const [first = {}, second = {}] = ROUNDS;
    const busy = { ...first, direct: turn({ p50Us: 40, p99Us: 100, foreignCpuPercent: 30 }) };
    const summary = summarize(relay, [busy, second], []);
    expect(summary).toMatchObject({ quietRounds: 1, addedP99Us: { median: 30, min: 30, max: 30 } });
    expect(summary.pacedRatio.median).toBe(1.04);
  });

  it('adds up what was counted over all loads', () => {
    expect(summarize(relay, ROUNDS, [])).toMatchObject({ delivered: 4000, slow: 40, pings: 40 });
  });

  it('compares highest rates within one search', () => {
    const searches = [
      {
        'kernel-forwarding': { single: 200_000, segmented: 1_000_000 },
        'relay-neigh': { single: 180_000, segmented: 1_100_000 },
      },
    ];
    const summary = summarize(relay, ROUNDS, searches);
    expect(summary.rateMax.median).toBe(180_000);
    expect(summary.rateMaxRatio.median).toBe(0.9);
    expect(summary.segmentedRateMaxRatio.median).toBe(1.1);
  });

  it('says nothing of a candidate that was not there', () => {
    expect(summarize({ name: 'nginx', title: 'nginx' }, ROUNDS, []).pacedRatio.median).toBeNaN();
  });
});

describe('judgeAll', () => {
  it('compares medians with the targets', () => {
    const verdicts = judgeAll([summarize(relay, ROUNDS, [])]);
    expect(verdicts.map(({ figure, isMet }) => [figure, isMet])).toEqual([
      ['pacedRatio', true],
      ['saturatedRatio', true],
      ['addedP99Us', true],
    ]);
  });

  it('calls a figure above its target missed', () => {
    const dear = ROUNDS.map((round) => ({ ...round, 'relay-neigh': turn({ cpuNs: 9000 }) }));
    expect(judgeAll([summarize(relay, dear, [])])[0]).toMatchObject({ figure: 'pacedRatio', isMet: false });
  });

  it('judges no figure that could not be measured, and nobody without targets', () => {
    const untold = ROUNDS.map((round) => ({ ...round, 'relay-neigh': turn({ cpuNs: NaN }) }));
    expect(judgeAll([summarize(relay, untold, [])])[0]?.isMet).toBeUndefined();
    expect(judgeAll([summarize({ name: 'direct', title: 'direct wire' }, ROUNDS, [])])).toEqual([]);
  });
});
