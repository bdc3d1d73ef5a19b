/** Comparing the roster with what Redis holds: every version after a gap, else which rows there are, now and then. */
import type { RowKind } from '../record.ts';
import type { TableChange } from '../table.ts';
import type { RedisConnection } from './connection.ts';
import type { Gap } from './feed.ts';
import type { Keys } from './keys.ts';
import type { Roster } from './roster.ts';
import { readIndex, readTime, readVersions } from './survey.ts';

export interface ComparisonDeps {
  /** The one that follows the change stream, so that nothing is heard while this looks. */
  connection: RedisConnection;
  keys: Keys;
  kinds: readonly RowKind[];
  roster: Roster;
  /** Between comparisons without a gap, ms. */
  everyMs: number;
  /** Told of rows that changed unheard, or are over. */
  onChange: (change: TableChange) => void;
  /** Monotonic, ms. */
  now: () => number;
}

export class Comparison {
  readonly #deps: ComparisonDeps;
  #comparedAt = -Infinity;

  constructor(deps: ComparisonDeps) {
    this.#deps = deps;
  }

  /** Does nothing where there is no gap and the last time was not long ago. Without a gap it finds what ran out. */
  async compare(gap: Gap | undefined): Promise<void> {
    const { connection, kinds, roster, everyMs, now } = this.#deps;
    if (gap === undefined && now() - this.#comparedAt < everyMs) return;
    const redisNow = await readTime(connection);
    for (const kind of kinds) await this.#compareKind(kind, gap, redisNow);
    roster.onCompared(redisNow);
    this.#comparedAt = now();
  }

  async #compareKind(kind: RowKind, gap: Gap | undefined, redisNow: number): Promise<void> {
    const { connection, keys, roster, onChange } = this.#deps;
    const isFull = gap !== undefined || roster.hasLost(kind);
    const found = await (isFull ? readVersions : readIndex)(connection, keys, kind);
    // The index may still name rows that have run out.
    for (const [id, { expiresAt }] of found) if (expiresAt <= redisNow) found.delete(id);
    for (const id of roster.compare(kind, found, gap === 'missed')) onChange({ kind, id });
  }
}
