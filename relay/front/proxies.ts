/**
 * The proxies behind the TCP front: which there are, by name, which of them answer, and whose turn it is. A proxy that
 * did not take a connection is passed over until it takes one of ours again.
 */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Logger } from '../../core/runtime/log.ts';

/** How often names are looked up anew, and proxies that are down tried. */
const LOOK_MS = 1_000;
/** For one attempt to reach a proxy that is down. */
const PROBE_TIMEOUT_MS = 500;
/** Addresses that are kept, over all names. */
const PROXIES_MAX = 64;

export interface ProxiesDeps {
  /** IP addresses, or names with one or many addresses behind each (a headless Service). */
  names: readonly string[];
  /** A port that every ready proxy listens on. */
  probePort: number;
  log: Logger;
  /** Addresses of a name; the system's resolver by default. */
  resolve?: (name: string) => Promise<string[]>;
}

export class Proxies {
  readonly #deps: ProxiesDeps;
  readonly #resolve: (name: string) => Promise<string[]>;
  /** Addresses by name as they were last found; a name that cannot be looked up keeps them. */
  readonly #found = new Map<string, readonly string[]>();
  /** Of the addresses found, at most as many. */
  readonly #down = new Set<string>();
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Probes under way; at most one for each address that is down. */
  readonly #probing = new Set<string>();

  constructor(deps: ProxiesDeps) {
    this.#deps = deps;
    this.#resolve = deps.resolve ?? resolveAll;
  }

  /** Resolves when each name was looked up once. */
  async start(): Promise<void> {
    await this.#look();
    this.#timer ??= setInterval(() => {
      void this.#look();
      for (const address of this.#down) void this.#probe(address);
    }, LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Every proxy once, the one whose turn it is first, those that are down last. */
  inTurn(): string[] {
    const all = this.#all();
    this.#turn = (this.#turn + 1) % Math.max(1, all.length);
    const turned = [...all.slice(this.#turn), ...all.slice(0, this.#turn)];
    return [
      ...turned.filter((address) => !this.#down.has(address)),
      ...turned.filter((address) => this.#down.has(address)),
    ];
  }

  /** How many there are, and how many of them answer. */
  count(): { all: number; up: number } {
    const all = this.#all();
    return { all: all.length, up: all.filter((address) => !this.#down.has(address)).length };
  }

  /** It took a connection. */
  answered(address: string): void {
    if (this.#down.delete(address)) this.#deps.log.info({ proxy: address }, 'proxy answers again');
  }

  /** It did not take a connection. */
  failed(address: string): void {
    if (this.#down.has(address) || !this.#all().includes(address)) return;
    this.#down.add(address);
    this.#deps.log.warn({ proxy: address }, 'proxy does not answer');
  }

  #all(): string[] {
    return [...new Set([...this.#found.values()].flat())].slice(0, PROXIES_MAX);
  }

  async #look(): Promise<void> {
    await Promise.all(
      this.#deps.names.map(async (name) => {
        try {
          this.#found.set(name, await this.#resolve(name));
        } catch (err) {
          this.#deps.log.debug({ name, err }, 'name of the proxies cannot be looked up');
        }
      }),
    );
    const all = new Set(this.#all());
    for (const address of this.#down) if (!all.has(address)) this.#down.delete(address);
  }

  async #probe(address: string): Promise<void> {
    if (this.#probing.has(address)) return;
    this.#probing.add(address);
    if (await canConnect(address, this.#deps.probePort)) this.answered(address);
    this.#probing.delete(address);
  }
}

async function resolveAll(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address).sort();
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (isUp: boolean): void => {
      socket.destroy();
      resolve(isUp);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => {
      finish(false);
    });
    socket.once('connect', () => {
      finish(true);
    });
    socket.once('error', () => {
      finish(false);
    });
  });
}
