/** A `TableReader` on the local copy of a follower: it answers at once, and also while the table cannot be reached. */
import type { TableFollower } from './follow.ts';
import type { RowKind, RowOf } from './record.ts';
import type { TableReader } from './table.ts';

/** @param follower started. Kinds other than its `kinds` have no rows here. */
export function readerOf<F extends RowKind>(follower: TableFollower<F>, kinds: readonly F[]): TableReader {
  const rowsOf = <K extends RowKind>(kind: K): RowOf[K][] => {
    const followed = kinds.find((each): boolean => each === (kind as RowKind));
    return followed === undefined ? [] : ([...follower.all(followed)] as unknown as RowOf[K][]);
  };
  return {
    get: (kind, id) => Promise.resolve(rowsOf(kind).find((row) => row.id === id)),
    list: (kind) => Promise.resolve(rowsOf(kind)),
    watch: (listener) => follower.onChange(listener),
  };
}
