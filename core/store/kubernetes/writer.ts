/** Writing objects of one kind: each write says exactly what it changes, of which version, and looks again at a conflict. */
import { API_VERSION, ObjectMeta, type Kind, type ObjectOf } from '../../crd/types.ts';
import { GleipnirError } from '../../runtime/errors.ts';
import type { NewObject, StatusOf } from '../object-store.ts';
import { validObject } from '../parse.ts';
import type { Entry } from './cache.ts';
import {
  messageOf,
  unavailable,
  type KubernetesAnswer,
  type KubernetesClient,
  type KubernetesRequest,
} from './client.ts';
import { mergePatch } from './merge-patch.ts';

/** Times that a write looks again because somebody else wrote meanwhile. */
const CONFLICTS_MAX = 16;

export interface ObjectWriterDeps<K extends Kind> {
  client: KubernetesClient;
  kind: K;
  /** Path of the collection. */
  path: string;
  /** How long one write may take with all its requests, ms. */
  writeMs: number;
  read: (raw: unknown) => Entry<ObjectOf[K]> | undefined;
}

/** An entry that is valid. */
type Valid<K extends Kind> = Entry<ObjectOf[K]> & { object: ObjectOf[K] };

/** One part of one object, as it should be. */
export type Wanted<K extends Kind> =
  | { name: string; part: 'spec'; value: ObjectOf[K]['spec'] }
  | { name: string; part: 'status'; value: StatusOf<K> };

export class ObjectWriter<K extends Kind> {
  readonly #deps: ObjectWriterDeps<K>;

  constructor(deps: ObjectWriterDeps<K>) {
    this.#deps = deps;
  }

  /** @throws GleipnirError OBJECT_EXISTS, REQUEST_INVALID, OBJECTS_UNAVAILABLE */
  async create({ name, labels, spec }: NewObject<K>): Promise<Valid<K>> {
    const { kind, path } = this.#deps;
    const metadata = { name, ...(labels === undefined ? {} : { labels }) };
    validObject(kind, {
      kind,
      spec,
      metadata: { ...metadata, uid: 'new', generation: 1, creationTimestamp: '' },
    });
    const body = { apiVersion: API_VERSION, kind, metadata, spec };
    const request: KubernetesRequest = { verb: 'create', kind, method: 'POST', path, body };
    const answer = await this.#deps.client.request(request, this.#deadline());
    if (answer.status === 409)
      throw new GleipnirError('OBJECT_EXISTS', 'An object of this name exists', { kind, name });
    return this.#accept(request, answer);
  }

  /**
   * Makes one part of an object what is wanted; sends nothing where it is that already.
   *
   * @param cached what is known of the object; asked for where nothing is.
   * @throws GleipnirError OBJECT_NOT_FOUND, REQUEST_INVALID, OBJECTS_UNAVAILABLE
   */
  async replace(wanted: Wanted<K>, cached: Valid<K> | undefined): Promise<Valid<K>> {
    const { kind } = this.#deps;
    const { name, part, value } = wanted;
    const deadline = this.#deadline();
    let standing = cached ?? (await this.#fetch(name, deadline));
    validObject(kind, { ...standing.object, [part]: value });
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
      const change = mergePatch(standing.object[part] ?? {}, value);
      if (change === undefined) return standing;
      const request: KubernetesRequest = {
        verb: 'patch',
        kind,
        method: 'PATCH',
        path: this.#pathOf(name) + (part === 'status' ? '/status' : ''),
        body: { metadata: { resourceVersion: String(standing.version), uid: standing.uid }, [part]: change },
        contentType: 'application/merge-patch+json',
      };
      const answer = await this.#deps.client.request(request, deadline);
      if (answer.status !== 409) return this.#accept(request, answer);
      standing = await this.#fetch(name, deadline);
    }
    throw unavailable({ verb: 'patch', kind }, { name, status: 409, answer: 'others write it all the time' });
  }

  /** Idempotent. @throws GleipnirError OBJECTS_UNAVAILABLE */
  async delete(name: string): Promise<void> {
    if (!isName(name)) return;
    const { kind, client } = this.#deps;
    const request: KubernetesRequest = { verb: 'delete', kind, method: 'DELETE', path: this.#pathOf(name) };
    const { status, body } = await client.request(request, this.#deadline());
    if (status >= 300 && status !== 404) throw unavailable(request, { status, answer: messageOf(body) });
  }

  async #fetch(name: string, deadline: AbortSignal): Promise<Valid<K>> {
    const { kind, client } = this.#deps;
    if (!isName(name)) throw notFound(kind, name);
    const request: KubernetesRequest = { verb: 'get', kind, method: 'GET', path: this.#pathOf(name) };
    return this.#accept(request, await client.request(request, deadline));
  }

  #deadline(): AbortSignal {
    return AbortSignal.timeout(this.#deps.writeMs);
  }

  #accept(request: KubernetesRequest, { status, body }: KubernetesAnswer): Valid<K> {
    const { kind } = this.#deps;
    const answer = messageOf(body);
    if (status === 404 && request.verb !== 'create') throw notFound(kind, request.path);
    if (status === 400 || status === 422) {
      throw new GleipnirError('REQUEST_INVALID', 'The object is not valid', { problems: answer });
    }
    if (status >= 300) throw unavailable(request, { status, answer });
    const entry = this.#deps.read(body);
    const object = entry?.object;
    if (entry === undefined || object === undefined) {
      throw new GleipnirError('OBJECT_CORRUPT', 'An object in Kubernetes is not valid', {
        path: request.path,
      });
    }
    return { ...entry, object };
  }

  #pathOf(name: string): string {
    return `${this.#deps.path}/${encodeURIComponent(name)}`;
  }
}

/** An empty name would be the whole collection. */
function isName(name: string): boolean {
  return ObjectMeta.shape.name.safeParse(name).success;
}

function notFound(kind: Kind, name: string): GleipnirError {
  return new GleipnirError('OBJECT_NOT_FOUND', 'There is no object of this name', { kind, name });
}
