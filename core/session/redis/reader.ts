/** Reads of single rows and of whole kinds, which never call a row over that was lost. */
import { setTimeout as delay } from 'node:timers/promises';
import { GleipnirError } from '../../runtime/errors.ts';
import { deepFreeze } from '../../runtime/freeze.ts';
import type { Logger } from '../../runtime/log.ts';
import type { RowKind, RowOf } from '../record.ts';
import type { TableReader } from '../table.ts';
import type { RedisConnection } from './connection.ts';
import { tableUnavailable } from './errors.ts';
import type { Keys } from './keys.ts';
import type { Roster } from './roster.ts';
import type { RedisStats } from './stats.ts';
import { readAll } from './survey.ts';
import { parseValue, readHead } from './value.ts';

/** How long a read waits for what was lost to be put back, ms; with one command more it stays below 3 s. */
const LOST_MS_MAX = 900;
/** The first wait between two tries, ms; each later one is twice as long. Most often a removal is about to be heard of. */
const WAIT_MS = 4;
const WAIT_MS_MAX = 64;

export interface ReaderDeps {
  connection: RedisConnection;
  keys: Keys;
  roster: Roster;
  stats: RedisStats;
  log: Logger;
}

export function createReader(deps: ReaderDeps): Pick<TableReader, 'get' | 'list'> {
  return {
    get: (kind, id) => untilFound({ kind, id }, () => tryGet(deps, kind, id)),
    list: (kind) => untilFound({ kind }, () => tryList(deps, kind)),
  };
}

/** What a read answers that met a row which is neither there nor over. */
const LOST = Symbol('lost');

async function untilFound<T>(
  details: Record<string, string>,
  read: () => Promise<T | typeof LOST>,
): Promise<T> {
  let waitedMs = 0;
  for (let waitMs = WAIT_MS; ; waitMs = Math.min(2 * waitMs, WAIT_MS_MAX)) {
    const answer = await read();
    if (answer !== LOST) return answer;
    if (waitedMs >= LOST_MS_MAX) throw tableUnavailable({ ...details, reason: 'lost' });
    await delay(waitMs, undefined, { ref: false });
    waitedMs += waitMs;
  }
}

async function tryGet<K extends RowKind>(
  { connection, keys, roster, stats }: ReaderDeps,
  kind: K,
  id: string,
): Promise<RowOf[K] | undefined | typeof LOST> {
  const key = keys.row(kind, id);
  const value = await connection.run((client) => client.get(key));
  if (value === null) return roster.has(kind, id) ? LOST : undefined;
  if (isOutdated(roster, kind, id, value)) return LOST;
  try {
    return deepFreeze(parseValue(kind, key, value));
  } catch (error) {
    stats.badRows += 1;
    throw error;
  }
}

async function tryList<K extends RowKind>(deps: ReaderDeps, kind: K): Promise<RowOf[K][] | typeof LOST> {
  const { connection, keys, roster, stats, log } = deps;
  const values = await readAll(connection, keys, kind);
  if (roster.isShort(kind, values)) return LOST;
  const rows: RowOf[K][] = [];
  for (const [id, value] of values) {
    if (isOutdated(roster, kind, id, value)) return LOST;
    try {
      rows.push(deepFreeze(parseValue(kind, keys.row(kind, id), value)));
    } catch (error) {
      if (!(error instanceof GleipnirError)) throw error;
      stats.badRows += 1;
      log.error({ kind, ...error.details }, 'session table row is damaged');
    }
  }
  return rows;
}

function isOutdated(roster: Roster, kind: RowKind, id: string, value: string): boolean {
  const version = readHead(value)?.version;
  return version !== undefined && roster.isOutdated({ kind, id, version });
}
