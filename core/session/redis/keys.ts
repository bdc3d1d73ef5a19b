/**
 * Every key of a deployment in Redis. All share the prefix and its hash tag, hence a slot.
 *
 *   PREFIX:KIND:ID        string    a row (value.ts)
 *   PREFIX:index:KIND     sorted    ids of the rows of a kind, by when they expire, ms since the epoch
 *   PREFIX:changes        stream    what happened to rows and claims (entry.ts)
 *   PREFIX:claim:NAME     string    who holds a claim
 *   PREFIX:number:NAME    string    a number that only rises
 *   PREFIX:history:DAY    hash      what happened on a day (core/history/redis.ts)
 */
import type { RowKind } from '../record.ts';

export interface Keys {
  row: (kind: RowKind, id: string) => string;
  index: (kind: RowKind) => string;
  changes: string;
  claim: (name: string) => string;
  number: (name: string) => string;
  /** @param day such as `2026-02-03`. */
  history: (day: string) => string;
}

/** @param prefix with a hash tag, such as `{gleipnir}`. */
export function createKeys(prefix: string): Keys {
  return {
    row: (kind, id) => `${prefix}:${kind}:${id}`,
    index: (kind) => `${prefix}:index:${kind}`,
    changes: `${prefix}:changes`,
    claim: (name) => `${prefix}:claim:${name}`,
    number: (name) => `${prefix}:number:${name}`,
    history: (day) => `${prefix}:history:${day}`,
  };
}
