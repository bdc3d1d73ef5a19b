/**
 * Keeps rows in Redis: every row that this process put and nobody has removed or replaced since is refreshed before it
 * runs out, and put back when Redis has lost it. So is the row of a session whose writer is gone.
 */
import { sessionOf } from '../flows.ts';
import type { RowKind } from '../record.ts';
import type { RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import type { Roster } from './roster.ts';
import { RESTORE, TOUCH } from './scripts.ts';
import type { RedisStats } from './stats.ts';
import { readValues } from './survey.ts';
import { readHead } from './value.ts';
import { compareVersions, type RowVersion } from './version.ts';

/** Rows refreshed by one script: Redis does nothing else for less than a millisecond. */
const ROWS_AT_ONCE = 100;
/** Until rows are looked at again that could not be put back yet, ms. */
const AGAIN_MS = 200;

export interface KeptRow extends RowVersion {
  generation: number;
  /** As it stands in Redis. */
  value: string;
}

export interface KeeperDeps {
  connection: RedisConnection;
  keys: Keys;
  roster: Roster;
  stats: RedisStats;
  /** Of every row, ms. */
  ttlMs: number;
  /** A row that nobody refreshed for so long has lost its writer, ms. */
  orphanMs: number;
  /** Entries that the change stream keeps, about. */
  changesMax: number;
  /** Id of the last entry heard of; `undefined` while nothing may be put back. */
  heardUpTo: () => string | undefined;
  /** Whether what this process put is still its own to keep. */
  mayKeep: () => boolean;
}

export class Keeper {
  readonly #deps: KeeperDeps;
  /** Bounded by what this process put or adopted and nobody has removed. */
  readonly #rows = new Map<string, KeptRow>();
  /** Of which this process is a writer. */
  readonly #kinds = new Set<RowKind>();
  #refreshing: Promise<void> | undefined;
  #isDue = false;
  #again: NodeJS.Timeout | undefined;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
  }

  /** This process writes rows of `kind`. */
  write(kind: RowKind): void {
    this.#kinds.add(kind);
  }

  has(kind: RowKind, id: string): boolean {
    return this.#rows.has(nameOf({ kind, id }));
  }

  /** This process put `row`. */
  keep(row: KeptRow): void {
    const kept = this.#rows.get(nameOf(row));
    if (kept === undefined || compareVersions(kept.version, row.version) < 0)
      this.#rows.set(nameOf(row), row);
  }

  /** `row` was put or removed by anybody: what was kept of it is no longer the newest. */
  onChange(row: RowVersion): void {
    const kept = this.#rows.get(nameOf(row));
    if (kept !== undefined && compareVersions(kept.version, row.version) < 0) this.#rows.delete(nameOf(row));
  }

  /** What the roster has no more was removed while nobody listened. */
  forgetOver(): void {
    for (const [name, { kind, id }] of this.#rows)
      if (!this.#deps.roster.has(kind, id)) this.#rows.delete(name);
  }

  /** Looks at every row that is kept; once more if it was asked for meanwhile. Never rejects. */
  async refresh(): Promise<void> {
    this.#isDue = true;
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  stop(): void {
    clearTimeout(this.#again);
    this.#rows.clear();
  }

  async #refresh(): Promise<void> {
    try {
      while (this.#isDue) {
        this.#isDue = false;
        if (!this.#deps.mayKeep()) return;
        await this.#adopt();
        for (const kind of this.#kinds) await this.#touchAll(kind);
      }
    } catch {
      // Redis is away, which its connection has told. All is done again when it is back.
    }
  }

  async #touchAll(kind: RowKind): Promise<void> {
    const rows = [...this.#rows.values()].filter((row) => row.kind === kind);
    for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
      if (!this.#deps.mayKeep()) return;
      await this.#touch(kind, rows.slice(start, start + ROWS_AT_ONCE));
    }
  }

  async #touch(kind: RowKind, rows: readonly KeptRow[]): Promise<void> {
    const { connection, keys, ttlMs } = this.#deps;
    const rowKeys = rows.map(({ id }) => keys.row(kind, id));
    const args = rows.flatMap(({ id, version }) => [id, version]);
    const others = await connection.eval(TOUCH, [keys.index(kind), ...rowKeys], [ttlMs, ...args]);
    const lost = (others as number[]).flatMap((at) => rows[at - 1] ?? []);
    if (lost.length > 0) await this.#restore(kind, lost);
  }

  async #restore(kind: RowKind, found: readonly KeptRow[]): Promise<void> {
    const { connection, keys, roster, stats, ttlMs, changesMax, heardUpTo, mayKeep } = this.#deps;
    if (!mayKeep()) return;
    const heard = heardUpTo();
    if (heard === undefined) {
      this.#lookAgain();
      return;
    }
    // Some may have been put anew or removed by us since, or heard to be removed before their put was answered.
    const isOver = ({ id, version }: KeptRow): boolean =>
      compareVersions(heard, version) >= 0 && !roster.has(kind, id);
    for (const row of found) if (isOver(row)) this.#forget(row);
    const rows = found.filter((row) => this.#rows.get(nameOf(row)) === row);
    const outcomes = await connection.eval(
      RESTORE,
      [keys.index(kind), keys.changes, ...rows.map(({ id }) => keys.row(kind, id))],
      [
        ...[kind, ttlMs, changesMax, heard],
        ...rows.flatMap(({ id, generation, version, value }) => [
          id,
          generation,
          ...version.split('-'),
          value,
        ]),
      ],
    );
    for (const [at, row] of rows.entries()) {
      const outcome = (outcomes as string[])[at];
      if (outcome === 'restored') stats.restored += 1;
      else if (outcome === 'behind') this.#lookAgain();
      else this.#forget(row);
    }
  }

  /** Unless it was put anew. */
  #forget(row: KeptRow): void {
    if (this.#rows.get(nameOf(row)) === row) this.#rows.delete(nameOf(row));
  }

  #lookAgain(): void {
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      void this.refresh();
    }, AGAIN_MS).unref();
  }

  /** Takes over rows that nobody refreshes, as long as their session stands. Others run out. */
  async #adopt(): Promise<void> {
    const { connection, keys, roster, stats, orphanMs } = this.#deps;
    for (const kind of this.#kinds) {
      const orphans = [...roster.idle(kind, orphanMs)].filter(
        (id) => !this.has(kind, id) && roster.has('session', sessionOf(id)),
      );
      const values = await readValues(connection, new Map(orphans.map((id) => [id, keys.row(kind, id)])));
      for (const [id, value] of values) {
        const head = readHead(value);
        if (head === undefined || roster.isOutdated({ kind, id, version: head.version })) continue;
        this.keep({ kind, id, value, ...head });
        stats.adopted += 1;
      }
    }
  }
}

function nameOf({ kind, id }: Pick<RowVersion, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}
