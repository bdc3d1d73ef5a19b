/**
 * The object store in a local directory: one YAML file per object, `<plural>/<name>.yaml`.
 *
 * Everything is read and validated once, at start, and kept in memory; this process is the only writer. Each
 * write replaces its file in one step, so a crash at any byte leaves the old object or the new one.
 */
import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'yaml';
import { API_VERSION, KINDS, type Kind, type ObjectOf } from '../crd/types.ts';
import { GleipnirError } from '../runtime/errors.ts';
import { makeFolder, writeFileAtomic } from '../runtime/files.ts';
import { workOnFile } from '../runtime/system-errors.ts';
import { Listeners } from '../runtime/listeners.ts';
import type { NewObject, ObjectEvent, ObjectStore, StatusOf } from './object-store.ts';
import { parseObject, validObject } from './parse.ts';
import { WriteQueue } from './write-queue.ts';

const FILE_SUFFIX = '.yaml';
const LEFTOVER_SUFFIX = '.tmp';

export interface LocalStoreDeps<K extends Kind> {
  kind: K;
  /** Holds a folder for each kind; created if missing. */
  directory: string;
  /** For creationTimestamp. */
  now: () => Date;
  /** Told what a watcher threw; other watchers and the writer never notice. Default: a process warning. */
  onListenerError?: (error: unknown) => void;
}

/**
 * Opens the objects of one kind. At most one store may be open for a kind and directory.
 *
 * @throws GleipnirError FILE_UNUSABLE; OBJECT_CORRUPT naming the file that is no valid object of this kind.
 */
export async function createLocalStore<K extends Kind>(deps: LocalStoreDeps<K>): Promise<ObjectStore<K>> {
  const folder = join(deps.directory, KINDS[deps.kind].plural);
  return new LocalStore(deps, folder, await loadObjects(deps.kind, folder));
}

class LocalStore<K extends Kind> implements ObjectStore<K> {
  readonly #deps: LocalStoreDeps<K>;
  readonly #folder: string;
  /** By name; bounded by what the disk holds. */
  readonly #objects: Map<string, ObjectOf[K]>;
  readonly #writes = new WriteQueue();
  readonly #listeners: Listeners<ObjectEvent<ObjectOf[K]>>;

  constructor(deps: LocalStoreDeps<K>, folder: string, objects: Map<string, ObjectOf[K]>) {
    this.#deps = deps;
    this.#listeners = new Listeners(deps.onListenerError);
    this.#folder = folder;
    this.#objects = objects;
  }

  readonly get = (name: string): Promise<ObjectOf[K] | undefined> => Promise.resolve(this.#objects.get(name));

  readonly list = (): Promise<ObjectOf[K][]> => Promise.resolve([...this.#objects.values()]);

  readonly create = (object: NewObject<K>): Promise<ObjectOf[K]> =>
    this.#writes.run(object.name, async () => {
      if (this.#objects.has(object.name)) {
        throw new GleipnirError('OBJECT_EXISTS', 'An object of this name exists', this.#nameOf(object.name));
      }
      const { name, labels, spec } = object;
      const metadata = {
        name,
        uid: randomUUID(),
        generation: 1,
        creationTimestamp: this.#deps.now().toISOString(),
        ...(labels === undefined ? {} : { labels }),
      };
      return this.#store('added', { kind: this.#deps.kind, metadata, spec });
    });

  readonly update = (name: string, spec: ObjectOf[K]['spec']): Promise<ObjectOf[K]> =>
    this.#writes.run(name, async () => {
      const standing = this.#standing(name);
      if (isDeepStrictEqual(spec, standing.spec)) return standing;
      const metadata = { ...standing.metadata, generation: standing.metadata.generation + 1 };
      return this.#store('modified', { ...standing, metadata, spec });
    });

  readonly patchStatus = (name: string, status: StatusOf<K>): Promise<ObjectOf[K]> =>
    this.#writes.run(name, async () => {
      const standing = this.#standing(name);
      if (isDeepStrictEqual(status, standing.status)) return standing;
      return this.#store('modified', { ...standing, status });
    });

  readonly delete = (name: string): Promise<void> =>
    this.#writes.run(name, async () => {
      const object = this.#objects.get(name);
      if (object === undefined) return;
      await rm(this.#pathOf(name), { force: true });
      await syncDirectory(this.#folder);
      this.#objects.delete(name);
      this.#listeners.tell({ type: 'deleted', object });
    });

  readonly watch = (listener: (event: ObjectEvent<ObjectOf[K]>) => void): (() => void) =>
    this.#listeners.add(listener);

  #standing(name: string): ObjectOf[K] {
    const object = this.#objects.get(name);
    if (object !== undefined) return object;
    throw new GleipnirError('OBJECT_NOT_FOUND', 'There is no object of this name', this.#nameOf(name));
  }

  async #store(type: 'added' | 'modified', candidate: object): Promise<ObjectOf[K]> {
    const object = validObject(this.#deps.kind, candidate);
    const { name } = object.metadata;
    await writeFileAtomic(this.#pathOf(name), stringify({ apiVersion: API_VERSION, ...object }));
    this.#objects.set(name, object);
    this.#listeners.tell({ type, object });
    return object;
  }

  #pathOf(name: string): string {
    return join(this.#folder, name + FILE_SUFFIX);
  }

  #nameOf(name: string): { kind: string; name: string } {
    return { kind: this.#deps.kind, name };
  }
}

async function loadObjects<K extends Kind>(kind: K, folder: string): Promise<Map<string, ObjectOf[K]>> {
  await makeFolder(folder);
  const objects = new Map<string, ObjectOf[K]>();
  for (const file of (await workOnFile(folder, () => readdir(folder))).sort()) {
    if (file.endsWith(LEFTOVER_SUFFIX)) await rm(join(folder, file), { force: true });
    if (!file.endsWith(FILE_SUFFIX)) continue;
    const object = await loadObject(kind, join(folder, file));
    objects.set(object.metadata.name, object);
    if (file !== object.metadata.name + FILE_SUFFIX)
      throw corrupt(file, 'metadata.name is not the name of the file');
  }
  return objects;
}

async function loadObject<K extends Kind>(kind: K, path: string): Promise<ObjectOf[K]> {
  const text = await workOnFile(path, () => readFile(path, 'utf8'));
  let document: unknown;
  try {
    document = parse(text, { logLevel: 'error' });
  } catch (cause) {
    throw corrupt(path, 'not readable as YAML', cause);
  }
  const parsed = parseObject(kind, document);
  if ('problems' in parsed) throw corrupt(path, parsed.problems);
  return parsed.object;
}

function corrupt(file: string, problems: string, cause?: unknown): GleipnirError {
  return new GleipnirError('OBJECT_CORRUPT', 'A stored object is damaged', { file, problems }, { cause });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}
