/** Writing the status of sessions: phases only by steps that the table knows. */
import type { Session, SessionPhase, SessionStatus } from '../../core/crd/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { nextPhase, type SessionStep } from './phases.ts';

export interface SessionStatusWriterDeps {
  sessions: Pick<ObjectStore<'Session'>, 'patchStatus'>;
  log: Logger;
}

export class SessionStatusWriter {
  readonly #deps: SessionStatusWriterDeps;

  constructor(deps: SessionStatusWriterDeps) {
    this.#deps = deps;
  }

  /**
   * Takes a step; one that the table does not know is logged and changes nothing.
   *
   * @returns the session as it stands now; `undefined` if it was deleted, which brings its own look.
   */
  async move(
    session: Session,
    step: SessionStep,
    facts: Omit<SessionStatus, 'phase'>,
  ): Promise<Session | undefined> {
    const { log } = this.#deps;
    const phase = phaseOf(session);
    const next = nextPhase(phase, step);
    const sessionId = session.metadata.name;
    if (next === undefined) {
      log.warn({ sessionId, phase, step }, 'session step refused');
      return session;
    }
    const moved = await this.patch(session, { ...facts, phase: next });
    if (moved !== undefined && next !== phase) {
      log.info({ sessionId, phase: next, from: phase }, 'session changed');
    }
    return moved;
  }

  /** Replaces the status. @returns as `move`. */
  async patch(session: Session, status: SessionStatus): Promise<Session | undefined> {
    try {
      return await this.#deps.sessions.patchStatus(session.metadata.name, status);
    } catch (error) {
      if (error instanceof GleipnirError && error.code === 'OBJECT_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Logs that the session passes from one Pairing to another, if it does. */
  noteTakeOver(session: Session, playedBy: string): void {
    const from = session.status?.playedBy;
    if (from === undefined || from === playedBy) return;
    const sessionId = session.metadata.name;
    this.#deps.log.info({ sessionId, from, to: playedBy }, 'another device takes the session over');
  }
}

/** A session without status has not been looked at yet. */
export function phaseOf({ status }: Session): SessionPhase {
  return status?.phase ?? 'Pending';
}

/** What of the status lasts from phase to phase of one generation. */
export function lasting({ status }: Session): Omit<SessionStatus, 'phase'> {
  const { launchGeneration = 0, streamURL, hostName, playedBy } = status ?? {};
  return {
    launchGeneration,
    ...(streamURL === undefined ? {} : { streamURL }),
    ...(hostName === undefined ? {} : { hostName }),
    ...(playedBy === undefined ? {} : { playedBy }),
  };
}
