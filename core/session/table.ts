/** The session table's contract: readers see every kind, a writer writes the one kind it owns. */
import type { RowKind, RowOf } from './record.ts';

/** A row that changed or vanished. */
export interface TableChange {
  kind: RowKind;
  id: string;
}

/** What every component is given. */
export interface TableReader {
  get: <K extends RowKind>(kind: K, id: string) => Promise<RowOf[K] | undefined>;
  list: <K extends RowKind>(kind: K) => Promise<RowOf[K][]>;
  /** Calls `listener` after each change, in order. @returns how to stop. */
  watch: (listener: (change: TableChange) => void) => () => void;
}

/** What the one writer of a kind is given. */
export interface TableWriter<K extends RowKind> {
  /** Stores `row` and announces it. @returns `stale`, storing nothing, when a newer generation stands. */
  put: (row: RowOf[K]) => Promise<'stored' | 'stale'>;
  /** Idempotent. */
  remove: (id: string) => Promise<void>;
}

/** A whole table: the composition root hands out its reader and, once each, its writers. */
export interface SessionTable {
  reader: TableReader;
  writer: <K extends RowKind>(kind: K) => TableWriter<K>;
}
