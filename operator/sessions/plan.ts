/** The phase a session should be in, from what the relay sees. Pure, so that the tests are a table. */
import type { Session, SessionPhase } from '../../core/crd/types.ts';
import type { FlowRecord } from '../../core/session/record.ts';

/** How often a session that nobody plays is looked at. */
const LOOK_AGAIN_MS = 10_000;

export interface SessionPlan {
  phase: SessionPhase;
  /** Whether the grace time of a session that nobody plays is over. */
  isOver: boolean;
  lookAgainMs: number;
}

/**
 * @param flow the relay's row of the current generation; `undefined` before its first datagram.
 * @param idleMs time since the client was last heard of, or since the session became ready.
 */
export function planStatus(
  session: Session,
  flow: FlowRecord | undefined,
  { idleMs, graceMs }: { idleMs: number; graceMs: number },
): SessionPlan {
  const phase = phaseOf(session, flow);
  return { phase, isOver: phase !== 'Streaming' && idleMs > graceMs, lookAgainMs: LOOK_AGAIN_MS };
}

function phaseOf(session: Session, flow: FlowRecord | undefined): SessionPhase {
  switch (flow?.status) {
    case undefined:
    case 'waiting':
      return session.status?.phase === 'Paused' ? 'Paused' : 'Ready';
    case 'live':
      return 'Streaming';
    case 'silent':
    case 'disconnected':
    case 'closed':
      return 'Paused';
  }
}

/** The state of the table row that goes with a phase of a session that has a host. */
export function rowStateOf(phase: SessionPhase): 'ready' | 'streaming' | 'paused' {
  if (phase === 'Streaming') return 'streaming';
  return phase === 'Paused' ? 'paused' : 'ready';
}
