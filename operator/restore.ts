/**
 * What the operator has to learn again after a restart: which place and identity each session holds. Sessions
 * that cannot go on end with a message: those whose host is not configured any more, and first launches that the
 * restart cut off, since the client that waited for the answer is not there any more.
 */
import type { Session, SessionStatus } from '../core/crd/types.ts';
import type { ErrorCode } from '../core/runtime/errors.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { SessionRecord } from '../core/session/record.ts';
import type { TableReader } from '../core/session/table.ts';
import type { ObjectStore } from '../core/store/object-store.ts';
import type { Generations } from './sessions/generation.ts';

export interface RestoreDeps {
  sessions: Pick<ObjectStore<'Session'>, 'list' | 'patchStatus'>;
  table: Pick<TableReader, 'list'>;
  generations: Pick<Generations, 'restore'>;
  log: Logger;
  /**
   * Whether a launch that was cut off goes on: the clients wait at proxies, which are processes of their own. Without,
   * they were cut off too.
   */
  launchesGoOn?: boolean;
}

/** Why a session ends here: in words for the person. */
interface Interruption {
  message: string;
  reason: ErrorCode;
}

const HOST_IS_GONE: Interruption = {
  message: 'The machine that played this game is not there any more',
  reason: 'HOST_UNREACHABLE',
};
const WAS_CUT_OFF: Interruption = {
  message: 'This game was interrupted by a restart',
  reason: 'SESSION_NOT_FOUND',
};

/** Takes over the sessions that stand in the table. Once, before the first of them is looked at. */
export async function restoreSessions(deps: RestoreDeps): Promise<void> {
  const { table, log } = deps;
  const sessions = new Map((await deps.sessions.list()).map((session) => [session.metadata.name, session]));
  let restored = 0;
  for (const row of await table.list('session')) {
    const session = sessions.get(row.id);
    const interruption = restore(deps, session, row);
    if (interruption === undefined) {
      restored += 1;
    } else if (session !== undefined && session.status?.phase !== 'Ended') {
      log.warn({ sessionId: row.id, reason: interruption.reason }, 'session cannot go on after the restart');
      await deps.sessions.patchStatus(row.id, endedStatus(session, interruption));
    }
  }
  if (restored > 0) log.info({ sessions: restored }, 'sessions go on after the restart');
}

/**
 * @param session `undefined` where it was deleted meanwhile.
 * @returns why it must end; even so it keeps what there is, so that it can be ended at its host.
 */
function restore(
  { generations, launchesGoOn = false }: RestoreDeps,
  session: Session | undefined,
  row: SessionRecord,
): Interruption | undefined {
  const { spec, status } = session ?? {};
  const hostName = row.place?.host ?? row.host?.name ?? status?.hostName;
  const user = row.place?.user ?? spec?.userReference.name;
  const appId = row.place?.appId ?? Number(spec?.gameReference.name ?? 0);
  if (hostName === undefined || user === undefined) return HOST_IS_GONE;
  if (!generations.restore(row, { hostName, user, appId })) return HOST_IS_GONE;
  const isStarting = status === undefined || status.phase === 'Pending' || status.phase === 'Provisioning';
  return isStarting && row.generation === 1 && !launchesGoOn ? WAS_CUT_OFF : undefined;
}

function endedStatus({ status }: Session, { message, reason }: Interruption): SessionStatus {
  return { launchGeneration: 0, ...status, phase: 'Ended', message, reason };
}
