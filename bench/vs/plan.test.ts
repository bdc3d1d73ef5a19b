import { describe, expect, it } from 'vitest';
import { COMPARISON, planComparison } from './plan.ts';

describe('planComparison', () => {
  it('takes everything that is installed when nothing is named', () => {
    expect(planComparison({ names: [], quick: false })).toEqual({ ...COMPARISON, alternatives: undefined });
  });

  it('takes a list, rounds and seconds', () => {
    const plan = planComparison({
      names: ['nginx,coturn', 'nftables'],
      quick: false,
      rounds: '3',
      seconds: '0.5',
    });
    expect(plan).toMatchObject({ alternatives: ['nginx', 'coturn', 'nftables'], rounds: 3, seconds: 0.5 });
  });

  it('keeps no files of a quick run', () => {
    expect(planComparison({ names: [], quick: true })?.isKept).toBe(false);
  });

  it.each([
    { names: ['haproxy'] },
    { names: [''] },
    { names: [], rounds: '0' },
    { names: [], rounds: '1.5' },
    { names: [], seconds: 'x' },
    { names: [], seconds: '0' },
  ])('refuses $names $rounds $seconds', (given) => {
    expect(planComparison({ quick: false, ...given })).toBeUndefined();
  });
});
