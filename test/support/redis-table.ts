/** Tables on the servers of `redis.ts`, stopped after the test. */
import { pino } from 'pino';
import { loadConfig } from '../../core/runtime/config.ts';
import { readRedisAccess, REDIS_CONFIG } from '../../core/session/redis/config.ts';
import { createRedisTable, type RedisTable, type RedisTableDeps } from '../../core/session/redis/table.ts';
import type { RowKind } from '../../core/session/record.ts';
import type { SessionTable } from '../../core/session/table.ts';
import { z } from 'zod';

const RedisConfig = z.object(REDIS_CONFIG);
let prefixes = 0;

/** Opens tables, remembers their log, and stops them. */
export class RedisTables {
  /** What all of them logged since the last `stop`. */
  logLines: string[] = [];
  readonly #log = pino({ level: 'debug' }, { write: (line) => this.logLines.push(line) });
  /** One for each `open` since the last `stop`. */
  readonly #tables: RedisTable[] = [];

  /** A table as a process with these settings has it, begun but not yet followed. */
  async begin(env: Record<string, string>, deps: Partial<RedisTableDeps> = {}): Promise<RedisTable> {
    const config = loadConfig(RedisConfig, env);
    const table = createRedisTable({
      access: await readRedisAccess(config),
      prefix: config.REDIS_PREFIX,
      name: 'test',
      log: this.#log,
      ...deps,
    });
    this.#tables.push(table);
    return table;
  }

  /** A table that is followed. */
  async open(env: Record<string, string>, deps: Partial<RedisTableDeps> = {}): Promise<RedisTable> {
    const table = await this.begin(env, deps);
    await table.start();
    return table;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#tables.splice(0).map((table) => table.stop()));
    this.logLines = [];
  }
}

/** Of a deployment that no other test uses. */
export function freshPrefix(): string {
  prefixes += 1;
  return `{test-${prefixes}}`;
}

/** One table of several, as the parts of a deployment have it: each writes its own kinds. */
export function joinParts(parts: {
  operator: SessionTable;
  proxy: SessionTable;
  relay: SessionTable;
}): SessionTable {
  const { operator, proxy, relay } = parts;
  return {
    // The one that reads every kind.
    reader: proxy.reader,
    claims: proxy.claims,
    writer: (kind) => {
      if (kind === 'flow') return relay.writer(kind);
      return isOfProxy(kind) ? proxy.writer(kind) : operator.writer(kind);
    },
  };
}

function isOfProxy(kind: RowKind): boolean {
  return kind === 'launch' || kind === 'stream' || kind === 'exchange';
}
