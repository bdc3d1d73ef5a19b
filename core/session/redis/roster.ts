/**
 * Which rows there are, as far as this process has heard, each in which version. From it a reader tells what a gap in
 * the change stream hid, and a row that was lost from one that is over.
 *
 * A row that is missing, or there in an older version, is lost until its writer has put it back. It is over when it
 * stays so for longer than its writer needs, or had not been kept alive before.
 */
import type { RowKind } from '../record.ts';
import { compareVersions, VERSION_ZERO, type RowVersion } from './version.ts';

interface Standing {
  version: string;
  /** By Redis's clock, ms since the epoch, when this was last looked at. */
  expiresAt: number;
  /** On the clock of `now`. */
  lostAt: number | undefined;
}

/** A row that Redis holds. */
export interface FoundRow {
  /** Absent where only the index was read. */
  version?: string | undefined;
  expiresAt: number;
}

export interface RosterDeps {
  kinds: readonly RowKind[];
  /** Of every row, ms. */
  ttlMs: number;
  /** A row that is lost for longer is over, ms. */
  lostMsMax: number;
  /** A row that nobody kept alive until so shortly before its end has run out rather than been lost, ms. */
  expiryMarginMs: number;
  /** Monotonic, ms. */
  now: () => number;
}

export class Roster {
  readonly #deps: RosterDeps;
  /** As many as the table holds, and those that were lost. */
  readonly #rows: Map<RowKind, Map<string, Standing>>;
  /** Of Redis when everything was last looked at, ms since the epoch. */
  #lookedAt = 0;

  constructor(deps: RosterDeps) {
    this.#deps = deps;
    this.#rows = new Map(deps.kinds.map((kind) => [kind, new Map<string, Standing>()]));
  }

  /** Whether rows of `kind` are in here at all. */
  follows(kind: RowKind): boolean {
    return this.#rows.has(kind);
  }

  /** A row was put, or put back, at `putAt` ms since the epoch by Redis's clock. */
  onPut({ kind, id, version }: RowVersion, putAt: number): void {
    const expiresAt = putAt + this.#deps.ttlMs;
    this.#rows.get(kind)?.set(id, { version, expiresAt, lostAt: undefined });
  }

  onRemove({ kind, id }: RowVersion): void {
    this.#rows.get(kind)?.delete(id);
  }

  has(kind: RowKind, id: string): boolean {
    return this.#rows.get(kind)?.has(id) === true;
  }

  /** Whether `version` is older than what was heard of. */
  isOutdated({ kind, id, version }: RowVersion): boolean {
    const standing = this.#rows.get(kind)?.get(id);
    return standing !== undefined && compareVersions(version, standing.version) < 0;
  }

  /** Whether a row of `kind` is not among `ids`. */
  isShort(kind: RowKind, ids: ReadonlyMap<string, unknown>): boolean {
    for (const id of this.#rows.get(kind)?.keys() ?? []) if (!ids.has(id)) return true;
    return false;
  }

  /** Whether the versions of `kind` must be looked at, not only which rows there are. */
  hasLost(kind: RowKind): boolean {
    for (const { lostAt } of this.#rows.get(kind)?.values() ?? []) if (lostAt !== undefined) return true;
    return false;
  }

  /** Rows that nobody has kept alive for `idleMs`, as far as was seen when everything was last looked at. */
  *idle(kind: RowKind, idleMs: number): IterableIterator<string> {
    const keptUntil = this.#lookedAt + this.#deps.ttlMs - idleMs;
    for (const [id, { lostAt, expiresAt }] of this.#rows.get(kind) ?? []) {
      if (lostAt === undefined && expiresAt < keptUntil) yield id;
    }
  }

  /**
   * Takes note of everything there is of a kind.
   *
   * @param isMissingOver whether what is missing, and was not before, was removed while nobody listened.
   * @returns ids of rows that changed since they were heard of, or are over.
   */
  compare(kind: RowKind, found: ReadonlyMap<string, FoundRow>, isMissingOver: boolean): string[] {
    const rows = this.#rows.get(kind) ?? new Map<string, Standing>();
    const changed: string[] = [];
    for (const [id, { version, expiresAt }] of found) {
      const standing = rows.get(id);
      const newest = version ?? standing?.version ?? VERSION_ZERO;
      if (
        standing !== undefined &&
        compareVersions(newest, standing.version) < 0 &&
        !this.#isOver(standing)
      ) {
        continue;
      }
      if (newest !== standing?.version) changed.push(id);
      rows.set(id, { version: newest, expiresAt, lostAt: undefined });
    }
    for (const [id, standing] of rows) {
      if (found.has(id)) continue;
      const isRemoved = isMissingOver && standing.lostAt === undefined;
      if (!isRemoved && !this.#isOver(standing)) continue;
      rows.delete(id);
      changed.push(id);
    }
    return changed;
  }

  /** All kinds were compared with what Redis held at `redisNow`, ms since the epoch. */
  onCompared(redisNow: number): void {
    this.#lookedAt = redisNow;
  }

  /** Whether a row that is lost, from now on if it was not yet, stays so. */
  #isOver(standing: Standing): boolean {
    const { lostMsMax, expiryMarginMs, now } = this.#deps;
    standing.lostAt ??= now();
    const hasRunOut = standing.expiresAt < this.#lookedAt + expiryMarginMs;
    return hasRunOut || now() - standing.lostAt > lostMsMax;
  }
}
