/**
 * The session table in memory, for one process that holds every component (the appliance, tests).
 *
 * Rows are frozen copies, so no reader can change what another one sees. Listeners are told synchronously,
 * after the write and in the order of the writes, also when a listener itself writes.
 */
import { deepFreeze } from '../runtime/freeze.ts';
import { Listeners } from '../runtime/listeners.ts';
import { createMemoryClaims } from './memory-claims.ts';
import { ROW_SCHEMAS, type RowKind, type RowOf } from './record.ts';
import type { SessionTable, TableChange, TableReader, TableWriter } from './table.ts';

/** One map by id for each kind; bounded by the writers: some rows for each session, at most one session for each person. */
type Rows = { [K in RowKind]: Map<string, RowOf[K]> };

export interface MemoryTableOptions {
  /** Told what a listener threw; the other listeners and the writer never notice. Default: a process warning. */
  onListenerError?: (error: unknown) => void;
}

/** An empty table that lives as long as the process. */
export function createMemoryTable(options: MemoryTableOptions = {}): SessionTable {
  const rows = Object.fromEntries(Object.keys(ROW_SCHEMAS).map((kind) => [kind, new Map()])) as Rows;
  const changes = new ChangeQueue(options.onListenerError ?? warn);
  const reader: TableReader = {
    get: (kind, id) => Promise.resolve(rows[kind].get(id)),
    list: (kind) => Promise.resolve([...rows[kind].values()]),
    watch: (listener) => changes.subscribe(listener),
  };
  return {
    reader,
    claims: createMemoryClaims({ onListenerError: options.onListenerError ?? warn }),
    writer: (kind) => createWriter(kind, rows[kind], changes),
  };
}

function createWriter<K extends RowKind>(
  kind: K,
  rows: Map<string, RowOf[K]>,
  changes: ChangeQueue,
): TableWriter<K> {
  return {
    put: (row) => {
      const standing = rows.get(row.id);
      if (standing !== undefined && standing.generation > row.generation) return Promise.resolve('stale');
      rows.set(row.id, deepFreeze(structuredClone(row)));
      changes.push({ kind, id: row.id });
      return Promise.resolve('stored');
    },
    remove: (id) => {
      if (rows.delete(id)) changes.push({ kind, id });
      return Promise.resolve();
    },
  };
}

/** Delivers changes one after another: what a listener causes waits until all have heard of the cause. */
class ChangeQueue {
  readonly #listeners: Listeners<TableChange>;
  /** Emptied before `push` returns to the outermost caller. */
  readonly #queue: TableChange[] = [];
  #isDelivering = false;

  constructor(onListenerError: (error: unknown) => void) {
    this.#listeners = new Listeners(onListenerError);
  }

  subscribe(listener: (change: TableChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  push(change: TableChange): void {
    this.#queue.push(change);
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#listeners.tell(next);
    }
    this.#isDelivering = false;
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), 'TableListenerWarning');
}
