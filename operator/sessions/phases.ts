/**
 * The life of a session as a table.
 *
 *   Pending --provision--> Provisioning --ready--> Ready --play--> Streaming <--play / leave--> Paused
 *
 * A /resume provisions anew from wherever the session is, and every phase may end. What the table does not know
 * is refused.
 */
import type { SessionPhase } from '../../core/crd/types.ts';

/**
 * What can happen to a session: its host is asked to start or resume, has done so; the relay sees its client, or sees
 * it leave; it is over.
 */
export const SESSION_STEPS = ['provision', 'ready', 'play', 'leave', 'end'] as const;
export type SessionStep = (typeof SESSION_STEPS)[number];

const TRANSITIONS = {
  Pending: { provision: 'Provisioning', end: 'Ended' },
  // Provisioning again: a newer /resume, or another attempt after a fault of our own.
  Provisioning: { provision: 'Provisioning', ready: 'Ready', end: 'Ended' },
  // Leaving at once: the client came and went between two looks.
  Ready: { provision: 'Provisioning', play: 'Streaming', leave: 'Paused', end: 'Ended' },
  Streaming: { provision: 'Provisioning', leave: 'Paused', end: 'Ended' },
  Paused: { provision: 'Provisioning', play: 'Streaming', end: 'Ended' },
  Ended: {},
} as const satisfies Record<SessionPhase, Partial<Record<SessionStep, SessionPhase>>>;

/** The phase after `step`; `undefined` for a step that `phase` does not allow. */
export function nextPhase(phase: SessionPhase, step: SessionStep): SessionPhase | undefined {
  const allowed: Partial<Record<SessionStep, SessionPhase>> = TRANSITIONS[phase];
  return allowed[step];
}
