import { describe, expect, it } from 'vitest';
import { parseField, parseRuns } from './bpf.ts';

const PROGRAM = 'pos:\t0\nprog_type:\t3\nprog_jited:\t1\nmemlock:\t12288\nrun_time_ns:\t5000\nrun_cnt:\t20\n';
const MAP = 'pos:\t0\nmap_type:\t1\nmax_entries:\t100\nmemlock:\t20480\nfrozen:\t0\n';

describe('parseRuns', () => {
  it('reads how often a program ran and how long', () => {
    expect(parseRuns(PROGRAM)).toEqual({ runs: 20, ns: 5_000 });
  });

  it.each([
    { name: 'a map', text: MAP },
    { name: 'what is gone', text: '' },
  ])('finds none in $name', ({ text }) => {
    expect(parseRuns(text)).toEqual({ runs: 0, ns: 0 });
  });
});

describe('parseField', () => {
  it('reads the bytes of a map', () => {
    expect(parseField(MAP, 'memlock')).toBe(20_480);
  });

  it('is undefined where the kernel does not say', () => {
    expect(parseField('pos:\t0\n', 'memlock')).toBeUndefined();
  });
});
