/** A scripted API server on loopback, for what a real one does only on a bad day: throttling, silence, broken answers. */
import { KubeConfig } from '@kubernetes/client-node';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { SAMPLES } from '../../crd/samples.ts';
import { API_VERSION } from '../../crd/types.ts';
import { createLogger } from '../../runtime/log.ts';
import { KubernetesClient } from './client.ts';
import { createKubernetesMetrics } from './metrics.ts';
import type { ReflectTimes } from './reflect.ts';
import { KubernetesStore } from './store.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A whole answer. */
export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(status, headers).end(JSON.stringify(body));
}

/** A list of Sessions at a version. */
export function listOf(version: number, ...items: object[]): Answer {
  return answer(200, { metadata: { resourceVersion: String(version) }, items });
}

/** Lines of a watch; `end` says how it goes on after them. */
export function watchOf(lines: readonly unknown[], end: 'stays' | 'ends' | 'breaks' = 'stays'): Answer {
  return (response) => {
    response.writeHead(200);
    response.flushHeaders();
    for (const line of lines) response.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
    if (end === 'ends') response.end();
    // What was written must be out before the connection is cut.
    if (end === 'breaks') response.write('', () => response.destroy());
  };
}

/** A Session as the server sends it. */
export function rawSession(name: string, version: number, changes: object = {}): object {
  const metadata = {
    name,
    uid: `${name}-1`,
    resourceVersion: String(version),
    generation: 1,
    creationTimestamp: '',
  };
  return { apiVersion: API_VERSION, kind: 'Session', metadata, spec: SAMPLES.Session.spec, ...changes };
}

export class ScriptedApiServer {
  /** Method and query-less path of everything that was asked. */
  readonly asked: string[] = [];
  readonly #script: Answer[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://server');
      this.asked.push(url.searchParams.has('watch') ? 'WATCH' : `${request.method ?? ''} ${url.pathname}`);
      const next = this.#script.shift();
      if (next === undefined) watchOf([])(response, request);
      else next(response, request);
    });
  }

  /** Answers the next requests so; every further one gets headers and then silence. */
  script(...answers: Answer[]): void {
    this.#script.push(...answers);
  }

  async start(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
}

/** A store of Sessions at `http://127.0.0.1:port`, and what it counts. */
export function sessionsAt(
  port: number,
  times: Partial<ReflectTimes> = {},
  requestMs = 2_000,
): { store: KubernetesStore<'Session'>; client: KubernetesClient; register: Registry } {
  const kubeConfig = new KubeConfig();
  const cluster = { name: 'scripted', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
  kubeConfig.loadFromClusterAndUser(cluster, { name: 'user', token: 'token' });
  const register = new Registry();
  const metrics = createKubernetesMetrics(register);
  const client = new KubernetesClient({ kubeConfig, metrics, requestMs });
  const store = new KubernetesStore({
    kind: 'Session',
    namespace: 'default',
    client,
    metrics,
    log: createLogger('silent'),
    times: { retryMinMs: 5, retryMaxMs: 20, watchMinMs: 1, ...times },
  });
  return { store, client, register };
}
