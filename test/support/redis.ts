/**
 * Real Redis servers on loopback: one, one with TLS and users, three Sentinels with a primary and two replicas, a
 * Cluster of six. Each on free ports, with its files in a folder of its own, ended by its process.
 */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, vi } from 'vitest';

export const ADDRESS = '127.0.0.1';
const run = promisify(execFile);
const PATIENCE = { timeout: 20_000, interval: 50 };

/** Why tests with a Redis cannot run here, or nothing. */
export const REDIS_MISSING =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'needs redis-server';

/** Asks the Redis at a port something. @returns the answer, or what went wrong. */
export async function askRedis(port: number, args: readonly string[]): Promise<string> {
  const where = ['-h', ADDRESS, '-p', String(port)];
  try {
    const { stdout, stderr } = await run('redis-cli', [...where, ...args], { timeout: 5_000 });
    return (stdout + stderr).trim();
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
}

/** A `redis-server` process that can be stopped, killed and started again on the same files. */
export class RedisServer {
  readonly port: number;
  readonly directory: string;
  readonly #arguments: string[];
  /** What `redis-cli` needs to be let in. */
  readonly #cli: string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, directory: string, options: RedisServerOptions) {
    this.port = port;
    this.directory = directory;
    this.#arguments = options.arguments ?? [];
    this.#cli = options.cli ?? [];
  }

  /** Resolves when it answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const [free = 0] = options.port === undefined ? await freePorts(1) : [options.port];
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'gleipnir-redis-')));
    const server = new RedisServer(free, directory, options);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const listening = this.#arguments.includes('--tls-port') ? [] : ['--port', String(this.port)];
    const own = ['--bind', ADDRESS, '--dir', this.directory, '--save', '', '--repl-diskless-sync-delay', '0'];
    const sentinel = this.#arguments[0]?.endsWith('.conf') === true;
    const args = sentinel ? this.#arguments : [...listening, ...own, ...this.#arguments];
    this.#child = spawn('redis-server', args, { stdio: 'ignore' });
    await until(
      () => this.cli('PING'),
      (it) => {
        expect(it).toContain('PONG');
      },
    );
  }

  /** Asks it something, as an administrator. @returns the answer, or what went wrong. */
  async cli(...command: string[]): Promise<string> {
    return askRedis(this.port, [...this.#cli, ...command]);
  }

  /** It keeps its connections, and answers nothing. */
  async pause(): Promise<void> {
    this.#child?.kill('SIGSTOP');
    await Promise.resolve();
  }

  async resume(): Promise<void> {
    this.#child?.kill('SIGCONT');
    await Promise.resolve();
  }

  /** Ends the process; its files stay. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Ends the process and removes its files. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

export interface RedisServerOptions {
  port?: number;
  directory?: string;
  /** Further arguments, or a configuration file alone. */
  arguments?: string[];
  cli?: string[];
}

/** Several servers that make one Redis. */
export interface RedisServers {
  /** For `REDIS_URL`. */
  url: string;
  servers: RedisServer[];
  remove: () => Promise<void>;
}

/** Ports that nothing listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenAnywhere()));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function listenAnywhere(): Promise<Server> {
  const server = createServer().listen(0, ADDRESS);
  await once(server, 'listening');
  return server;
}

/** A primary called `main` with two replicas, watched by three Sentinels that act after half a second. */
export async function startSentinel(): Promise<RedisServers> {
  const primary = await RedisServer.start();
  const replicas = await Promise.all(
    [1, 2].map(() => RedisServer.start({ arguments: ['--replicaof', ADDRESS, String(primary.port)] })),
  );
  await until(
    () => primary.cli('INFO', 'replication'),
    (it) => {
      expect(it).toContain('connected_slaves:2');
    },
  );
  const sentinels = await Promise.all([1, 2, 3].map(() => startOneSentinel(primary.port)));
  for (const sentinel of sentinels) {
    await until(
      () => valueOf(sentinel, 'num-other-sentinels'),
      (it) => {
        expect(it).toBe('2');
      },
    );
    await until(
      () => valueOf(sentinel, 'num-slaves'),
      (it) => {
        expect(it).toBe('2');
      },
    );
  }
  const hosts = sentinels.map(({ port }) => `${ADDRESS}:${port}`).join(',');
  return group(`redis+sentinel://${hosts}/main`, [primary, ...replicas, ...sentinels]);
}

async function startOneSentinel(primaryPort: number): Promise<RedisServer> {
  const [port = 0] = await freePorts(1);
  const directory = await mkdtemp(join(tmpdir(), 'gleipnir-sentinel-'));
  const file = join(directory, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    `bind ${ADDRESS}`,
    `dir ${directory}`,
    `sentinel monitor main ${ADDRESS} ${primaryPort} 2`,
    'sentinel down-after-milliseconds main 500',
    'sentinel failover-timeout main 3000',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return RedisServer.start({ port, directory, arguments: [file, '--sentinel'] });
}

/** A field of what a Sentinel knows of `main`. */
export async function valueOf(sentinel: RedisServer | undefined, field: string): Promise<string | undefined> {
  const lines = (await sentinel?.cli('SENTINEL', 'MASTER', 'main'))?.split(/\r?\n/) ?? [];
  return lines[lines.indexOf(field) + 1];
}

/** Three primaries and a replica of each. */
export async function startCluster(): Promise<RedisServers> {
  const buses = await freePorts(6);
  const servers = await Promise.all(
    buses.map((bus) =>
      RedisServer.start({
        arguments: [
          '--cluster-enabled',
          'yes',
          '--cluster-port',
          String(bus),
          '--cluster-node-timeout',
          '1000',
        ],
      }),
    ),
  );
  const nodes = servers.map(({ port }) => `${ADDRESS}:${port}`);
  const [first] = servers;
  // `redis-cli --cluster create` would take the bus to be 10 000 ports above.
  for (const [index, server] of servers.entries()) {
    if (index > 0) await first?.cli('CLUSTER', 'MEET', ADDRESS, String(server.port), String(buses[index]));
  }
  const SLOTS = [0, 5_461, 10_923, 16_384];
  for (const index of [0, 1, 2]) {
    const range = [String(SLOTS[index]), String((SLOTS[index + 1] ?? 0) - 1)];
    await servers[index]?.cli('CLUSTER', 'ADDSLOTSRANGE', ...range);
  }
  for (const server of servers) {
    await until(
      async () => (await server.cli('CLUSTER', 'NODES')).split('\n').length,
      (it) => {
        expect(it).toBe(6);
      },
    );
  }
  for (const index of [0, 1, 2]) {
    const id = (await servers[index]?.cli('CLUSTER', 'MYID')) ?? '';
    await until(
      () => servers[index + 3]?.cli('CLUSTER', 'REPLICATE', id),
      (it) => {
        expect(it).toBe('OK');
      },
    );
  }
  for (const server of servers) {
    await until(
      () => server.cli('CLUSTER', 'INFO'),
      (it) => {
        expect(it).toContain('cluster_state:ok');
      },
    );
  }
  for (const replica of servers.slice(3)) {
    await until(
      () => replica.cli('INFO', 'replication'),
      (it) => {
        expect(it).toContain('master_link_status:up');
      },
    );
  }
  return group(`redis+cluster://${nodes.join(',')}`, servers);
}

function group(url: string, servers: RedisServer[]): RedisServers {
  return {
    url,
    servers,
    remove: async () => {
      await Promise.all(servers.map((server) => server.remove()));
    },
  };
}

/** An authority, a server's certificate for 127.0.0.1 and a client's, as files. */
export interface TlsFiles {
  ca: string;
  serverCert: string;
  serverKey: string;
  clientCert: string;
  clientKey: string;
}

/** Makes them with `openssl`. @param directory where. */
export async function createTlsFiles(directory: string): Promise<TlsFiles> {
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args);
  const newKey = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  await openssl(...newKey, '-x509', '-subj', '/CN=authority', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  await writeFile(at('names'), `subjectAltName=IP:${ADDRESS}\n`);
  for (const name of ['server', 'client']) {
    await openssl(
      ...newKey.slice(0, 6),
      '-subj',
      `/CN=${name}`,
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.csr`),
    );
    const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
    const out = ['-in', at(`${name}.csr`), '-extfile', at('names'), '-out', at(`${name}.pem`)];
    await openssl('x509', '-req', ...signed, ...out);
  }
  return {
    ca: at('ca.pem'),
    serverCert: at('server.pem'),
    serverKey: at('server.key'),
    clientCert: at('client.pem'),
    clientKey: at('client.key'),
  };
}

/** Unlike `expect.poll`, also outside of a test. */
async function until<T>(look: () => T | Promise<T>, check: (seen: T) => void): Promise<void> {
  await vi.waitFor(async () => {
    check(await look());
  }, PATIENCE);
}
