/** One connection to Redis on which every command ends in bounded time, and of which only a bounded number is under way. */
import type { Logger } from '../../runtime/log.ts';
import { createClient, type Client } from './client.ts';
import type { RedisAccess } from './config.ts';
import { CommandTimeout, reasonOf, tableUnavailable } from './errors.ts';
import type { Script } from './scripts.ts';
import type { RedisStats } from './stats.ts';

/** A command without an answer for so long has failed, ms. */
const COMMAND_MS_MAX = 1_800;
/** More commands at once would only wait for each other. */
const COMMANDS_MAX = 10_000;

export interface ConnectionDeps {
  access: RedisAccess;
  /** What `CLIENT LIST` shows. */
  name: string;
  stats: RedisStats;
  log: Logger;
}

export class RedisConnection {
  readonly #deps: ConnectionDeps;
  readonly #client: Client;
  #underWay = 0;
  /** The last trouble that was logged, so that an outage is told once. */
  #trouble: string | undefined;
  #isReconnecting = false;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#client = createClient(deps.access, deps.name);
    this.#client.on('error', (error: unknown) => {
      // A Cluster says that it found no node; why stands in what the last one said.
      this.#onTrouble(error instanceof Error && 'lastNodeError' in error ? error.lastNodeError : error);
    });
    this.#client.on('ready', () => {
      if (this.#trouble !== undefined) deps.log.info({ connection: deps.name }, 'redis is back');
      this.#trouble = undefined;
      this.#isReconnecting = false;
    });
  }

  /** Connects, and again whenever the connection is lost, until `stop`. */
  start(): void {
    // Failures come as events, and it tries again by itself.
    this.#client.connect().catch(() => undefined);
  }

  /** What is under way fails. Idempotent. */
  stop(): void {
    this.#client.disconnect();
  }

  /** @throws GleipnirError TABLE_UNAVAILABLE within two seconds. */
  async run<T>(command: (client: Client) => Promise<T>): Promise<T> {
    const { stats } = this.#deps;
    if (this.#underWay >= COMMANDS_MAX) throw tableUnavailable({ reason: 'busy' });
    this.#underWay += 1;
    stats.commands += 1;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      // Where this process itself was held up, the answer is there and is read first.
      setImmediate(() => {
        late.reject(new CommandTimeout());
      });
    }, COMMAND_MS_MAX);
    try {
      return await Promise.race([command(this.#client), late.promise]);
    } catch (error) {
      stats.errors += 1;
      if (error instanceof CommandTimeout) this.#reconnect();
      throw tableUnavailable({ reason: reasonOf(error) });
    } finally {
      this.#underWay -= 1;
      clearTimeout(timer);
    }
  }

  /** Runs a script, which Redis is told if it does not know it yet. */
  async eval(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.run(async (client) => {
      try {
        return await client.evalsha(script.sha1, keys.length, ...keys, ...args);
      } catch (error) {
        if (reasonOf(error) !== 'NOSCRIPT') throw error;
        return client.eval(script.text, keys.length, ...keys, ...args);
      }
    });
  }

  /** A server that does not answer may have been replaced by another one; what else is under way fails at once. */
  #reconnect(): void {
    if (this.#isReconnecting || this.#client.status !== 'ready') return;
    this.#isReconnecting = true;
    this.#client.disconnect(true);
  }

  #onTrouble(error: unknown): void {
    const { log, name } = this.#deps;
    const reason = reasonOf(error);
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    log.warn({ connection: name, reason, detail: detailOf(error) }, 'redis cannot be reached');
  }
}

/** The system's or TLS's code. Messages of Redis may quote what it was sent. */
function detailOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
