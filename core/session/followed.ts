/** A `TableReader` on the local copy of a follower: it answers at once, and also while the table cannot be reached. */
import type { TableFollower } from './follow.ts';
import type { RowKind, RowOf } from './record.ts';
import type { TableReader } from './table.ts';

/** @param follower started. Kinds other than its `kinds` have no rows here. */
export function readerOf<F extends RowKind>(follower: TableFollower<F>, kinds: readonly F[]): TableReader {
  const followed = (kind: RowKind): F | undefined => kinds.find((each): boolean => each === kind);
  return {
    get: <K extends RowKind>(kind: K, id: string) => {
      const own = followed(kind);
      return Promise.resolve(own && (follower.get(own, id) as RowOf[RowKind] as RowOf[K] | undefined));
    },
    list: <K extends RowKind>(kind: K) => {
      const own = followed(kind);
      return Promise.resolve(
        own === undefined ? [] : ([...follower.all(own)] as RowOf[RowKind][] as RowOf[K][]),
      );
    },
    watch: (listener) => follower.onChange(listener),
  };
}
