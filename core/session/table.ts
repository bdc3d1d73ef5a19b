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

/** Who holds a claim now, and for how long at most, ms. */
export interface Claim {
  holder: string;
  remainingMs: number;
}

/**
 * Small facts that every replica must agree on in one step. Each dies by itself after its time; one that was lost with
 * the table is as one that was never made. Names and holders are 1 to 200 printable ASCII characters.
 */
export interface TableClaims {
  /** Takes `name` for `holder`, or holds it anew, unless another holds it. @returns who holds it now. */
  take: (name: string, holder: string, ttlMs: number) => Promise<Claim>;
  /** Gives `name` back if `holder` holds it, and tells who watches. Idempotent. */
  release: (name: string, holder: string) => Promise<void>;
  /** @returns nothing when it is free. */
  look: (name: string) => Promise<Claim | undefined>;
  /** Raises the number called `name`, 0 at first. @returns `false`, changing nothing, when `value` is not above it. */
  advance: (name: string, value: number, ttlMs: number) => Promise<boolean>;
  /** Calls `listener` with the name of each claim that was released, not of one that ran out. @returns how to stop. */
  watch: (listener: (name: string) => void) => () => void;
}

/** A whole table: the composition root hands out its reader, its claims and, once each, its writers. */
export interface SessionTable {
  reader: TableReader;
  claims: TableClaims;
  writer: <K extends RowKind>(kind: K) => TableWriter<K>;
}
