/** The Moonlight app id of a title: the same for every host that offers it, and after every restart. */
import { createHash } from 'node:crypto';

/** First 31 bits of the title's SHA-256, at least 1: clients want a positive number, and 0 means "no game". */
export function appIdOf(title: string): number {
  return createHash('sha256').update(title).digest().readUInt32BE() >>> 1 || 1;
}
