import { describe, expect, it } from 'vitest';
import type { Session, SessionPhase } from '../../core/crd/types.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import { planStatus, rowStateOf } from './plan.ts';

function sessionIn(phase: SessionPhase): Session {
  return {
    kind: 'Session',
    metadata: { name: 's-1', uid: 'u', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { userReference: { name: 'u' }, pairingReference: { name: 'p' }, gameReference: { name: '1' } },
    status: { phase, launchGeneration: 1 },
  };
}

function flowWith(status: FlowRecord['status']): FlowRecord {
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
  };
}

describe('planStatus', () => {
  it.each([
    { name: 'no flow yet', phase: 'Ready', status: undefined, next: 'Ready' },
    { name: 'waiting for the client', phase: 'Ready', status: 'waiting', next: 'Ready' },
    { name: 'no flow after a pause', phase: 'Paused', status: undefined, next: 'Paused' },
    { name: 'live', phase: 'Ready', status: 'live', next: 'Streaming' },
    { name: 'live again', phase: 'Paused', status: 'live', next: 'Streaming' },
    { name: 'silent', phase: 'Streaming', status: 'silent', next: 'Paused' },
    { name: 'disconnected', phase: 'Streaming', status: 'disconnected', next: 'Paused' },
    { name: 'closed', phase: 'Streaming', status: 'closed', next: 'Paused' },
  ] as const)('$name: $phase becomes $next', ({ phase, status, next }) => {
    const flow = status && flowWith(status);
    const plan = planStatus(sessionIn(phase), flow, { idleMs: 0, graceMs: 1_000 });
    expect(plan).toMatchObject({ phase: next, isOver: false });
  });

  it('is over after the grace time, but never while somebody plays', () => {
    const late = { idleMs: 1_001, graceMs: 1_000 };
    expect(planStatus(sessionIn('Paused'), flowWith('disconnected'), late).isOver).toBe(true);
    expect(planStatus(sessionIn('Ready'), undefined, late).isOver).toBe(true);
    expect(planStatus(sessionIn('Streaming'), flowWith('live'), late).isOver).toBe(false);
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
