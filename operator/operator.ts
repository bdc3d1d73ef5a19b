/** The operator of the appliance: feeds the session controller with every session that may need a look. */
import type { RowKind } from '../core/session/record.ts';
import { SessionReconciler, type SessionControllerDeps } from './controllers/session.ts';
import { ReconcileQueue } from './reconcile/queue.ts';

/** Sessions worked on at once: a launch may wait for its host for almost two minutes. */
const CONCURRENCY_MAX = 64;

export interface Operator {
  start: () => Promise<void>;
  stop: () => Promise<void>;
}

export function createOperator(deps: SessionControllerDeps): Operator {
  const { sessions, table, log } = deps;
  const queue = new ReconcileQueue({
    reconciler: new SessionReconciler(deps),
    log,
    concurrencyMax: CONCURRENCY_MAX,
  });
  /** Status of each flow when last seen: its counters change all the time and need no look. Bounded by the flows. */
  const flowStatus = new Map<string, string>();
  const unwatch: (() => void)[] = [];

  async function onRow(kind: RowKind, id: string): Promise<void> {
    if (kind === 'launch') queue.add(id);
    if (kind !== 'flow') return;
    const flow = await table.get('flow', id);
    const status = flow && `${flow.generation} ${flow.status}`;
    if (flowStatus.get(id) === status) return;
    if (status === undefined) flowStatus.delete(id);
    else flowStatus.set(id, status);
    queue.add(id);
  }

  return {
    start: async () => {
      unwatch.push(
        sessions.watch(({ object }) => {
          queue.add(object.metadata.name);
        }),
        table.watch(({ kind, id }) => {
          onRow(kind, id).catch((err: unknown) => {
            log.error({ sessionId: id, err }, 'session table is unreadable');
          });
        }),
      );
      for (const { metadata } of await sessions.list()) queue.add(metadata.name);
      for (const { id } of await table.list('session')) queue.add(id);
    },
    stop: async () => {
      for (const stopWatching of unwatch) stopWatching();
      await queue.stop();
    },
  };
}
