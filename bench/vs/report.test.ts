import { describe, expect, it } from 'vitest';
import { formatComparison } from './report.ts';
import { summarize } from './summary.ts';

describe('formatComparison', () => {
  it('says what is missing, what could not be measured and what missed its target', () => {
    const load = {
      cpuNs: NaN,
      rate: 50_000,
      lossPercent: 0,
      p50Us: 40,
      p99Us: 100,
      isReached: true,
      sent: 1000,
      delivered: 1000,
      slow: 41,
      pings: 40,
      foreignCpuPercent: 0,
    };
    const rounds = [{ direct: { paced: load, saturated: load } }];
    const text = formatComparison({
      machine: { cpu: 'some', cores: 2, memoryGiB: 24, kernel: 'Linux 6.18', node: '24' },
      rate: 50_000,
      flows: 20,
      rounds: 1,
      seconds: 1,
      searches: 0,
      foreignCpuPercent: { median: 3, min: 1, max: 5 },
      candidates: [summarize({ name: 'direct', title: 'direct wire' }, rounds, [])],
      missing: { 'nginx stream': 'not installed' },
      verdicts: [
        { title: 'ours', figure: 'pacedRatio', value: 1.2, target: 1.05, isMet: false },
        { title: 'ours', figure: 'addedP99Us', value: 12, target: 20, isMet: true },
        { title: 'ours', figure: 'saturatedRatio', value: NaN, target: 1.1, isMet: undefined },
      ],
    });
    expect(text).toContain('2 cores of some');
    expect(text).toContain('3 (1 to 5) %');
    expect(text).toMatch(/\| direct wire \| none \| none \| none \| none \| 0 /);
    expect(text).toContain('| direct wire | 2000 | 82 | 80 | no |');
    expect(text).toContain('- nginx stream: not installed');
    expect(text).toContain('ours, CPU ratio at the fixed rate: 1.20, at most 1.05: missed');
    expect(text).toContain('ours, added p99, µs: 12, at most 20: met');
    expect(text).toContain('at most 1.1: not available');
  });
});
