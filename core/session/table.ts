/** The session table's contract: readers see every kind, a writer writes the one kind it owns. */
import type { RowKind, RowOf } from './record.ts';

/** A row that changed or vanished. */
export interface TableChange {
  kind: RowKind;
  id: string;
}

/**
 * What every component is given.
 *
 * A row is over when it was removed, or when nobody kept it alive for its whole time to live. A row that is missing
 * otherwise was lost: whoever put it puts it back within seconds, and until then it is nowhere said to be over. Losing
 * the way to the table never loses a change: what happened meanwhile is announced when the way is back.
 *
 * Reads of a table that is away, or has lost what is asked for, reject within 3 s with TABLE_UNAVAILABLE; a single row
 * that is damaged rejects with SESSION_TABLE_CORRUPT, and is left out of lists.
 */
export interface TableReader {
  /** @returns nothing for a row that never was, or is over. */
  get: <K extends RowKind>(kind: K, id: string) => Promise<RowOf[K] | undefined>;
  list: <K extends RowKind>(kind: K) => Promise<RowOf[K][]>;
  /** Calls `listener` after each change, in order; rarely twice for the same one. @returns how to stop. */
  watch: (listener: (change: TableChange) => void) => () => void;
}

/**
 * What the one writer of a kind is given. A table that is away rejects within 3 s with TABLE_UNAVAILABLE; whether it
 * took the change is then not known.
 */
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
