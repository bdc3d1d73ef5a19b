/** Puts and removals, each one script. */
import type { RowKind } from '../record.ts';
import type { TableWriter } from '../table.ts';
import type { RedisConnection } from './connection.ts';
import type { Keeper } from './keeper.ts';
import type { Keys } from './keys.ts';
import type { Roster } from './roster.ts';
import { PUT, REMOVE } from './scripts.ts';
import { formatValue } from './value.ts';

export interface WriterDeps {
  connection: RedisConnection;
  keys: Keys;
  keeper: Keeper;
  roster: Roster;
  /** Of every row, ms. */
  ttlMs: number;
  /** Entries that the change stream keeps, about. */
  changesMax: number;
}

/** What it put is kept until it or anybody else removes or replaces it. */
export function createWriter<K extends RowKind>(kind: K, deps: WriterDeps): TableWriter<K> {
  const { connection, keys, keeper, roster, ttlMs, changesMax } = deps;
  const keysOf = (id: string): string[] => [keys.row(kind, id), keys.index(kind), keys.changes];
  keeper.write(kind);
  return {
    put: async (row) => {
      const { id, generation } = row;
      const json = JSON.stringify(row);
      const version = await connection.eval(PUT, keysOf(id), [kind, id, generation, json, ttlMs, changesMax]);
      if (typeof version !== 'string') return 'stale';
      keeper.keep({ kind, id, version, generation, value: formatValue({ version, generation }, json) });
      return 'stored';
    },
    remove: async (id) => {
      // One that is lost must be known to be removed, or its writer puts it back.
      const isKnown = roster.has(kind, id) || keeper.has(kind, id);
      const version = await connection.eval(REMOVE, keysOf(id), [
        kind,
        id,
        changesMax,
        isKnown ? 'yes' : 'no',
      ]);
      if (typeof version === 'string') keeper.onChange({ kind, id, version });
    },
  };
}
