/** Which game a client has running. */
import type { Pairing, Session } from '../../core/crd/types.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';

/** The newest session of `pairing` that has not ended; a client has at most one. */
export async function liveSessionOf(
  sessions: Pick<ObjectStore<'Session'>, 'list'>,
  pairing: Pairing,
): Promise<Session | undefined> {
  const { name } = pairing.metadata;
  return (await sessions.list())
    .filter(({ spec, status }) => spec.pairingReference.name === name && status?.phase !== 'Ended')
    .sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp))
    .at(-1);
}
