import { describe, expect, it } from 'vitest';
import { planOf } from './mode.ts';

const OPTIONS = Object.entries({
  names: { about: 'only these', value: '', among: ['nftables', 'nginx', 'coturn'] },
  rounds: { about: 'of all', value: 40, quick: 3 },
  seconds: { about: 'of each', value: 0.3, min: 0.1, max: 60 },
  folder: { about: 'anywhere', value: '' },
});

describe('planOf', () => {
  it('takes the defaults when nothing is said', () => {
    expect(planOf(OPTIONS, {}, false)).toEqual({ names: '', rounds: 40, seconds: 0.3, folder: '' });
  });

  it('takes what is said, of the kind of the default', () => {
    const given = { names: 'nginx,coturn', rounds: '3', seconds: '0.5', folder: 'some/where', quick: true };
    const plan = { names: 'nginx,coturn', rounds: 3, seconds: 0.5, folder: 'some/where' };
    expect(planOf(OPTIONS, given, false)).toEqual(plan);
  });

  it('is short in a quick run, but for what is said', () => {
    expect(planOf(OPTIONS, {}, true)).toMatchObject({ rounds: 3, seconds: 0.3 });
    expect(planOf(OPTIONS, { rounds: '7' }, true)).toMatchObject({ rounds: 7, seconds: 0.3 });
  });

  it.each([
    { names: 'haproxy' },
    { names: 'nginx,' },
    { rounds: '0' },
    { rounds: '1.5' },
    { rounds: 'Infinity' },
    { seconds: 'x' },
    { seconds: '0' },
    { seconds: '61' },
  ])('refuses $names $rounds $seconds', (given) => {
    expect(planOf(OPTIONS, given, false)).toBeUndefined();
  });
});
