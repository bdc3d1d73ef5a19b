/** Objects as the API server sends them, as entries of the cache. */
import { z } from 'zod';
import type { Kind, ObjectOf } from '../../crd/types.ts';
import { parseObject } from '../parse.ts';
import type { Entry } from './cache.ts';

/** What every object of Kubernetes has. Versions are whole numbers that only grow (KEP-5504). */
const Envelope = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string().regex(/^[0-9]{1,20}$/),
    deletionTimestamp: z.string().optional(),
  }),
});

/** Never throws. @returns `problems` says why the entry has no object, or why there is no entry. */
export function readEntry<K extends Kind>(
  kind: K,
  raw: unknown,
): { name: string; entry?: Entry<ObjectOf[K]>; problems?: string } {
  const envelope = Envelope.safeParse(raw);
  if (!envelope.success) return { name: '', problems: z.prettifyError(envelope.error) };
  const { name, uid, resourceVersion, deletionTimestamp } = envelope.data.metadata;
  const parsed = parseObject(kind, { ...(raw as object), kind });
  const entry = {
    name,
    uid,
    version: BigInt(resourceVersion),
    isTerminating: deletionTimestamp !== undefined,
  };
  if ('object' in parsed) return { name, entry: { ...entry, object: parsed.object } };
  return { name, entry: { ...entry, object: undefined }, problems: parsed.problems };
}
