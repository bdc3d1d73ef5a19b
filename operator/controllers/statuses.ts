/**
 * Keeps the status of all objects of one kind as it should be now. What one should say depends on the others (who
 * claims the same?), so they are looked at together: however much changed, one look finds what to write, and only what
 * differs is written.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Kind, ObjectOf } from '../../core/crd/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { ObjectStore, StatusOf } from '../../core/store/object-store.ts';
import { ReconcileQueue } from '../reconcile/queue.ts';
import type { ReconcileResult } from '../reconcile/types.ts';

/** Objects written at once. */
const WRITES_MAX = 16;

export interface StatusKeeperDeps<K extends Kind> {
  kind: K;
  store: Pick<ObjectStore<K>, 'list' | 'watch' | 'patchStatus'>;
  /** Looks at all of them. @returns what says the status that each should have. */
  judge: (objects: readonly ObjectOf[K][]) => Promise<(object: ObjectOf[K]) => StatusOf<K>>;
  /** Watches what else the statuses depend on: calls `look` after each change. @returns how to stop. */
  watchMore?: (look: () => void) => () => void;
  log: Logger;
}

/** Keeps them between `start` and `stop`. */
export class StatusKeeper<K extends Kind> {
  readonly #deps: StatusKeeperDeps<K>;
  readonly #queue: ReconcileQueue;
  readonly #unwatch: (() => void)[] = [];

  constructor(deps: StatusKeeperDeps<K>) {
    this.#deps = deps;
    const reconciler = { reconcile: () => this.#reconcile() };
    this.#queue = new ReconcileQueue({ reconciler, log: deps.log, concurrencyMax: 1 });
  }

  /** Has them looked at, soon. */
  start(): void {
    const { kind, store, watchMore } = this.#deps;
    const look = (): void => {
      this.#queue.add(kind);
    };
    this.#unwatch.push(store.watch(look));
    if (watchMore !== undefined) this.#unwatch.push(watchMore(look));
    look();
  }

  async stop(): Promise<void> {
    for (const stopWatching of this.#unwatch.splice(0)) stopWatching();
    await this.#queue.stop();
  }

  /** One that cannot be written does not keep the others from it. */
  async #reconcile(): Promise<ReconcileResult> {
    const objects = await this.#deps.store.list();
    if (objects.length === 0) return {};
    const statusOf = await this.#deps.judge(objects);
    const stale = objects
      .map((object) => ({ object, status: statusOf(object) }))
      .filter(({ object, status }) => !isDeepStrictEqual(object.status, status));
    const failures: unknown[] = [];
    for (let next = 0; next < stale.length; next += WRITES_MAX) {
      const written = await Promise.allSettled(
        stale
          .slice(next, next + WRITES_MAX)
          .map(({ object, status }) => this.#write(object.metadata.name, status)),
      );
      failures.push(
        ...written.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : [])),
      );
    }
    if (failures.length > 0) throw failures[0];
    return {};
  }

  async #write(name: string, status: StatusOf<K>): Promise<void> {
    try {
      await this.#deps.store.patchStatus(name, status);
    } catch (error) {
      if (!(error instanceof GleipnirError) || error.code !== 'OBJECT_NOT_FOUND') throw error;
    }
  }
}
