/**
 * The session table in Redis: one server, Sentinel or a Cluster (docs/redis.md).
 *
 * Two connections: one for commands, one that follows the change stream. A roster of what was heard of lets readers
 * tell a row that is over from one that was lost; a keeper refreshes what this process put and puts it back.
 */
import type { Logger } from '../../runtime/log.ts';
import { Listeners } from '../listeners.ts';
import { ROW_SCHEMAS, type RowKind } from '../record.ts';
import type { SessionTable, TableChange } from '../table.ts';
import { createClaims } from './claims.ts';
import type { RedisAccess } from './config.ts';
import { RedisConnection } from './connection.ts';
import { tableUnavailable } from './errors.ts';
import type { Entry } from './entry.ts';
import { Feed, type Gap } from './feed.ts';
import { Keeper } from './keeper.ts';
import { createKeys } from './keys.ts';
import { createReader } from './reader.ts';
import { Roster } from './roster.ts';
import { createStats, type RedisStats } from './stats.ts';
import { readIndex, readTime, readVersions } from './survey.ts';
import { timeOf } from './version.ts';
import { createWriter } from './writer.ts';

/** Rows are refreshed so often, ms. */
const REFRESH_MS = 10_000;
/** A row lives for so many refreshes. */
const TTL_REFRESHES = 90;
/** A row that is lost for so many refreshes is over; one that nobody refreshed for so many has lost its writer. */
const LOST_REFRESHES = 2;
const ORPHAN_REFRESHES = 3;
/** Seconds of changes of a thousand sessions. */
const CHANGES_MAX = 20_000;

export interface RedisTableDeps {
  access: RedisAccess;
  /** Of every key; has a hash tag. */
  prefix: string;
  /** Of this process, for `CLIENT LIST`. */
  name: string;
  log: Logger;
  /** Kinds that may be read, and are followed; those that it writes are among them. Default: all. */
  kinds?: readonly RowKind[];
  /**
   * Asked before rows are refreshed or put back: whether what this process put is still its own. One that has lost a
   * lease says no. Default: always.
   */
  mayKeep?: () => boolean;
  /** How often rows are refreshed and compared, ms. Each lives for 90 times as long. Default 10 s. */
  refreshMs?: number;
  /** Entries that the change stream keeps, about. Default 20 000. */
  changesMax?: number;
  /** Monotonic, ms. */
  now?: () => number;
}

/** A table that stands in Redis. Its writers may be asked for more than once; each process keeps what it put. */
export interface RedisTable extends SessionTable {
  /**
   * Connects, and follows the table from now on, whenever Redis is there. Resolves once it does for the first time.
   *
   * @throws GleipnirError TABLE_UNAVAILABLE when it is stopped before.
   */
  start: () => Promise<void>;
  /** Ends the connections; the rows stay until they run out. Idempotent. */
  stop: () => Promise<void>;
  /** Live counters. */
  stats: Readonly<RedisStats>;
}

export function createRedisTable(deps: RedisTableDeps): RedisTable {
  const { log, refreshMs = REFRESH_MS, changesMax = CHANGES_MAX, now = () => performance.now() } = deps;
  const kinds = deps.kinds ?? (Object.keys(ROW_SCHEMAS) as RowKind[]);
  const keys = createKeys(deps.prefix);
  const stats = createStats();
  const ttlMs = refreshMs * TTL_REFRESHES;
  const onListenerError = (err: unknown): void => {
    log.error({ err }, 'session table listener failed');
  };
  const changes = new Listeners<TableChange>(onListenerError);
  const released = new Listeners<string>(onListenerError);
  const roster = new Roster({
    ttlMs,
    kinds,
    lostMsMax: refreshMs * LOST_REFRESHES,
    expiryMarginMs: refreshMs * LOST_REFRESHES,
    now,
  });
  const commands = new RedisConnection({ access: deps.access, name: deps.name, stats, log });
  const following = new RedisConnection({ access: deps.access, name: `${deps.name}-changes`, stats, log });
  const keeper = new Keeper({
    connection: commands,
    keys,
    roster,
    stats,
    ttlMs,
    orphanMs: refreshMs * ORPHAN_REFRESHES,
    changesMax,
    heardUpTo: () => feed.position,
    mayKeep: deps.mayKeep ?? (() => true),
  });
  const followed = Promise.withResolvers<undefined>();
  // Nobody may have asked.
  followed.promise.catch(() => undefined);
  let comparedAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;

  async function compare(gap: Gap | undefined): Promise<void> {
    if (gap === undefined && now() - comparedAt < refreshMs) return;
    const redisNow = await readTime(following);
    for (const kind of kinds) {
      const isFull = gap !== undefined || roster.hasLost(kind);
      const found = await (isFull ? readVersions : readIndex)(following, keys, kind);
      for (const [id, { expiresAt }] of found) if (expiresAt <= redisNow) found.delete(id);
      for (const id of roster.compare(kind, found, gap === 'missed')) changes.tell({ kind, id });
    }
    roster.onCompared(redisNow);
    comparedAt = now();
    if (gap === 'missed') keeper.forgetOver();
    if (gap !== undefined) void keeper.refresh();
  }

  function onEntry(entry: Entry): void {
    stats.lagMs = Math.max(0, Date.now() - timeOf(entry.entryId));
    if (entry.op === 'release') released.tell(entry.name);
    if (entry.op !== 'put' && entry.op !== 'remove') return;
    const { kind, id } = entry;
    if (entry.op === 'put') roster.onPut(entry, timeOf(entry.entryId));
    else roster.onRemove(entry);
    keeper.onChange(entry);
    if (kinds.includes(kind)) changes.tell({ kind, id });
  }

  const feed = new Feed({
    connection: following,
    changes: keys.changes,
    log,
    onEntry,
    compare,
    onGap: (gap) => {
      stats.gaps += 1;
      log.warn({ gap }, 'session table changes were missed');
      if (gap === 'lost') void keeper.refresh();
    },
    onState: (isFollowed) => {
      stats.isFollowed = isFollowed;
      if (!isFollowed) return;
      followed.resolve(undefined);
      void keeper.refresh();
    },
  });
  const writing = { connection: commands, keys, keeper, roster, ttlMs, changesMax };
  return {
    reader: {
      ...createReader({ connection: commands, keys, roster, stats, log }),
      watch: (listener) => changes.add(listener),
    },
    claims: createClaims({ connection: commands, keys, released, changesMax }),
    writer: (kind) => createWriter(kind, writing),
    start: () => {
      commands.start();
      following.start();
      feed.start();
      timer ??= setInterval(() => void keeper.refresh(), refreshMs).unref();
      return followed.promise;
    },
    stop: async () => {
      clearInterval(timer);
      commands.stop();
      following.stop();
      keeper.stop();
      await feed.stop();
      followed.reject(tableUnavailable({ reason: 'stopped' }));
    },
    stats,
  };
}
