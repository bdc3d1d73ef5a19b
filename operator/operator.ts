/** The operator: feeds the session controller with every session that may need a look, and runs the other controllers. */
import type { Session } from '../core/crd/types.ts';
import { createAppController, type AppControllerDeps } from './controllers/app.ts';
import { createPairingController, type PairingControllerDeps } from './controllers/pairing.ts';
import { FlowFollower } from '../core/session/flows.ts';
import { SessionReconciler, type SessionControllerDeps } from './controllers/session.ts';
import { createUserController, type UserControllerDeps } from './controllers/user.ts';
import type { HostPool } from './hosts/pool.ts';
import { ReconcileQueue } from './reconcile/queue.ts';
import { restoreSessions, type RestoreDeps } from './restore.ts';

/** Sessions worked on at once: a launch may wait for its host for almost two minutes. */
const CONCURRENCY_MAX = 64;

export interface OperatorDeps
  extends Omit<SessionControllerDeps, 'flows'>, Pick<RestoreDeps, 'launchesGoOn'> {
  apps: AppControllerDeps['apps'];
  pairings: SessionControllerDeps['pairings'] & PairingControllerDeps['pairings'];
  users: SessionControllerDeps['users'] & UserControllerDeps['users'];
  /** How the hosts are, and when to look again. */
  hosts: AppControllerDeps['hosts'] & Pick<HostPool, 'isDown' | 'isGameOver' | 'onGameEnded' | 'onHostDown'>;
}

export interface Operator {
  start: () => Promise<void>;
  stop: () => Promise<void>;
}

export function createOperator(deps: OperatorDeps): Operator {
  const { sessions, pairings, table, hosts, log } = deps;
  const flows = new FlowFollower({ table, log });
  const reconciler = new SessionReconciler({ ...deps, flows });
  const queue = new ReconcileQueue({ reconciler, log, concurrencyMax: CONCURRENCY_MAX });
  /** Of each stream when last seen: its counters change all the time and need no look. Bounded by the sessions. */
  const flowStates = new Map<string, string>();
  const unwatch: (() => void)[] = [];
  const statuses = [createAppController(deps), createUserController(deps), createPairingController(deps)];

  function onFlow(id: string): void {
    const flow = flows.newestOf(id);
    const state = flow && `${flow.generation} ${flow.status} ${flow.isFrozen === true}`;
    if (flowStates.get(id) === state) return;
    if (state === undefined) flowStates.delete(id);
    else flowStates.set(id, state);
    queue.add(id);
  }

  /** Has every live session looked at that `concerns` is true of. */
  async function lookAt(concerns: (session: Session) => boolean): Promise<void> {
    for (const session of await sessions.list()) {
      if (session.status?.phase !== 'Ended' && concerns(session)) queue.add(session.metadata.name);
    }
  }

  function guard(work: Promise<void>): void {
    work.catch((err: unknown) => {
      log.error({ err }, 'sessions could not be looked at');
    });
  }

  function watchEverything(): (() => void)[] {
    return [
      sessions.watch(({ object }) => {
        queue.add(object.metadata.name);
      }),
      table.watch(({ kind, id }) => {
        if (kind === 'launch') queue.add(id);
      }),
      flows.onChange(onFlow),
      pairings.watch(({ type }) => {
        if (type === 'deleted') guard(lookAt(() => true));
      }),
      hosts.onHostDown((hostName) => {
        guard(lookAt(({ status }) => status?.hostName === hostName));
      }),
      hosts.onGameEnded((sessionId) => {
        queue.add(sessionId);
      }),
    ];
  }

  return {
    start: async () => {
      await restoreSessions(deps);
      unwatch.push(...watchEverything());
      await flows.start();
      for (const { metadata } of await sessions.list()) queue.add(metadata.name);
      for (const { id } of await table.list('session')) queue.add(id);
      for (const keeper of statuses) keeper.start();
    },
    stop: async () => {
      for (const stopWatching of unwatch.splice(0)) stopWatching();
      flows.stop();
      await Promise.all([queue, ...statuses].map((each) => each.stop()));
    },
  };
}
