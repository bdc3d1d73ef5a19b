/**
 * A live local copy of some kinds of the session table, for lookups that cannot wait (one per datagram).
 *
 * The copy lags the table by one read. It fails static: a read that fails leaves the old row standing, and is tried
 * again until it succeeds.
 */
import { isDeepStrictEqual } from 'node:util';
import { GleipnirError } from '../runtime/errors.ts';
import { Listeners } from '../runtime/listeners.ts';
import type { RowKind, RowOf } from './record.ts';
import type { TableChange, TableReader } from './table.ts';

type Rows<F extends RowKind> = { [K in F]: Map<string, RowOf[K]> };

/** Between the tries of reads that failed, ms. */
const RETRY_MS = 250;

export interface TableFollowerDeps<F extends RowKind> {
  reader: TableReader;
  kinds: readonly F[];
  /** Told when a row could not be read, once until it can be, or a listener threw. Default: a process warning. */
  onError?: (error: unknown) => void;
}

/** Follows `kinds` between `start` and `stop`; `get`, `all` and `onChange` are synchronous. */
export class TableFollower<F extends RowKind> {
  readonly #deps: TableFollowerDeps<F>;
  readonly #onError: (error: unknown) => void;
  /** As many rows as the table holds. */
  readonly #rows: Rows<F>;
  readonly #listeners: Listeners<TableChange>;
  /** Rows being read now, so at most as many as the table holds; true when the row changed again meanwhile. */
  readonly #reading = new Map<string, boolean>();
  /** Rows announced while a listing was under way, one set for each listing: their own read is newer than the listing. */
  readonly #listings = new Set<Set<string>>();
  /** Rows whose last read failed, so at most as many as the table holds. */
  readonly #failed = new Map<string, { kind: F; id: string }>();
  #retry: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;

  constructor(deps: TableFollowerDeps<F>) {
    this.#deps = deps;
    this.#onError = deps.onError ?? warn;
    this.#listeners = new Listeners(this.#onError);
    this.#rows = Object.fromEntries(deps.kinds.map((kind) => [kind, new Map()])) as Rows<F>;
  }

  /**
   * Resolves once the copy is complete. Rows that stood before are announced like changes.
   *
   * @throws what the table threw when it could not be read; then nothing is followed.
   */
  async start(): Promise<void> {
    this.#unwatch ??= this.#deps.reader.watch((change) => {
      this.#onTableChange(change);
    });
    try {
      await Promise.all(this.#deps.kinds.map((kind) => this.#list(kind)));
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Stops following; the copy stays readable as it was. Idempotent. */
  stop(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#failed.clear();
  }

  /** The row as last seen, frozen or private to this copy. */
  get<K extends F>(kind: K, id: string): RowOf[K] | undefined {
    const rows: Rows<F>[K] = this.#rows[kind];
    return rows.get(id);
  }

  /** Every row of a kind, without copying. */
  all<K extends F>(kind: K): IterableIterator<RowOf[K]> {
    const rows: Rows<F>[K] = this.#rows[kind];
    return rows.values();
  }

  /** Calls `listener` after each change of the copy: `get` then answers the new row, or nothing. @returns how to stop. */
  onChange(listener: (change: TableChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  async #list(kind: F): Promise<void> {
    const touched = new Set<string>();
    this.#listings.add(touched);
    try {
      const listed = new Map((await this.#deps.reader.list(kind)).map((row) => [row.id, row]));
      const ids = new Set([...listed.keys(), ...this.#rows[kind].keys()]);
      for (const id of ids) {
        if (!touched.has(keyOf(kind, id))) this.#apply(kind, id, listed.get(id));
      }
    } finally {
      this.#listings.delete(touched);
    }
  }

  #onTableChange({ kind, id }: TableChange): void {
    const followed = this.#deps.kinds.find((candidate) => candidate === kind);
    if (followed === undefined) return;
    const key = keyOf(followed, id);
    for (const touched of this.#listings) touched.add(key);
    if (this.#reading.has(key)) {
      this.#reading.set(key, true);
      return;
    }
    void this.#read(followed, id);
  }

  /** One read at a time for each row, so that an older answer never overtakes a newer one. */
  async #read(kind: F, id: string): Promise<void> {
    const key = keyOf(kind, id);
    try {
      do {
        this.#reading.set(key, false);
        const row = await this.#deps.reader.get(kind, id);
        if (this.#unwatch === undefined) break;
        this.#failed.delete(key);
        this.#apply(kind, id, row);
      } while (this.#reading.get(key) === true);
    } catch (error) {
      this.#onReadFailed(kind, id, error);
    } finally {
      this.#reading.delete(key);
    }
  }

  /** A row that is damaged waits for its next change; for anything else the table only has to be asked again. */
  #onReadFailed(kind: F, id: string, error: unknown): void {
    if (this.#unwatch === undefined) return;
    const key = keyOf(kind, id);
    if (!this.#failed.has(key)) this.#onError(error);
    const isDamaged = error instanceof GleipnirError && !error.traits.retry;
    if (isDamaged && this.#reading.get(key) === false) {
      this.#failed.delete(key);
      return;
    }
    this.#failed.set(key, { kind, id });
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      for (const row of [...this.#failed.values()]) this.#onTableChange(row);
    }, RETRY_MS).unref();
  }

  #apply<K extends F>(kind: K, id: string, row: RowOf[K] | undefined): void {
    const rows: Rows<F>[K] = this.#rows[kind];
    if (isDeepStrictEqual(rows.get(id), row)) return;
    if (row === undefined) rows.delete(id);
    else rows.set(id, row);
    this.#listeners.tell({ kind, id });
  }
}

function keyOf(kind: RowKind, id: string): string {
  return `${kind} ${id}`;
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), 'TableFollowerWarning');
}
