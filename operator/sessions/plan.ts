/** What a session's flow asks of its phase. Pure, so that the tests are a table. */
import type { SessionPhase } from '../../core/crd/types.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import { nextPhase, type SessionStep } from './phases.ts';

/** How often a session is looked at without cause. */
const LOOK_AGAIN_MS = 10_000;

export interface SessionPlan {
  /** The step that is due; `undefined` when the phase is as it should be. */
  step: Extract<SessionStep, 'play' | 'leave'> | undefined;
  /** Whether the grace time of a session that nobody plays is over. */
  isOver: boolean;
  /** Whether the stream stands still while its client is there. */
  isFrozen: boolean;
  /** The grace time is looked at just after it ends. */
  lookAgainMs: number;
}

/**
 * @param flow the relay's row of the current generation; `undefined` before its first datagram.
 * @param idleMs time since the client was last heard of, or since the session became ready.
 */
export function planFollow(
  phase: SessionPhase,
  flow: FlowRecord | undefined,
  { idleMs, graceMs }: { idleMs: number; graceMs: number },
): SessionPlan {
  const step = stepOf(phase, flow);
  const next = (step && nextPhase(phase, step)) ?? phase;
  const isPlayed = next === 'Streaming';
  const leftMs = graceMs - idleMs;
  return {
    step,
    isOver: !isPlayed && leftMs < 0,
    isFrozen: isPlayed && flow?.isFrozen === true,
    lookAgainMs: isPlayed || leftMs < 0 ? LOOK_AGAIN_MS : Math.min(LOOK_AGAIN_MS, leftMs + 1),
  };
}

function stepOf(phase: SessionPhase, flow: FlowRecord | undefined): SessionPlan['step'] {
  switch (flow?.status) {
    case undefined:
    case 'waiting':
      return undefined;
    case 'live':
      return phase === 'Streaming' ? undefined : 'play';
    case 'silent':
    case 'disconnected':
    case 'closed':
      return phase === 'Paused' ? undefined : 'leave';
  }
}

/** The state of the table row that goes with a phase of a session that has a host. */
export function rowStateOf(phase: SessionPhase): 'ready' | 'streaming' | 'paused' {
  if (phase === 'Streaming') return 'streaming';
  return phase === 'Paused' ? 'paused' : 'ready';
}
