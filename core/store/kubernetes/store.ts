/** The object store in Kubernetes: objects of one kind in one namespace, followed from `start` on. */
import { API_VERSION, KINDS, type Kind, type ObjectOf } from '../../crd/types.ts';
import type { Logger } from '../../runtime/log.ts';
import { GleipnirError } from '../../runtime/errors.ts';
import { Listeners } from '../../runtime/listeners.ts';
import type { NewObject, ObjectEvent, ObjectStore, StatusOf } from '../object-store.ts';
import { WriteQueue } from '../write-queue.ts';
import { ObjectCache, type Entry } from './cache.ts';
import type { KubernetesClient } from './client.ts';
import type { KubernetesMetrics } from './metrics.ts';
import { readEntry } from './read.ts';
import {
  reflect,
  REFLECT_TIMES,
  type ReflectDeps,
  type ReflectTimes,
  type WatchEventType,
} from './reflect.ts';
import { ObjectWriter } from './writer.ts';

export interface KubernetesStoreDeps<K extends Kind> {
  kind: K;
  namespace: string;
  client: KubernetesClient;
  metrics: KubernetesMetrics;
  log: Logger;
  /** Told what a watcher threw; other watchers and the store never notice. Default: a process warning. */
  onListenerError?: (error: unknown) => void;
  times?: Partial<ReflectTimes>;
  /** How long a write may take, ms; default 10 s. */
  writeMs?: number;
}

const WRITE_MS = 10_000;

export class KubernetesStore<K extends Kind> implements ObjectStore<K> {
  readonly #deps: KubernetesStoreDeps<K>;
  readonly #cache = new ObjectCache<ObjectOf[K]>();
  readonly #writer: ObjectWriter<K>;
  readonly #queue = new WriteQueue();
  readonly #listeners: Listeners<ObjectEvent<ObjectOf[K]>>;
  readonly #stopped = new AbortController();
  readonly #synced = Promise.withResolvers<undefined>();
  #following: Promise<void> | undefined;
  #hasSynced = false;
  #isFollowed = false;
  /** What was last said in the log about not following. */
  #fault: string | undefined;

  constructor(deps: KubernetesStoreDeps<K>) {
    this.#deps = deps;
    this.#listeners = new Listeners(deps.onListenerError);
    const path = `/apis/${API_VERSION}/namespaces/${deps.namespace}/${KINDS[deps.kind].plural}`;
    const { client, kind, writeMs = WRITE_MS } = deps;
    this.#writer = new ObjectWriter({ client, kind, path, writeMs, read: this.#read });
    const times = { ...REFLECT_TIMES, ...deps.times };
    this.#reflectDeps = { ...deps, path, times, ...this.#receivers() };
  }

  readonly #reflectDeps: ReflectDeps;

  /** Lists what stands and follows it, through every fault, until `stop`. Resolves once the first list is there, or on `stop`. */
  async start(): Promise<void> {
    this.#following ??= reflect(this.#reflectDeps, this.#stopped.signal);
    await Promise.race([this.#synced.promise, this.#following]);
  }

  /** Follows no longer; what was read stays readable. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#following;
    this.#isFollowed = false;
  }

  /** Whether changes arrive now: the watch stands, or is just being renewed. */
  get isFollowed(): boolean {
    return this.#isFollowed;
  }

  readonly get = (name: string): Promise<ObjectOf[K] | undefined> =>
    this.#whenSynced(() => this.#cache.get(name)?.object);

  readonly list = (): Promise<ObjectOf[K][]> => this.#whenSynced(() => this.#cache.list());

  readonly create = (object: NewObject<K>): Promise<ObjectOf[K]> =>
    this.#queue.run(object.name, async () => this.#written(await this.#writer.create(object)));

  readonly update = (name: string, spec: ObjectOf[K]['spec']): Promise<ObjectOf[K]> =>
    this.#queue.run(name, async () =>
      this.#written(await this.#writer.replace({ name, part: 'spec', value: spec }, this.#cache.get(name))),
    );

  readonly patchStatus = (name: string, status: StatusOf<K>): Promise<ObjectOf[K]> =>
    this.#queue.run(name, async () =>
      this.#written(
        await this.#writer.replace({ name, part: 'status', value: status }, this.#cache.get(name)),
      ),
    );

  readonly delete = (name: string): Promise<void> =>
    this.#queue.run(name, async () => {
      const uid = this.#cache.get(name)?.uid;
      await this.#writer.delete(name);
      if (uid !== undefined) this.#tell(this.#cache.deleted(name, uid));
    });

  readonly watch = (listener: (event: ObjectEvent<ObjectOf[K]>) => void): (() => void) =>
    this.#listeners.add(listener);

  #written(entry: Entry<ObjectOf[K]> & { object: ObjectOf[K] }): ObjectOf[K] {
    this.#tell(this.#cache.written(entry));
    const cached = this.#cache.get(entry.name);
    return cached?.version === entry.version ? cached.object : entry.object;
  }

  #whenSynced<T>(read: () => T): Promise<T> {
    if (this.#hasSynced) return Promise.resolve(read());
    const details = { kind: this.#deps.kind };
    return Promise.reject(
      new GleipnirError('OBJECTS_UNAVAILABLE', 'Objects have not been read yet', details),
    );
  }

  /** What the reflector calls: everything goes through the cache, and what it says is news is told. */
  #receivers(): Pick<ReflectDeps, 'onListing' | 'onPage' | 'onEvent' | 'onBookmark' | 'onState'> {
    let since = 0n;
    let listed: Entry<ObjectOf[K]>[] = [];
    return {
      onListing: () => {
        since = this.#cache.position;
        listed = [];
      },
      onPage: (objects, version) => {
        listed.push(...objects.flatMap((object) => this.#read(object) ?? []));
        if (version === undefined) return;
        this.#tell(this.#cache.listed(listed, BigInt(version), since));
        listed = [];
        this.#hasSynced = true;
        this.#synced.resolve(undefined);
      },
      onEvent: (type, object) => {
        this.#take(type, object);
      },
      onBookmark: (version) => {
        this.#cache.passed(BigInt(version));
      },
      onState: (fault) => {
        this.#noteState(fault);
      },
    };
  }

  #take(type: WatchEventType, object: unknown): void {
    const entry = this.#read(object);
    if (entry === undefined) return;
    this.#tell(type === 'DELETED' ? this.#cache.removed(entry) : this.#cache.changed(entry));
  }

  readonly #read = (raw: unknown): Entry<ObjectOf[K]> | undefined => {
    const { kind, metrics, log } = this.#deps;
    const { name, entry, problems } = readEntry(kind, raw);
    if (problems !== undefined) {
      metrics.badObjects.inc({ kind });
      log.warn({ kind, name, problems }, 'object skipped: it is not valid');
    }
    return entry;
  };

  #tell(events: readonly ObjectEvent<ObjectOf[K]>[]): void {
    for (const event of events) this.#listeners.tell(event);
  }

  /** One line when following breaks, and for each other reason why it stays so; one when it goes on. */
  #noteState(fault: unknown): void {
    const { kind, log } = this.#deps;
    this.#isFollowed = fault === undefined;
    const reason = fault === undefined ? undefined : describeFault(fault);
    if (reason === this.#fault) return;
    this.#fault = reason;
    if (reason === undefined) log.info({ kind }, 'objects are followed again');
    else log.warn({ kind, reason, err: fault }, 'objects are not followed');
  }
}

function describeFault(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault);
  const cause = fault.cause instanceof Error ? `: ${fault.cause.message}` : '';
  const details = fault instanceof GleipnirError ? ` ${JSON.stringify(fault.details)}` : '';
  return fault.message + details + cause;
}
