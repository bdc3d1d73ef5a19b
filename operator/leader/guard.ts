/**
 * What only the leader may do, refused at the very moment at which it leads no more: also in a process that was stopped
 * for longer than its lease, and goes on in the middle of something.
 */
import type { Kind } from '../../core/crd/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { RowKind } from '../../core/session/record.ts';
import type { TableWriter } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';

/** Throws when this process does not lead. */
export type RequireLead = () => void;

/** @throws GleipnirError NOT_LEADING, from what is made */
export function createRequireLead(isLeading: () => boolean): RequireLead {
  return () => {
    if (!isLeading()) throw new GleipnirError('NOT_LEADING', 'Another operator leads now');
  };
}

export function guardWriter<K extends RowKind>(
  writer: TableWriter<K>,
  requireLead: RequireLead,
): TableWriter<K> {
  return {
    put: async (row) => {
      requireLead();
      return writer.put(row);
    },
    remove: async (id) => {
      requireLead();
      await writer.remove(id);
    },
  };
}

export function guardStore<K extends Kind>(store: ObjectStore<K>, requireLead: RequireLead): ObjectStore<K> {
  return {
    get: store.get,
    list: store.list,
    watch: store.watch,
    create: async (object) => {
      requireLead();
      return store.create(object);
    },
    update: async (name, spec) => {
      requireLead();
      return store.update(name, spec);
    },
    patchStatus: async (name, status) => {
      requireLead();
      return store.patchStatus(name, status);
    },
    delete: async (name) => {
      requireLead();
      await store.delete(name);
    },
  };
}
