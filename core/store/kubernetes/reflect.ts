/**
 * Following one collection of the API server: list, then watch from the list's version on. A watch that ends at the time
 * asked for goes on where it was; after anything else (410, refused, reset, silent, garbled) everything is listed anew, so
 * that whatever was missed shows in the difference.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GleipnirError } from '../../runtime/errors.ts';
import { messageOf, unavailable, type KubernetesClient, type KubernetesRequest } from './client.ts';
import type { KubernetesMetrics } from './metrics.ts';
import { splitLines } from './split-lines.ts';

/** Times of the loop, in ms unless they say otherwise. */
export interface ReflectTimes {
  /** First wait after a fault; doubled with each further one. */
  retryMinMs: number;
  retryMaxMs: number;
  /** Longest wait that a throttling server may ask for. */
  throttledMaxMs: number;
  /** How long a watch may be silent; the server sends a bookmark each minute. */
  idleMs: number;
  /** How long one watch lasts, in s. */
  watchSeconds: number;
  /** Shortest time between the starts of two watches. */
  watchMinMs: number;
}

export const REFLECT_TIMES: ReflectTimes = {
  retryMinMs: 100,
  retryMaxMs: 1_500,
  throttledMaxMs: 10_000,
  idleMs: 90_000,
  watchSeconds: 290,
  watchMinMs: 100,
};

/** Objects in one answer of a list. */
const PAGE_OBJECTS = 1_000;
/** Longest line of a watch: an object has at most 1.5 MiB, which JSON may make several times as long. */
const LINE_CHARACTERS_MAX = 16 * 1024 * 1024;

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface ReflectDeps {
  client: KubernetesClient;
  metrics: KubernetesMetrics;
  kind: string;
  /** Path of the collection. */
  path: string;
  times: ReflectTimes;
  /** Called before the first page of a list is asked for. */
  onListing: () => void;
  /** Called with the objects of each page, and with the list's version once there are no more. */
  onPage: (objects: readonly unknown[], version: string | undefined) => void;
  onEvent: (type: WatchEventType, object: unknown) => void;
  onBookmark: (version: string) => void;
  /** Told what went wrong each time, and `undefined` whenever a watch stands. */
  onState: (fault: unknown) => void;
}

/** Runs until `signal` says so. Never rejects. */
export async function reflect(deps: ReflectDeps, signal: AbortSignal): Promise<void> {
  const { times, metrics, kind } = deps;
  let retryMs = times.retryMinMs;
  const follow = async (): Promise<never> => {
    let version = await list(deps, signal);
    for (;;) {
      const pause = sleep(times.watchMinMs, undefined, { signal });
      pause.catch(() => undefined);
      version = await watch(deps, version, signal);
      retryMs = times.retryMinMs;
      metrics.watchRestarts.inc({ kind, cause: 'planned' });
      await pause;
    }
  };
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    try {
      await follow();
    } catch (fault) {
      if (isOver()) return;
      metrics.watchRestarts.inc({ kind, cause: 'broken' });
      deps.onState(fault);
      const waitMs = Math.max(retryMs, Math.min(times.throttledMaxMs, askedWaitMs(fault)));
      retryMs = Math.min(times.retryMaxMs, retryMs * 2);
      await sleep(waitMs * (0.75 + Math.random() / 4), undefined, { signal }).catch(() => undefined);
    }
  }
}

/** @returns the version from which to watch. */
async function list(deps: ReflectDeps, signal: AbortSignal): Promise<string> {
  const { client, kind, path } = deps;
  deps.onListing();
  let token = '';
  for (;;) {
    const query = new URLSearchParams({
      limit: String(PAGE_OBJECTS),
      ...(token === '' ? {} : { continue: token }),
    });
    const request: KubernetesRequest = {
      verb: 'list',
      kind,
      method: 'GET',
      path: `${path}?${query.toString()}`,
    };
    const { status, body } = await client.request(request, signal);
    const { metadata, items } = body as { metadata?: ListMeta; items?: unknown };
    if (status !== 200 || !Array.isArray(items) || metadata?.resourceVersion === undefined) {
      throw unavailable(request, { status, answer: messageOf(body) });
    }
    token = metadata.continue ?? '';
    deps.onPage(items, token === '' ? metadata.resourceVersion : undefined);
    if (token === '') return metadata.resourceVersion;
  }
}

interface ListMeta {
  resourceVersion?: string;
  continue?: string;
}

/** @returns the version to go on from, when the server ended the watch in order. */
async function watch(deps: ReflectDeps, from: string, signal: AbortSignal): Promise<string> {
  const { client, kind, path, times } = deps;
  const query = new URLSearchParams({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: from,
    timeoutSeconds: String(times.watchSeconds),
  });
  const request: KubernetesRequest = {
    verb: 'watch',
    kind,
    method: 'GET',
    path: `${path}?${query.toString()}`,
  };
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort(new Error('the watch was silent for too long'));
  }, times.idleMs);
  try {
    const response = await client.open(request, AbortSignal.any([signal, silence.signal]));
    if (response.statusCode !== 200) {
      const { status, body, retryMs } = await client.read(response, request);
      throw unavailable(request, { status, retryMs, answer: messageOf(body) });
    }
    deps.onState(undefined);
    let version = from;
    for await (const line of splitLines(response, LINE_CHARACTERS_MAX)) {
      timer.refresh();
      version = take(deps, request, line);
    }
    return version;
  } finally {
    clearTimeout(timer);
  }
}

interface WatchLine {
  type: WatchEventType | 'BOOKMARK' | 'ERROR';
  object: { metadata?: ListMeta; code?: number; message?: string };
}

/** @returns the version that the line says. */
function take(deps: ReflectDeps, request: KubernetesRequest, line: string): string {
  const { type, object } = JSON.parse(line) as WatchLine;
  const version = object.metadata?.resourceVersion;
  if (type === 'ERROR' || version === undefined) {
    throw unavailable(request, { status: object.code ?? 0, answer: messageOf(object) });
  }
  if (type === 'BOOKMARK') deps.onBookmark(version);
  else deps.onEvent(type, object);
  return version;
}

/** How long the server asks to wait, in ms. */
function askedWaitMs(fault: unknown): number {
  const asked = fault instanceof GleipnirError ? fault.details['retryMs'] : 0;
  return typeof asked === 'number' ? asked : 0;
}
