/**
 * This process's copy of one kind's objects, put together from three sources that overtake each other: lists, the watch,
 * and the answers to our own writes. Each says a state of an object at a resourceVersion; versions only grow, so the copy
 * can tell what is old news, and every change comes out as an event exactly once. Pure: no I/O.
 */
import type { ObjectEvent } from '../object-store.ts';

/** One state of one object. */
export interface Entry<T> {
  name: string;
  uid: string;
  version: bigint;
  /** Whether it is being deleted and only waits for finalizers: to us it is gone. */
  isTerminating: boolean;
  /** `undefined` when the object is not valid; the last valid state then stands. */
  object: T | undefined;
}

interface Cached<T> extends Entry<T> {
  object: T;
}

export class ObjectCache<T> {
  /** By name; bounded by the objects of the namespace. */
  readonly #cached = new Map<string, Cached<T>>();
  /** Last known version, by uid, of the objects that we deleted and whose end neither a list nor the watch has told yet. */
  readonly #deleted = new Map<string, bigint>();
  /** Everything up to here has been told by lists and the watch. */
  #position = 0n;

  get(name: string): Cached<T> | undefined {
    return this.#cached.get(name);
  }

  list(): T[] {
    return [...this.#cached.values()].map(({ object }) => object);
  }

  /** Everything up to this version has been seen. */
  get position(): bigint {
    return this.#position;
  }

  /**
   * Takes a whole list.
   *
   * @param version of the list.
   * @param since our position when it was asked for: a list from before that means that the server lost its past, and
   * then the list alone counts.
   */
  listed(entries: readonly Entry<T>[], version: bigint, since: bigint): ObjectEvent<T>[] {
    const events: ObjectEvent<T>[] = [];
    const isNewer = (cached: Cached<T>): boolean => version >= since && cached.version > version;
    const standing = entries.filter(({ isTerminating, uid }) => !isTerminating && !this.#deleted.has(uid));
    const names = new Set(standing.map(({ name }) => name));
    for (const cached of [...this.#cached.values()]) {
      if (!names.has(cached.name) && !isNewer(cached)) events.push(...this.#remove(cached.name));
    }
    for (const entry of standing) {
      const cached = this.#cached.get(entry.name);
      if (cached !== undefined && (isNewer(cached) || cached.version === entry.version)) continue;
      events.push(...this.#put(entry));
    }
    this.#forgetDeleted(entries, version, since);
    this.#position = version;
    return events;
  }

  /** Takes ADDED and MODIFIED of the watch. */
  changed(entry: Entry<T>): ObjectEvent<T>[] {
    this.passed(entry.version);
    return this.#apply(entry);
  }

  /** Takes DELETED of the watch; `entry` is the last state, under the version of the deletion. */
  removed({ name, uid, version }: Entry<T>): ObjectEvent<T>[] {
    this.passed(version);
    this.#deleted.delete(uid);
    const cached = this.#cached.get(name);
    return cached === undefined || cached.version >= version ? [] : this.#remove(name);
  }

  /** Takes a bookmark of the watch. */
  passed(version: bigint): void {
    if (version > this.#position) this.#position = version;
  }

  /** Takes the answer to a write of ours, unless the watch was faster. */
  written(entry: Entry<T>): ObjectEvent<T>[] {
    return entry.version > this.#position ? this.#apply(entry) : [];
  }

  /** Takes that the object which had this uid is deleted, before the watch says so. */
  deleted(name: string, uid: string): ObjectEvent<T>[] {
    const cached = this.#cached.get(name);
    if (cached?.uid !== uid) return [];
    this.#deleted.set(uid, cached.version);
    return this.#remove(name);
  }

  /** What the list could have held, and has not, has ended before it: the watch will not tell that any more. */
  #forgetDeleted(entries: readonly Entry<T>[], version: bigint, since: bigint): void {
    const uids = new Set(entries.map(({ uid }) => uid));
    for (const [uid, last] of this.#deleted) {
      if (version < since || (last <= version && !uids.has(uid))) this.#deleted.delete(uid);
    }
  }

  #apply(entry: Entry<T>): ObjectEvent<T>[] {
    const cached = this.#cached.get(entry.name);
    const isOld = cached !== undefined && cached.version >= entry.version;
    if (isOld || this.#deleted.has(entry.uid)) return [];
    return entry.isTerminating ? this.#remove(entry.name) : this.#put(entry);
  }

  #put({ object, ...entry }: Entry<T>): ObjectEvent<T>[] {
    const cached = this.#cached.get(entry.name);
    if (cached !== undefined && cached.uid !== entry.uid) {
      return [...this.#remove(entry.name), ...this.#put({ object, ...entry })];
    }
    const stands = object ?? cached?.object;
    if (stands === undefined) return [];
    this.#cached.set(entry.name, { ...entry, object: stands });
    if (object === undefined) return [];
    return [{ type: cached === undefined ? 'added' : 'modified', object }];
  }

  #remove(name: string): ObjectEvent<T>[] {
    const cached = this.#cached.get(name);
    this.#cached.delete(name);
    return cached === undefined ? [] : [{ type: 'deleted', object: cached.object }];
  }
}
