/** Which of several objects has what only one can have. Pure, so that whoever asks gets the same answer. */
import type { ObjectMeta } from './metadata.ts';

interface Claimant {
  metadata: Pick<ObjectMeta, 'name' | 'creationTimestamp'>;
}

/**
 * For everything that `objects` claim, the one that has it: the oldest, and of those made in the same second, as
 * Kubernetes counts, the first by name.
 */
export function holdersOf<T extends Claimant, C>(
  objects: readonly T[],
  claimsOf: (object: T) => readonly C[],
): Map<C, T> {
  const holders = new Map<C, T>();
  for (const object of objects) {
    for (const claim of claimsOf(object)) {
      const standing = holders.get(claim);
      if (standing === undefined || isBefore(object, standing)) holders.set(claim, object);
    }
  }
  return holders;
}

function isBefore({ metadata: one }: Claimant, { metadata: other }: Claimant): boolean {
  if (one.creationTimestamp !== other.creationTimestamp) {
    return one.creationTimestamp < other.creationTimestamp;
  }
  return one.name < other.name;
}
