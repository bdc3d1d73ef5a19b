/** For the specs of the controllers that keep statuses: a local store whose clock and status writes the test sees. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kind, ObjectOf } from '../../core/crd/types.ts';
import { createLocalStore } from '../../core/store/local.ts';
import type { ObjectStore, StatusOf } from '../../core/store/object-store.ts';

export interface Watched<K extends Kind> extends ObjectStore<K> {
  /** Names of the objects whose status was written, in order. */
  written: string[];
  /** How the next writes of a status fail, in order. */
  failures: Error[];
}

/** A folder for stores, with a clock. */
export interface Stores {
  clock: { nowMs: number };
  open: <K extends Kind>(kind: K) => Promise<Watched<K>>;
  remove: () => Promise<void>;
}

export async function openStores(): Promise<Stores> {
  const directory = await mkdtemp(join(tmpdir(), 'gleipnir-status-'));
  const clock = { nowMs: Date.parse('2026-01-01T00:00:00Z') };
  return {
    clock,
    open: async (kind) => {
      const store = await createLocalStore({ kind, directory, now: () => new Date(clock.nowMs) });
      return watched(store);
    },
    remove: () => rm(directory, { recursive: true }),
  };
}

function watched<K extends Kind>(store: ObjectStore<K>): Watched<K> {
  const written: string[] = [];
  const failures: Error[] = [];
  const patchStatus = (name: string, status: StatusOf<K>): Promise<ObjectOf[K]> => {
    const failure = failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    written.push(name);
    return store.patchStatus(name, status);
  };
  return { ...store, written, failures, patchStatus };
}
