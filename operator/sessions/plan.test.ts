import { describe, expect, it } from 'vitest';
import type { FlowRecord } from '../../core/session/record.ts';
import { planFollow, rowStateOf } from './plan.ts';

function flowWith(status: FlowRecord['status'], changes: Partial<FlowRecord> = {}): FlowRecord {
  const zero = { video: 0, audio: 0, control: 0 };
  return {
    id: 's-1',
    generation: 1,
    status,
    client: {},
    pingCounters: { audio: 0, video: 0 },
    lastSeenAt: 0,
    datagrams: zero,
    bytes: zero,
    ...changes,
  };
}

describe('planFollow', () => {
  it.each([
    { name: 'no flow yet', phase: 'Ready', status: undefined, step: undefined },
    { name: 'waiting for the client', phase: 'Ready', status: 'waiting', step: undefined },
    { name: 'no flow after a pause', phase: 'Paused', status: undefined, step: undefined },
    { name: 'live', phase: 'Ready', status: 'live', step: 'play' },
    { name: 'still live', phase: 'Streaming', status: 'live', step: undefined },
    { name: 'live again', phase: 'Paused', status: 'live', step: 'play' },
    { name: 'silent', phase: 'Streaming', status: 'silent', step: 'leave' },
    { name: 'disconnected', phase: 'Streaming', status: 'disconnected', step: 'leave' },
    { name: 'come and gone', phase: 'Ready', status: 'disconnected', step: 'leave' },
    { name: 'closed', phase: 'Streaming', status: 'closed', step: 'leave' },
    { name: 'closed after a pause', phase: 'Paused', status: 'closed', step: undefined },
  ] as const)('$name: $phase wants $step', ({ phase, status, step }) => {
    const flow = status && flowWith(status);
    const plan = planFollow(phase, flow, { idleMs: 0, graceMs: 1_000 });
    expect(plan).toMatchObject({ step, isOver: false });
  });

  it('is over after the grace time, but never while somebody plays', () => {
    const late = { idleMs: 1_001, graceMs: 1_000 };
    expect(planFollow('Paused', flowWith('disconnected'), late).isOver).toBe(true);
    expect(planFollow('Ready', undefined, late).isOver).toBe(true);
    expect(planFollow('Ready', flowWith('live'), late).isOver).toBe(false);
    expect(planFollow('Streaming', flowWith('live'), late).isOver).toBe(false);
  });

  it('looks again when the grace time ends, and every ten seconds before', () => {
    const look = (idleMs: number): number =>
      planFollow('Paused', flowWith('silent'), { idleMs, graceMs: 60_000 }).lookAgainMs;
    expect([look(0), look(58_000), look(60_000)]).toEqual([10_000, 2_001, 1]);
  });

  it('sees a stream freeze only while somebody plays', () => {
    const times = { idleMs: 0, graceMs: 1_000 };
    const isFrozen = true;
    expect(planFollow('Ready', flowWith('live', { isFrozen }), times).isFrozen).toBe(true);
    expect(planFollow('Streaming', flowWith('live'), times).isFrozen).toBe(false);
    expect(planFollow('Streaming', flowWith('silent', { isFrozen }), times).isFrozen).toBe(false);
  });
});

describe('rowStateOf', () => {
  it.each([
    ['Ready', 'ready'],
    ['Streaming', 'streaming'],
    ['Paused', 'paused'],
  ] as const)('%s is %s', (phase, state) => {
    expect(rowStateOf(phase)).toBe(state);
  });
});
