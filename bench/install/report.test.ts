import { describe, expect, it } from 'vitest';
import { formatInstall } from './report.ts';
import type { CostRound, InstallMeasurements } from './summary.ts';

/** A round in which the lane with few entries needs `few` ns, and the one with many `many`. */
function costRound(few: number, many: number): CostRound {
  const lanes = [
    { entries: 20, cpuNs: few, rate: 50_000, lossPercent: 0 },
    { entries: 100_000, cpuNs: many, rate: 40_000, lossPercent: 0.5 },
  ];
  return { paced: lanes, saturated: lanes.map((lane) => ({ ...lane, cpuNs: lane.cpuNs / 2, rate: 90_000 })) };
}

function measured(installMs: number, costs: CostRound[]): InstallMeasurements {
  return {
    installs: [
      {
        what: { sessions: 10_000, entriesEach: 3 },
        rounds: [{ each: installMs, batch: installMs / 10, routed: installMs * 10 }],
      },
    ],
    reads: [{ entries: 20, rounds: [1, 3, 2] }],
    maps: [{ entriesMax: 1_000, bytes: 200_000 }],
    costs,
    programs: [[200, 230]],
    rssBytesPerSession: 2_048,
  };
}

describe('formatInstall', () => {
  it('names a lane like the first, judges it not, and says how far they are apart', () => {
    const [first] = costRound(1_000, 1_000).paced;
    const lanes = first === undefined ? [] : [first, { ...first, cpuNs: 1_100 }];
    const text = formatInstall(measured(80, [{ paced: lanes, saturated: lanes }]));
    expect(text).toContain('| paced | 20, again | 1100 (1100 to 1100) | 1.100 (1.100 to 1.100) |');
    expect(text).not.toContain('- paced');
    expect(text).toContain('differ in CPU by: paced 10.0 %, saturated 10.0 %.');
  });

  it('tells time, memory and CPU in the units of the head', () => {
    const text = formatInstall(measured(80, [costRound(1_000, 1_040)]));
    expect(text).toContain('| 10000 | 3 | 80.00 (80.00 to 80.00) | 8.00 (8.00 to 8.00) | 800.00');
    expect(text).toContain('| 20 | 2.00 (1.00 to 3.00) |');
    expect(text).toContain('| 1000 entries | 0.2 | 200 | 400 | 600 | 2.0 |');
    expect(text).toContain(
      '| paced | 100000 | 1040 (1040 to 1040) | 1.040 (1.040 to 1.040) | too few rounds | 40 | 0.50 |',
    );
  });

  it.each([
    { name: 'in time', installMs: 100, verdict: 'met' },
    { name: 'too late', installMs: 101, verdict: 'missed' },
  ])('judges sessions that are installed $name', ({ installMs, verdict }) => {
    const text = formatInstall(measured(installMs, [costRound(1_000, 1_000)]));
    expect(text).toContain(`- 3 entries each, each: ${verdict}`);
  });

  it.each([
    { name: 'cheap enough in every round', ratios: [1, 1, 1, 1.01, 1.02, 1.05], verdict: 'met' },
    { name: 'too dear in every round', ratios: [1.06, 1.06, 1.1, 1.1, 1.1, 1.2], verdict: 'missed' },
    { name: 'one or the other', ratios: [1, 1, 1, 1, 1, 1.06], verdict: 'not resolved' },
    { name: 'cheap in too few rounds', ratios: [1, 1, 1, 1, 1], verdict: 'not resolved' },
  ])('judges entries that are $name', ({ ratios, verdict }) => {
    const rounds = ratios.map((ratio) => costRound(1_000, 1_000 * ratio));
    expect(formatInstall(measured(1, rounds))).toContain(`- paced, 100000 entries: ${verdict}`);
  });

  it.each([
    { cpuNs: 600, verdict: 'met' },
    { cpuNs: 599, verdict: 'missed' },
  ])('judges the program alone by all CPU, with $cpuNs ns of it', ({ cpuNs, verdict }) => {
    const text = formatInstall(measured(1, [costRound(cpuNs, cpuNs)]));
    expect(text).toContain(`- program alone, 100000 entries: ${verdict}`);
  });
});
