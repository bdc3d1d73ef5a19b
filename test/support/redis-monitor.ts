/** What one client of a Redis asks it to do, as the server itself tells (`MONITOR`). */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ADDRESS, askRedis } from './redis.ts';

/** What changes something, as our scripts and claims do it. */
const WRITES = /\] "(evalsha|eval|set|del|incr)"/i;

export class RedisMonitor {
  readonly #child: ChildProcess;
  readonly #addresses: readonly string[];
  /** Bounded by the test. */
  readonly #writes: string[] = [];

  private constructor(child: ChildProcess, addresses: readonly string[]) {
    this.#child = child;
    this.#addresses = addresses;
  }

  /** @param name of the connections that `CLIENT LIST` shows, as they are now; further ones are not watched. */
  static async start(port: number, name: string): Promise<RedisMonitor> {
    const clients = (await askRedis(port, ['CLIENT', 'LIST'])).split('\n');
    const own = clients.filter((line) => new RegExp(` name=${name}(-changes)? `).test(line));
    const addresses = own.flatMap((line) => / addr=(\S+)/.exec(line)?.[1] ?? []);
    if (addresses.length === 0) throw new Error(`nobody is called ${name}`);
    const child = spawn('redis-cli', ['-h', ADDRESS, '-p', String(port), 'MONITOR'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const monitor = new RedisMonitor(child, addresses);
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      monitor.#note(line);
    });
    await once(lines, 'line');
    return monitor;
  }

  /** What was written since the last call. */
  take(): string[] {
    return this.#writes.splice(0);
  }

  /** @returns what was written since `take`. */
  async stop(): Promise<string[]> {
    const gone = once(this.#child, 'close');
    this.#child.kill();
    await gone;
    return this.#writes;
  }

  #note(line: string): void {
    if (this.#addresses.some((address) => line.includes(` ${address}]`)) && WRITES.test(line))
      this.#writes.push(line);
  }
}
