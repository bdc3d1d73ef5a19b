/**
 * The session table in Redis: one server, Sentinel or a Cluster (docs/redis.md).
 *
 * Two connections: one for commands, one that follows the change stream. A roster of what was heard of lets readers
 * tell a row that is over from one that was lost; a keeper refreshes what this process put and puts it back.
 */
import type { Logger } from '../../runtime/log.ts';
import { Listeners } from '../../runtime/listeners.ts';
import { ROW_SCHEMAS, type RowKind } from '../record.ts';
import type { SessionTable, TableChange } from '../table.ts';
import { createClaims } from './claims.ts';
import { Comparison } from './comparison.ts';
import type { RedisAccess } from './config.ts';
import { RedisConnection } from './connection.ts';
import { tableUnavailable } from './errors.ts';
import type { Entry } from './entry.ts';
import { Feed } from './feed.ts';
import { Keeper } from './keeper.ts';
import { createKeys, type Keys } from './keys.ts';
import { createReader } from './reader.ts';
import { Roster } from './roster.ts';
import { createStats, type RedisStats } from './stats.ts';
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

const ALL_KINDS = Object.keys(ROW_SCHEMAS) as RowKind[];

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
  /** For what else a deployment keeps in the same Redis. */
  connection: Pick<RedisConnection, 'run' | 'eval'>;
}

export function createRedisTable(deps: RedisTableDeps): RedisTable {
  const { log, prefix, mayKeep = () => true } = deps;
  const { refreshMs = REFRESH_MS, changesMax = CHANGES_MAX } = deps;
  const keys = createKeys(prefix);
  const stats = createStats();
  const ttlMs = refreshMs * TTL_REFRESHES;
  const listeners = createListeners(log);
  const { roster, connect, comparisonOf } = createParts(deps, { keys, stats, listeners, ttlMs, refreshMs });
  const commands = connect(deps.name);
  const following = connect(`${deps.name}-changes`);
  const comparison = comparisonOf(following);
  const keeper = new Keeper({
    ...{ connection: commands, keys, roster, stats, ttlMs, changesMax, mayKeep },
    orphanMs: refreshMs * ORPHAN_REFRESHES,
    heardUpTo: () => feed.position,
  });
  const followed = Promise.withResolvers<undefined>();
  // Nobody may have asked.
  followed.promise.catch(() => undefined);
  const feed = new Feed({
    connection: following,
    changes: keys.changes,
    log,
    onEntry: (entry) => {
      hear(entry, { stats, roster, keeper, listeners });
    },
    onGap: (gap) => {
      stats.gaps += 1;
      log.warn({ gap }, 'session table changes were missed');
      if (gap === 'lost') void keeper.refresh();
    },
    compare: async (gap) => {
      await comparison.compare(gap);
      if (gap === 'missed') keeper.forgetOver();
      if (gap !== undefined) void keeper.refresh();
    },
    onState: (isFollowed) => {
      stats.isFollowed = isFollowed;
      if (!isFollowed) return;
      followed.resolve(undefined);
      void keeper.refresh();
    },
  });
  const writing = { connection: commands, keys, keeper, roster, ttlMs, changesMax };
  const { changed, released } = listeners;
  let timer: NodeJS.Timeout | undefined;
  return {
    reader: {
      ...createReader({ connection: commands, keys, roster, stats, log }),
      watch: (listener) => changed.add(listener),
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
    ...{ stats, connection: commands },
  };
}

interface TableListeners {
  changed: Listeners<TableChange>;
  released: Listeners<string>;
}

function createListeners(log: Logger): TableListeners {
  const onError = (err: unknown): void => {
    log.error({ err }, 'session table listener failed');
  };
  return { changed: new Listeners(onError), released: new Listeners(onError) };
}

interface Shared {
  keys: Keys;
  stats: RedisStats;
  listeners: TableListeners;
  ttlMs: number;
  refreshMs: number;
}

/** What depends on nothing that is made later. */
function createParts(
  { access, log, kinds = ALL_KINDS, now = () => performance.now() }: RedisTableDeps,
  { keys, stats, listeners, ttlMs, refreshMs }: Shared,
): {
  roster: Roster;
  connect: (name: string) => RedisConnection;
  comparisonOf: (connection: RedisConnection) => Comparison;
} {
  const lostMs = refreshMs * LOST_REFRESHES;
  const roster = new Roster({ ttlMs, kinds, lostMsMax: lostMs, expiryMarginMs: lostMs, now });
  const onChange = (change: TableChange): void => {
    listeners.changed.tell(change);
  };
  return {
    roster,
    connect: (name) => new RedisConnection({ access, name, stats, log }),
    comparisonOf: (connection) =>
      new Comparison({ connection, keys, kinds, roster, everyMs: refreshMs, onChange, now }),
  };
}

/** One entry of the change stream: first what this process knows changes, then who listens is told. */
function hear(
  entry: Entry,
  {
    stats,
    roster,
    keeper,
    listeners,
  }: { stats: RedisStats; roster: Roster; keeper: Keeper; listeners: TableListeners },
): void {
  const writtenAt = timeOf(entry.entryId);
  stats.lagMs = Math.max(0, Date.now() - writtenAt);
  if (entry.op === 'release') listeners.released.tell(entry.name);
  if (entry.op !== 'put' && entry.op !== 'remove') return;
  const { kind, id } = entry;
  if (entry.op === 'put') roster.onPut(entry, writtenAt);
  else roster.onRemove(entry);
  keeper.onChange(entry);
  if (roster.follows(kind)) listeners.changed.tell({ kind, id });
}
