/** Waiting for what others do to a session: the operator readies it, or removes its row. Watches, never polls. */
import type { Session, SessionStatus } from '../../core/crd/types.ts';
import type { TableReader } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';

/** How a wait for a session ends: it can be played at `streamURL`, it ended, or its object is gone. */
export type SessionOutcome =
  { kind: 'ready'; streamURL: string } | { kind: 'ended'; status: SessionStatus } | { kind: 'gone' };

export interface SessionWait {
  name: string;
  /** Of the launch row that the status must answer, no other. */
  generation: number;
  signal: AbortSignal;
}

/**
 * Resolves when the session `name` answers launch generation `generation`, has ended or is gone.
 *
 * @throws the signal's reason when that aborts first.
 */
export async function awaitSession(
  sessions: Pick<ObjectStore<'Session'>, 'get' | 'watch'>,
  { name, generation, signal }: SessionWait,
): Promise<SessionOutcome> {
  const { promise, resolve, reject } = Promise.withResolvers<SessionOutcome>();
  // It may be rejected before anybody waits for it.
  promise.catch(() => undefined);
  const look = (session: Session | undefined) => {
    const outcome = outcomeOf(session, generation);
    if (outcome !== undefined) resolve(outcome);
  };
  const unwatch = sessions.watch(({ type, object }) => {
    if (object.metadata.name === name) look(type === 'deleted' ? undefined : object);
  });
  const onAbort = () => {
    reject(signal.reason as Error);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    look(await sessions.get(name));
    return await promise;
  } finally {
    unwatch();
    signal.removeEventListener('abort', onAbort);
  }
}

function outcomeOf(session: Session | undefined, generation: number): SessionOutcome | undefined {
  if (session === undefined) return { kind: 'gone' };
  const { status } = session;
  if (status === undefined) return undefined;
  if (status.phase === 'Ended') return { kind: 'ended', status };
  const isReady = status.phase === 'Ready' || status.phase === 'Streaming';
  if (!isReady || status.launchGeneration !== generation || status.streamURL === undefined) return undefined;
  return { kind: 'ready', streamURL: status.streamURL };
}

/**
 * Watches for a launch row of session `name` that is newer than `generation`.
 *
 * @returns a signal that aborts with `reason` then, and how to stop.
 */
export function watchNewerLaunch(
  table: Pick<TableReader, 'get' | 'watch'>,
  { name, generation, reason }: Pick<SessionWait, 'name' | 'generation'> & { reason: Error },
): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const look = () => {
    table.get('launch', name).then(
      (launch) => {
        if (launch !== undefined && launch.generation > generation) controller.abort(reason);
      },
      (error: unknown) => {
        controller.abort(error);
      },
    );
  };
  const stop = table.watch((change) => {
    if (change.kind === 'launch' && change.id === name) look();
  });
  look();
  return { signal: controller.signal, stop };
}

/** Resolves when the session row `id` is gone from the table, at the latest after `waitMs`. */
export async function awaitRowGone(table: TableReader, id: string, waitMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const look = async () => {
    if ((await table.get('session', id)) === undefined) resolve(undefined);
  };
  const timer = setTimeout(() => {
    resolve(undefined);
  }, waitMs);
  const unwatch = table.watch((change) => {
    if (change.kind === 'session' && change.id === id) look().catch(reject);
  });
  try {
    await look();
    await promise;
  } finally {
    clearTimeout(timer);
    unwatch();
  }
}
