/**
 * Requests to the Kubernetes API server as JSON. The client library says where it is and who we are (kubeconfig, service
 * account, rotated tokens and certificates); its own requests are not used, as each of its watches makes a connection
 * pool that is never closed, and its informer stops for good at most errors.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { GleipnirError } from '../../runtime/errors.ts';
import type { KubernetesMetrics, RequestOutcome, Verb } from './metrics.ts';

/** Connections at once, watches included; further requests wait for one, no longer than any request may take. */
const SOCKETS_MAX = 32;
/** Longest body that is read whole: an object has at most 1.5 MiB, and a list is asked for in pages. */
const BODY_BYTES_MAX = 256 * 1024 * 1024;
/** How long a throttled request waits where the server does not say. */
const RETRY_AFTER_MS = 1_000;

export interface KubernetesRequest {
  verb: Verb;
  /** For the metrics. */
  kind: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Path and query. */
  path: string;
  body?: unknown;
  /** JSON where absent. */
  contentType?: string;
  /** JSON where absent. */
  accept?: string;
}

export interface KubernetesAnswer {
  status: number;
  /** The object, the list, or the Status that says what is wrong; `undefined` if it was no JSON. */
  body: unknown;
}

export interface KubernetesClientDeps {
  kubeConfig: KubeConfig;
  metrics: KubernetesMetrics;
  /** How long a request may take with all its retries, in ms. A throttled one is repeated until then. */
  requestMs?: number;
}

export class KubernetesClient {
  readonly #deps: KubernetesClientDeps;
  readonly #server: URL;
  readonly #agent: HttpAgent;
  readonly #requestMs: number;

  constructor(deps: KubernetesClientDeps) {
    this.#deps = deps;
    this.#requestMs = deps.requestMs ?? 10_000;
    this.#server = new URL(deps.kubeConfig.getCurrentCluster()?.server ?? '');
    const options = {
      keepAlive: true,
      keepAliveMsecs: 30_000,
      maxSockets: SOCKETS_MAX,
      maxFreeSockets: SOCKETS_MAX,
    };
    this.#agent = this.#server.protocol === 'http:' ? new HttpAgent(options) : new HttpsAgent(options);
  }

  /** Ends the connections, requests under way included. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * Asks once, and again while the server is throttling (429), as late as it says.
   *
   * @param signal ends it early.
   * @returns any answer below 500.
   * @throws GleipnirError OBJECTS_UNAVAILABLE when there is none, with the `status` that came instead, if one did. A write may
   * then have been done or not.
   */
  async request(request: KubernetesRequest, signal?: AbortSignal): Promise<KubernetesAnswer> {
    const timeout = AbortSignal.timeout(this.#requestMs);
    const deadline = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    for (;;) {
      const { status, body, retryMs } = await this.read(await this.open(request, deadline), request);
      if (status !== 429 && status < 500) return { status, body };
      const fault = unavailable(request, { status, answer: messageOf(body) });
      if (status !== 429) throw fault;
      await sleep(retryMs, undefined, { signal: deadline }).catch(() => {
        throw fault;
      });
    }
  }

  /**
   * Asks and hands out the response as it begins, whatever its status: for watches.
   *
   * @param signal ends the request and the response's body.
   * @throws GleipnirError OBJECTS_UNAVAILABLE when nothing answers.
   */
  async open(request: KubernetesRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { verb, kind } = request;
    const count = (outcome: RequestOutcome): void => {
      this.#deps.metrics.requests.inc({ verb, kind, outcome });
    };
    try {
      const response = await this.#send(request, signal);
      count(outcomeOf(response.statusCode ?? 0));
      return response;
    } catch (cause) {
      count('unreachable');
      throw unavailable(request, {}, cause);
    }
  }

  /**
   * Reads the rest of a response.
   *
   * @throws GleipnirError OBJECTS_UNAVAILABLE when it breaks off, or is not an object's or a page's size.
   */
  async read(
    response: IncomingMessage,
    request: KubernetesRequest,
  ): Promise<KubernetesAnswer & { retryMs: number }> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > BODY_BYTES_MAX) throw new Error('the answer is too long');
        chunks.push(chunk);
      }
    } catch (cause) {
      throw unavailable(request, {}, cause);
    }
    const status = response.statusCode ?? 0;
    return { status, body: parseJson(Buffer.concat(chunks).toString()), retryMs: retryAfterMs(response) };
  }

  async #send(request: KubernetesRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const options: RequestOptions = {};
    await this.#deps.kubeConfig.applyToHTTPSOptions(options);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = {
      ...(options.headers as OutgoingHttpHeaders | undefined),
      // A renewed watch may then reach another API server behind the same address.
      ...(request.verb === 'watch' ? { connection: 'close' } : {}),
      accept: request.accept ?? 'application/json',
      ...(body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
    };
    const { method, path } = request;
    const send = this.#server.protocol === 'http:' ? httpRequest : httpsRequest;
    const url = new URL(this.#server.pathname.replace(/\/$/, '') + path, this.#server);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    send(url, { ...options, agent: this.#agent, method, headers, signal })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
    return promise;
  }
}

function outcomeOf(status: number): RequestOutcome {
  if (status < 400) return 'ok';
  if (status === 429) return 'throttled';
  if (status === 409) return 'conflict';
  return status < 500 ? 'refused' : 'failed';
}

/** How long the server asks to wait, in ms. */
function retryAfterMs({ headers, statusCode }: IncomingMessage): number {
  const seconds = Number(headers['retry-after']);
  if (seconds > 0) return seconds * 1_000;
  return statusCode === 429 ? RETRY_AFTER_MS : 0;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** What a Status says for a person. */
export function messageOf(body: unknown): string {
  const { message } = (body ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : '';
}

/** What is thrown when there is no use in the answer, or none. */
export function unavailable(
  { verb, kind }: Pick<KubernetesRequest, 'verb' | 'kind'>,
  details: Record<string, string | number>,
  cause?: unknown,
): GleipnirError {
  const message = 'The Kubernetes API server does not answer as it should';
  return new GleipnirError('OBJECTS_UNAVAILABLE', message, { verb, kind, ...details }, { cause });
}
