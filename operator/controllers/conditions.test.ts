import { describe, expect, it } from 'vitest';
import type { Condition } from '../../core/crd/types.ts';
import { withAccepted } from './conditions.ts';

const BEFORE = '2026-01-01T00:00:00.000Z';
const NOW = new Date('2026-01-02T00:00:00.000Z');
const OTHER: Condition = {
  type: 'Art',
  status: 'True',
  reason: 'Read',
  message: '',
  lastTransitionTime: BEFORE,
};
const ACCEPTED: Condition = { ...OTHER, type: 'Accepted', observedGeneration: 1 };

const observed = (generation: number, conditions?: Condition[]) =>
  conditions === undefined
    ? { metadata: { generation } }
    : { metadata: { generation }, status: { conditions } };

describe('withAccepted', () => {
  it('says when, and of which generation, it was first found', () => {
    expect(withAccepted(observed(3), { holds: true, reason: 'Accepted', message: 'Fine' }, NOW)).toEqual([
      {
        type: 'Accepted',
        status: 'True',
        reason: 'Accepted',
        message: 'Fine',
        lastTransitionTime: NOW.toISOString(),
        observedGeneration: 3,
      },
    ]);
  });

  it('keeps the time of the last turn while the status stays, and the conditions of others', () => {
    const kept = withAccepted(
      observed(2, [ACCEPTED, OTHER]),
      { holds: true, reason: 'New', message: 'Still' },
      NOW,
    );
    expect(kept).toEqual([
      OTHER,
      { ...ACCEPTED, reason: 'New', message: 'Still', observedGeneration: 2, lastTransitionTime: BEFORE },
    ]);
    const [, turned] = withAccepted(observed(2, kept), { holds: false, reason: 'No', message: 'No' }, NOW);
    expect(turned).toMatchObject({ status: 'False', lastTransitionTime: NOW.toISOString() });
  });
});
