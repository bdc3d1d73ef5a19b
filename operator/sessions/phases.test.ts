import { describe, expect, it } from 'vitest';
import { SESSION_PHASES } from '../../core/crd/types.ts';
import { nextPhase, SESSION_STEPS } from './phases.ts';

/** Every phase (row) after every step (column, in the order of SESSION_STEPS); `-` is refused. */
const EXPECTED = {
  //            provision       ready    play         leave     end
  Pending: ['Provisioning', '-', '-', '-', 'Ended'],
  Provisioning: ['Provisioning', 'Ready', '-', '-', 'Ended'],
  Ready: ['Provisioning', '-', 'Streaming', 'Paused', 'Ended'],
  Streaming: ['Provisioning', '-', '-', 'Paused', 'Ended'],
  Paused: ['Provisioning', '-', 'Streaming', '-', 'Ended'],
  Ended: ['-', '-', '-', '-', '-'],
} as const;

const PAIRS = SESSION_PHASES.flatMap((phase) =>
  SESSION_STEPS.map((step, index) => ({ phase, step, expected: EXPECTED[phase][index] })),
);

describe('nextPhase', () => {
  it.each(PAIRS)('$phase --$step--> $expected', ({ phase, step, expected }) => {
    expect(nextPhase(phase, step) ?? '-').toBe(expected);
  });

  it('leads to every phase from Pending, and from every phase but Ended to Ended', () => {
    const reached = new Set(SESSION_PHASES.slice(0, 1));
    for (const phase of reached) {
      for (const step of SESSION_STEPS) {
        const next = nextPhase(phase, step);
        if (next !== undefined) reached.add(next);
      }
    }
    expect([...reached].sort()).toEqual([...SESSION_PHASES].sort());
    for (const phase of SESSION_PHASES) {
      expect(nextPhase(phase, 'end')).toBe(phase === 'Ended' ? undefined : 'Ended');
    }
  });
});
