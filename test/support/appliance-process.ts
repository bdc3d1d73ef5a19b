/** An appliance in a process of its own, on loopback, that can be killed and started again on the same files and ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createClientCertificate } from '../../core/identity/certificate.ts';
import { SimClient, type SimClientOptions } from '../../sim/client/client.ts';
import type { SimHost } from '../../sim/host/host.ts';
import { readAwaitedPins, typePin } from './pin-page.ts';

const ADDRESS = '127.0.0.1';
const ENTRY = join(import.meta.dirname, '../../appliance/main.ts');
const PORTS = ['HTTP', 'HTTPS', 'RTSP', 'CONTROL', 'VIDEO', 'AUDIO', 'WEB'] as const;
/** Below the ports that the system gives away, apart from those of the labs. */
const UPSTREAM_PORT_BASE = 22_000;
const PIN = '1234';
const PATIENCE_MS = 60_000;

type Ports = Record<(typeof PORTS)[number], number>;

export class ApplianceProcess {
  readonly #directory: string;
  readonly #ports: Ports;
  /** What the running process wrote, and who waits for more. */
  #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  #child: ChildProcess | undefined;

  private constructor(directory: string, ports: Ports) {
    this.#directory = directory;
    this.#ports = ports;
  }

  /** @param hostPorts - HTTP ports of hosts on this machine, which become host-0, host-1, ... */
  static async create(hostPorts: readonly number[]): Promise<ApplianceProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'gleipnir-process-'));
    const hosts = hostPorts.map(
      (port, index) => `  - {name: host-${index}, address: ${ADDRESS}, httpPort: ${port}}\n`,
    );
    await writeFile(join(directory, 'hosts.yaml'), `hosts:\n${hosts.join('')}`);
    return new ApplianceProcess(directory, await freePorts());
  }

  /** Resolves when it is up. @returns when its relay began to listen, as `performance.now()`. */
  async start(): Promise<number> {
    const ports = PORTS.map((name): [string, string] => [
      `APPLIANCE_${name}_PORT`,
      String(this.#ports[name]),
    ]);
    const env = {
      ...process.env,
      ...Object.fromEntries(ports),
      APPLIANCE_UPSTREAM_PORT_BASE: String(UPSTREAM_PORT_BASE),
      APPLIANCE_BIND_ADDRESS: ADDRESS,
      APPLIANCE_DATA_DIR: this.dataDir,
      APPLIANCE_HOSTS_FILE: join(this.#directory, 'hosts.yaml'),
      // Nothing is attached to the machine's own devices.
      RELAY_DATAPATH: 'userspace',
    };
    const child = spawn(process.execPath, [ENTRY], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#lines = [];
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        this.#lines.push(line);
        for (const listener of [...this.#listeners]) listener(line);
      });
    }
    await this.#line(/relay is listening/);
    const listeningAt = performance.now();
    await this.#line(/Stop with Ctrl-C/);
    return listeningAt;
  }

  /** Reads the PINs that the hosts wait for and types them there; resolves when all hosts are up. */
  async typePinsAt(hosts: readonly SimHost[]): Promise<void> {
    const typed = new Set<number>();
    while (typed.size < hosts.length) {
      const pins = await readAwaitedPins(this.page);
      for (const [index, host] of hosts.entries()) {
        const pin = pins[`host-${index}`];
        if (pin !== undefined && host.pendingPairings() > 0 && host.enterPin(pin)) typed.add(index);
      }
    }
    for (const index of hosts.keys()) await this.#line(new RegExp(`"host":"host-${index}".*"state":"up"`));
  }

  /** A client with an identity of its own, paired through the PIN page. */
  async createPairedClient(options: Partial<SimClientOptions>): Promise<SimClient> {
    const identity = await createClientCertificate();
    const client = new SimClient({ address: ADDRESS, httpPort: this.#ports.HTTP, identity, ...options });
    await Promise.all([client.pair(PIN), typePin(this.page, PIN)]);
    return client;
  }

  /** Ends it: without a word, or by its own will. Resolves when it has ended. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || hasEnded(child)) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await this.end('SIGKILL');
    await rm(this.#directory, { recursive: true });
  }

  /** Where it keeps everything. */
  get dataDir(): string {
    return join(this.#directory, 'data');
  }

  /** Of the console. */
  get page(): string {
    return `http://${ADDRESS}:${this.#ports.WEB}/`;
  }

  /** Resolves when the process has written, or writes, a line that is `wanted`; rejects when it ends or says nothing. */
  async #line(wanted: RegExp): Promise<void> {
    if (this.#lines.some((line) => wanted.test(line))) return;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const onLine = (line: string): void => {
      if (wanted.test(line)) resolve(undefined);
    };
    const fail = (): void => {
      reject(new Error(`never said ${wanted.source}:\n${this.#lines.join('\n')}`));
    };
    const timer = setTimeout(fail, PATIENCE_MS);
    this.#listeners.add(onLine);
    this.#child?.once('exit', fail);
    if (this.#child === undefined || hasEnded(this.#child)) fail();
    await promise.finally(() => {
      clearTimeout(timer);
      this.#listeners.delete(onLine);
      this.#child?.off('exit', fail);
    });
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** TCP ports that are free now, and so, on a quiet machine, are their UDP twins. */
async function freePorts(): Promise<Ports> {
  const servers = PORTS.map(() => createServer().listen(0, ADDRESS));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return Object.fromEntries(PORTS.map((name, index) => [name, ports[index]])) as Ports;
}
