import { describe, expect, it } from 'vitest';
import type { Bench, Load, Measurement } from './load.ts';
import { spreadsOf } from '../statistics.ts';
import { CAPACITY } from './report.ts';
import { measureRound, summarizeRounds, type Round } from './rounds.ts';

const plan = { flows: 20, rate: 5_000, warmMs: 1, measuredMs: 1 };

function measurement(change: Partial<Measurement>): Measurement {
  return {
    isReached: true,
    lossPercent: 0,
    p50Us: 100,
    p99Us: 200,
    forwarderCpuUs: 10,
    totalCpuUs: 20,
    foreignCpuPercent: 0,
    ...change,
  };
}

function round(change: Partial<Round>): Round {
  const any = measurement({});
  return { direct: any, bare: any, relay: any, bareUnwaking: any, relayUnwaking: any, ...change };
}

describe('measureRound', () => {
  it('interleaves the wires, and runs every second round backwards', async () => {
    const loads: Load[] = [];
    const bench: Bench = {
      run: (load) => {
        loads.push(load);
        return Promise.resolve(measurement({}));
      },
      dropped: () => Promise.resolve({}),
      stop: () => Promise.resolve(),
    };
    await measureRound(bench, plan, 1);
    await measureRound(bench, plan, 2);
    expect(loads.map(({ wire, isSinkNapping }) => (isSinkNapping ? `${wire} napping` : wire))).toEqual([
      ...['direct', 'bare', 'relay', 'bare napping', 'relay napping'],
      ...['relay', 'bare', 'direct', 'relay napping', 'bare napping'],
    ]);
  });
});

describe('summarizeRounds', () => {
  it('takes differences and ratios within each round', () => {
    const summary = summarizeRounds(plan, [
      round({
        direct: measurement({ p50Us: 50 }),
        bare: measurement({ p50Us: 100 }),
        relay: measurement({ p50Us: 110, forwarderCpuUs: 11 }),
      }),
      round({
        direct: measurement({ p50Us: 500 }),
        bare: measurement({ p50Us: 600 }),
        relay: measurement({ p50Us: 630, forwarderCpuUs: 12 }),
      }),
    ]);
    expect(summary.relayAddedP50Us).toEqual({ median: 95, min: 60, max: 130 });
    expect(summary.relayOverBareP50Us).toEqual({ median: 20, min: 10, max: 30 });
    expect(summary.cpuRatio).toEqual({ median: 1.15, min: 1.1, max: 1.2 });
  });

  it('leaves rounds with loss out of the latencies, but not out of the count', () => {
    const lossy = round({ bare: measurement({ lossPercent: 5, p50Us: 99_999 }) });
    const summary = summarizeRounds(plan, [round({}), lossy]);
    expect(summary).toMatchObject({ rounds: 2, losslessRounds: 1, lossPercentMax: 5 });
    expect(summary.bareAddedP50Us.max).toBe(0);
  });
});

describe('CAPACITY', () => {
  it('compares within each search', () => {
    const searches = [
      [100, 50, 45],
      [100, 100, 95],
    ];
    expect(spreadsOf(searches, CAPACITY).relayToBare).toEqual({ median: 0.925, min: 0.9, max: 0.95 });
  });
});
