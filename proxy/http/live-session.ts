/**
 * Which game a person has running. A session belongs to the user, not to the device that launched it: whoever is
 * paired for the same user sees it, may take it over, and may end it.
 */
import type { Pairing, Session } from '../../core/crd/types.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';

type Sessions = Pick<ObjectStore<'Session'>, 'list'>;

/** Every session of the user of `pairing`, oldest first; those that have ended stay for a while. */
export async function sessionsOf(sessions: Sessions, pairing: Pairing): Promise<Session[]> {
  const { name } = pairing.spec.userReference;
  return (await sessions.list())
    .filter(({ spec }) => spec.userReference.name === name)
    .sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp));
}

/** The newest session of the user of `pairing` that has not ended; a user has at most one. */
export async function liveSessionOf(sessions: Sessions, pairing: Pairing): Promise<Session | undefined> {
  return (await sessionsOf(sessions, pairing)).findLast(isLive);
}

/** Whether the session has not ended. */
export function isLive({ status }: Session): boolean {
  return status?.phase !== 'Ended';
}
