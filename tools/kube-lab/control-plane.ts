/**
 * A real etcd and a real kube-apiserver as child processes on one address: enough for stores and controllers. Users are
 * tokens; the server signs its own certificate.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { KUBELAB } from './binary.ts';

/** How long etcd and the API server may take to be ready, in ms. */
const START_MS = 90_000;
const POLL_MS = 100;

export interface ControlPlaneOptions {
  /** Holds data, logs and credentials; must exist. */
  folder: string;
  address?: string;
  /** Ctrl-C does not reach it: whoever started it ends it. */
  isDetached?: boolean;
}

/** Who asks. Groups as in Kubernetes; `system:masters` may do everything. */
interface LabUser {
  name: string;
  groups: readonly string[];
}

const ADMIN: LabUser = { name: 'admin', groups: ['system:masters'] };

export class ControlPlane {
  readonly #folder: string;
  readonly #address: string;
  readonly #isDetached: boolean;
  readonly #token = randomUUID();
  #ports = { api: 0, etcd: 0, etcdPeer: 0 };
  #etcd: ChildProcess | undefined;
  #apiServer: ChildProcess | undefined;

  constructor({ folder, address = '127.0.0.1', isDetached = false }: ControlPlaneOptions) {
    this.#folder = folder;
    this.#address = address;
    this.#isDetached = isDetached;
  }

  /** Where the API server listens. */
  get apiPort(): number {
    return this.#ports.api;
  }

  /** etcd's client URL, which speaks gRPC and JSON. */
  get etcdUrl(): string {
    return `http://${this.#address}:${this.#ports.etcd}`;
  }

  async start(): Promise<void> {
    const [api = 0, etcd = 0, etcdPeer = 0] = await freePorts(this.#address, 3);
    this.#ports = { api, etcd, etcdPeer };
    mkdirSync(join(this.#folder, 'pki'), { recursive: true });
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    writeFileSync(this.#path('pki/sa.key'), privateKey, { mode: 0o600 });
    const users = `${this.#token},${ADMIN.name},${ADMIN.name},"${ADMIN.groups.join(',')}"\n`;
    writeFileSync(this.#path('pki/tokens.csv'), users, { mode: 0o600 });
    this.#etcd = this.#run('etcd', this.#etcdArguments());
    await this.startApiServer();
  }

  async stop(): Promise<void> {
    await this.killApiServer();
    if (this.#etcd !== undefined) await end(this.#etcd);
  }

  /** Starts it, for the first time or again, and waits until it is ready. */
  async startApiServer(): Promise<void> {
    const process = this.#run('apiserver', this.#apiServerArguments());
    this.#apiServer = process;
    const deadline = AbortSignal.timeout(START_MS);
    while (!(await this.#isReady())) {
      if (process.exitCode !== null || deadline.aborted) {
        throw new Error(
          `the API server does not start: ${readFileSync(this.#path('apiserver.log'), 'utf8').slice(-2_000)}`,
        );
      }
      await sleep(POLL_MS);
    }
  }

  /** Ends it as `kill -9` does. */
  async killApiServer(): Promise<void> {
    if (this.#apiServer !== undefined) await end(this.#apiServer);
    this.#apiServer = undefined;
  }

  /** Stops it as it stands: connections stay open and nothing answers. */
  pauseApiServer(): void {
    this.#apiServer?.kill('SIGSTOP');
  }

  resumeApiServer(): void {
    this.#apiServer?.kill('SIGCONT');
  }

  /** Writes a kubeconfig of the admin and returns its path. @param port where the API server is reached, if not directly. */
  kubeconfig(port = this.#ports.api): string {
    const path = this.#path(`admin-${port}.kubeconfig`);
    const cluster = {
      server: `https://${this.#address}:${port}`,
      'certificate-authority': this.#path('pki/apiserver.crt'),
    };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'lab', cluster }],
      users: [{ name: ADMIN.name, user: { token: this.#token } }],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: ADMIN.name, namespace: 'default' } }],
      'current-context': 'lab',
    };
    writeFileSync(path, stringify(config), { mode: 0o600 });
    return path;
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #run(part: string, args: readonly string[]): ChildProcess {
    const log = openSync(this.#path(`${part}.log`), 'a');
    const options = { cwd: this.#folder, detached: this.#isDetached };
    const child = spawn(KUBELAB, [part, ...args], { ...options, stdio: ['ignore', log, log] });
    closeSync(log);
    return child;
  }

  #etcdArguments(): string[] {
    const peer = `http://${this.#address}:${this.#ports.etcdPeer}`;
    return [
      '--data-dir=etcd',
      `--listen-client-urls=${this.etcdUrl}`,
      `--advertise-client-urls=${this.etcdUrl}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ];
  }

  #apiServerArguments(): string[] {
    return [
      `--etcd-servers=${this.etcdUrl}`,
      `--bind-address=${this.#address}`,
      `--advertise-address=${this.#address}`,
      `--secure-port=${this.#ports.api}`,
      '--endpoint-reconciler-type=none',
      '--cert-dir=pki',
      '--token-auth-file=pki/tokens.csv',
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-account-key-file=pki/sa.key',
      '--service-account-signing-key-file=pki/sa.key',
      '--service-cluster-ip-range=10.96.0.0/24',
    ];
  }

  #isReady(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const options = {
      host: this.#address,
      port: this.#ports.api,
      path: '/readyz',
      rejectUnauthorized: false,
      timeout: 2_000,
    };
    const asked = request({ ...options, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => {
      resolve(false);
    });
    asked.end();
    return promise;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Ports of this address that nothing listens on now. */
export async function freePorts(address: string, count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, address));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
