import { describe, expect, it } from 'vitest';
import { mayPlayOn } from './rules.ts';
import type { HostRule } from './types.ts';

const RULES: HostRule[] = [
  { users: ['anna', 'ben'], hosts: { gpu: 'large' } },
  { users: ['ben', 'carl'], hosts: { gpu: 'small' } },
  { users: ['dora'], hosts: { gpu: 'large', floor: '0' } },
];
const EVERYBODY: HostRule = { users: ['*'], hosts: { gpu: 'small' } };

describe('mayPlayOn', () => {
  it.each([
    {
      name: 'a user of a rule on a host that carries the label',
      user: 'anna',
      labels: { gpu: 'large' },
      may: true,
    },
    {
      name: 'a user of a rule on a host with another value',
      user: 'anna',
      labels: { gpu: 'small' },
      may: false,
    },
    { name: 'a user of a rule on a host without labels', user: 'anna', labels: undefined, may: false },
    { name: 'a user of two rules, by the first', user: 'ben', labels: { gpu: 'large' }, may: true },
    { name: 'a user of two rules, not by the second', user: 'ben', labels: { gpu: 'small' }, may: false },
    { name: 'a host with one of two labels', user: 'dora', labels: { gpu: 'large' }, may: false },
    {
      name: 'a host with more labels',
      user: 'dora',
      labels: { gpu: 'large', floor: '0', x: 'y' },
      may: true,
    },
    { name: 'a user of no rule', user: 'emil', labels: undefined, may: true },
  ])('judges $name', ({ user, labels, may }) => {
    expect(mayPlayOn(RULES, user, labels)).toBe(may);
  });

  it('takes * for everybody whom no earlier rule names', () => {
    expect(mayPlayOn([...RULES, EVERYBODY], 'emil', { gpu: 'large' })).toBe(false);
    expect(mayPlayOn([...RULES, EVERYBODY], 'anna', { gpu: 'large' })).toBe(true);
    expect(mayPlayOn([EVERYBODY, ...RULES], 'anna', { gpu: 'large' })).toBe(false);
  });
});
