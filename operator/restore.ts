/**
 * What the operator has to learn again after a restart: which place, slot and identity each session holds. Sessions
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
  table: Pick<TableReader, 'get'>;
  generations: Pick<Generations, 'restore'>;
  log: Logger;
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
  const { sessions, table, log } = deps;
  let restored = 0;
  for (const session of await sessions.list()) {
    const { name } = session.metadata;
    const row = await table.get('session', name);
    if (row === undefined) continue;
    const interruption = restore(deps, session, row);
    if (interruption === undefined) {
      restored += 1;
    } else if (session.status?.phase !== 'Ended') {
      log.warn({ sessionId: name, reason: interruption.reason }, 'session cannot go on after the restart');
      await sessions.patchStatus(name, endedStatus(session, interruption));
    }
  }
  if (restored > 0) log.info({ sessions: restored }, 'sessions go on after the restart');
}

/** @returns why it must end; even so it keeps what there is, so that it can be ended at its host. */
function restore(
  { generations }: RestoreDeps,
  { spec, status }: Session,
  row: SessionRecord,
): Interruption | undefined {
  const hostName = row.host?.name ?? status?.hostName;
  const holding = { user: spec.userReference.name, appId: Number(spec.gameReference.name) };
  if (hostName === undefined || !generations.restore(row, { ...holding, hostName })) return HOST_IS_GONE;
  const isStarting = status === undefined || status.phase === 'Pending' || status.phase === 'Provisioning';
  return isStarting && row.generation === 1 ? WAS_CUT_OFF : undefined;
}

function endedStatus({ status }: Session, { message, reason }: Interruption): SessionStatus {
  return { launchGeneration: 0, ...status, phase: 'Ended', message, reason };
}
