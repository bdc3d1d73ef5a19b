/** The object store: where the wanted state lives (Kubernetes API, or a local directory in the appliance). */
import type { Kind, ObjectOf } from '../crd/types.ts';

/** One change of one object. `object` is its state after the change, or its last state when deleted. */
export interface ObjectEvent<T> {
  type: 'added' | 'modified' | 'deleted';
  object: T;
}

/** What a caller says to create an object; the store adds uid, generation and creationTimestamp. */
export interface NewObject<K extends Kind> {
  name: string;
  labels?: Record<string, string>;
  spec: ObjectOf[K]['spec'];
}

/** The status of a kind, as it is written. */
export type StatusOf<K extends Kind> = ObjectOf[K] extends { status?: infer S } ? NonNullable<S> : never;

/**
 * The objects of one kind. Reads are answered from this process's own copy, which has at least what its own writes
 * returned. Each method may also reject with OBJECTS_UNAVAILABLE where the objects are kept elsewhere.
 */
export interface ObjectStore<K extends Kind> {
  get: (name: string) => Promise<ObjectOf[K] | undefined>;
  list: () => Promise<ObjectOf[K][]>;
  /** @throws GleipnirError OBJECT_EXISTS */
  create: (object: NewObject<K>) => Promise<ObjectOf[K]>;
  /**
   * Replaces the spec and, where it differs, raises `metadata.generation` by one; an equal spec changes nothing.
   *
   * @throws GleipnirError OBJECT_NOT_FOUND
   */
  update: (name: string, spec: ObjectOf[K]['spec']) => Promise<ObjectOf[K]>;
  /** Replaces the status; an equal one changes nothing. @throws GleipnirError OBJECT_NOT_FOUND */
  patchStatus: (name: string, status: StatusOf<K>) => Promise<ObjectOf[K]>;
  /** Idempotent. */
  delete: (name: string) => Promise<void>;
  /** Calls `listener` after each change, in order, never for what stood before. @returns how to stop. */
  watch: (listener: (event: ObjectEvent<ObjectOf[K]>) => void) => () => void;
}
