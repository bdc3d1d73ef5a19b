/**
 * The parts of a deployment as processes on this machine, which share a real Redis, a real API server and a few files,
 * and nothing else. Each has a loopback address of its own, so that all have their usual ports.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Registry } from 'prom-client';
import { stringify } from 'yaml';
import { KubernetesClient } from '../../core/store/kubernetes/client.ts';
import { loadCluster } from '../../core/store/kubernetes/config.ts';
import { createKubernetesMetrics } from '../../core/store/kubernetes/metrics.ts';
import type { HostSpec } from '../../operator/hosts/types.ts';
import { ControlPlane, freePorts } from '../kube-lab/control-plane.ts';
import { defineKinds, type Ask } from '../kube-lab/kinds.ts';
import { filesOf, planParts } from './layout.ts';
import { answersWell, PartProcess, type PartSpec } from './part-process.ts';

const ROOT = join(import.meta.dirname, '../..');
const REDIS_ADDRESS = '127.0.0.1';
const run = promisify(execFile);

export interface ClusterOptions {
  /** The static hosts; they may come later. */
  hosts: readonly Omit<HostSpec, 'enterPin'>[];
  /** Gets each line that a part writes. */
  onLine: (name: string, line: string) => void;
  logFormat?: 'json' | 'pretty';
  /** Further programs of this repository, started first and ended last of the parts. */
  programs?: readonly ProgramSpec[];
}

/** A program of this repository. */
export interface ProgramSpec {
  name: string;
  /** From the root. */
  file: string;
  env: Record<string, string>;
}

export class Cluster {
  readonly #options: ClusterOptions;
  /** In the order of their start; Redis is the first. */
  readonly #parts: PartProcess[] = [];
  #folder = '';
  #controlPlane: ControlPlane | undefined;
  #client: KubernetesClient | undefined;
  #redisPort = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** Resolves when every part is ready. @throws Error naming the part that is not; then nothing runs. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Resolves when every part is ready. */
  async ready(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.ready()));
  }

  /** Ends every part, in the opposite order of their start. Idempotent. */
  async stop(): Promise<void> {
    for (const part of this.#parts.splice(0).reverse()) await part.stop();
    this.#client?.close();
    await this.#controlPlane?.stop();
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true });
  }

  /** Of the processes that run. */
  pids(): Map<string, number> {
    return new Map(this.#parts.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid]])));
  }

  /** @param name `redis`, `relay-1`, `proxy-2`, `operator-1`, ... */
  part(name: string): PartProcess {
    const part = this.#parts.find((each) => each.name === name);
    if (part === undefined) throw new Error(`there is no ${name}`);
    return part;
  }

  /** Of the parts that run. */
  get controlPlane(): ControlPlane {
    if (this.#controlPlane === undefined) throw new Error('the cluster was not started');
    return this.#controlPlane;
  }

  get redisPort(): number {
    return this.#redisPort;
  }

  /** One request to the API server, as the admin. */
  readonly ask: Ask = async (method, path, body) => {
    this.#client ??= this.#createClient();
    return this.#client.request({ verb: 'get', kind: 'any', method, path, body });
  };

  async #start(): Promise<void> {
    const { hosts, logFormat = 'json', programs = [] } = this.#options;
    this.#folder = await mkdtemp(join(tmpdir(), 'gleipnir-cluster-'));
    const files = filesOf(this.#folder);
    await writeFile(files.hosts, stringify({ hosts }));
    await run(process.execPath, [join(ROOT, 'tools/identity.ts'), files.identity, files.key]);
    this.#controlPlane = new ControlPlane({ folder: this.#folder, isDetached: true });
    const redisUrl = await this.#startRedis();
    await this.#controlPlane.start();
    const kubeconfig = this.#controlPlane.kubeconfig();
    await defineKinds((method, path, body) => this.ask(method, path, body));

    for (const { name, file, env } of programs)
      this.#add(this.#program(name, file, env, () => Promise.resolve(true)));
    for (const { name, kind, readyUrl, env } of planParts({
      folder: this.#folder,
      redisUrl,
      kubeconfig,
      logFormat,
    })) {
      this.#add(this.#program(name, `${kind}/main.ts`, env, () => answersWell(readyUrl)));
    }
    await this.ready();
  }

  async #startRedis(): Promise<string> {
    const [port = 0] = await freePorts(REDIS_ADDRESS, 1);
    this.#redisPort = port;
    const where = ['--port', String(port), '--bind', REDIS_ADDRESS, '--dir', this.#folder, '--save', ''];
    const part = this.#add({
      name: 'redis',
      command: ['redis-server', ...where, '--loglevel', 'warning'],
      isReady: () => canConnect(port),
      onLine: this.#options.onLine,
    });
    await part.ready();
    return `redis://${REDIS_ADDRESS}:${port}/0`;
  }

  #program(
    name: string,
    file: string,
    env: Record<string, string>,
    isReady: () => Promise<boolean>,
  ): PartSpec {
    return {
      name,
      command: [process.execPath, join(ROOT, file)],
      env,
      isReady,
      onLine: this.#options.onLine,
    };
  }

  #add(spec: PartSpec): PartProcess {
    const part = new PartProcess(spec);
    this.#parts.push(part);
    part.start();
    return part;
  }

  #createClient(): KubernetesClient {
    const { kubeConfig } = loadCluster({ KUBERNETES_KUBECONFIG: this.controlPlane.kubeconfig() });
    return new KubernetesClient({
      kubeConfig,
      metrics: createKubernetesMetrics(new Registry()),
      requestMs: 5_000,
    });
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, REDIS_ADDRESS);
    const finish = (isUp: boolean): void => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('connect', () => {
      finish(true);
    });
    socket.once('error', () => {
      finish(false);
    });
  });
}
