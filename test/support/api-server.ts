/** What the tests of Kubernetes share: a control plane with our kinds, stores on it, and a line that can be cut. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { parseAllDocuments } from 'yaml';
import type { Kind } from '../../core/crd/types.ts';
import { createLogger } from '../../core/runtime/log.ts';
import {
  KubernetesClient,
  type KubernetesAnswer,
  type KubernetesRequest,
} from '../../core/store/kubernetes/client.ts';
import { loadCluster } from '../../core/store/kubernetes/config.ts';
import { createKubernetesMetrics, type KubernetesMetrics } from '../../core/store/kubernetes/metrics.ts';
import type { ReflectTimes } from '../../core/store/kubernetes/reflect.ts';
import { KubernetesStore } from '../../core/store/kubernetes/store.ts';
import { ControlPlane } from '../../tools/kube-lab/control-plane.ts';
import { defineKinds } from '../../tools/kube-lab/kinds.ts';

const CRDS = join(import.meta.dirname, '../../crds');

/** The objects of a YAML file below crds/. */
export function manifestsOf(file: string): Record<string, unknown>[] {
  const documents = parseAllDocuments(readFileSync(join(CRDS, file), 'utf8'));
  return documents.map((document) => document.toJS() as Record<string, unknown>);
}

/** Kubernetes' meta.k8s.io/v1 Table. */
interface ObjectTable {
  columnDefinitions: { name: string; priority: number }[];
  rows: { cells: unknown[] }[];
}

export class ApiServer {
  readonly controlPlane: ControlPlane;
  readonly #folder = mkdtempSync(join(tmpdir(), 'gleipnir-kube-'));
  readonly #running: { stop: () => Promise<void> }[] = [];
  #namespaces = 0;

  constructor() {
    this.controlPlane = new ControlPlane({ folder: this.#folder });
  }

  /** Starts it and defines our kinds from the files in crds/. */
  async start(): Promise<void> {
    await this.controlPlane.start();
    await defineKinds((method, path, body) => this.ask(method, path, body));
  }

  async stop(): Promise<void> {
    await this.stopStores();
    await this.controlPlane.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Ends every store that was opened. */
  async stopStores(): Promise<void> {
    for (const each of this.#running.splice(0)) await each.stop();
  }

  /** One request as the admin. */
  async ask(
    method: KubernetesRequest['method'],
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<KubernetesAnswer> {
    return this.#once({ verb: 'get', kind: 'any', method, path, body, contentType });
  }

  async #once(request: KubernetesRequest): Promise<KubernetesAnswer> {
    const client = this.client();
    try {
      return await client.request(request);
    } finally {
      client.close();
    }
  }

  /** A collection as `kubectl get` is told to print it. */
  async table(path: string): Promise<ObjectTable> {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const request = { verb: 'list', kind: 'any', method: 'GET', path, accept } as const;
    return (await this.#once(request)).body as ObjectTable;
  }

  /** Makes a namespace that nobody used before. */
  async namespace(): Promise<string> {
    this.#namespaces += 1;
    const name = `test-${this.#namespaces}`;
    await this.ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  }

  /** A started store. */
  async open<K extends Kind>(
    kind: K,
    namespace: string,
    options: {
      port?: number;
      times?: Partial<ReflectTimes>;
      register?: Registry;
      onListenerError?: (error: unknown) => void;
    } = {},
  ): Promise<KubernetesStore<K>> {
    const {
      port = this.controlPlane.apiPort,
      times = {},
      register = new Registry(),
      onListenerError,
    } = options;
    const metrics = createKubernetesMetrics(register);
    const client = this.#client(port, metrics);
    const store = new KubernetesStore({
      kind,
      namespace,
      client,
      metrics,
      log: createLogger('silent'),
      times,
      ...(onListenerError === undefined ? {} : { onListenerError }),
    });
    const stop = async (): Promise<void> => {
      await store.stop();
      client.close();
    };
    this.#running.push({ stop });
    await store.start();
    return store;
  }

  /** A client of the admin; the caller closes it. */
  client(): KubernetesClient {
    return this.#client(this.controlPlane.apiPort, createKubernetesMetrics(new Registry()));
  }

  #client(port: number, metrics: KubernetesMetrics): KubernetesClient {
    const { kubeConfig } = loadCluster({ KUBERNETES_KUBECONFIG: this.controlPlane.kubeconfig(port) });
    return new KubernetesClient({ kubeConfig, metrics, requestMs: 5_000 });
  }
}

/** A line to a local TCP port that can be cut, and held: then new connections are taken and nothing passes. */
export class Line {
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #held: Socket[] | undefined;

  constructor(target: number) {
    this.#target = target;
    this.#server = createServer((socket) => {
      this.#track(socket);
      if (this.#held === undefined) this.#join(socket);
      else this.#held.push(socket);
    });
  }

  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
    this.cut();
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Lets nothing through on connections that come from now on, until `release`. */
  hold(): void {
    this.#held = [];
  }

  get heldCount(): number {
    return this.#held?.filter(({ destroyed }) => !destroyed).length ?? 0;
  }

  release(): void {
    for (const socket of this.#held ?? []) this.#join(socket);
    this.#held = undefined;
  }

  #join(socket: Socket): void {
    const onward = connect(this.#target, '127.0.0.1');
    this.#track(onward);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
