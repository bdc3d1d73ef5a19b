/** Looking at everything that Redis holds: ids from the index of each kind, versions from the rows. Never KEYS or SCAN. */
import type { RowKind } from '../record.ts';
import type { RedisConnection } from './connection.ts';
import type { Keys } from './keys.ts';
import type { FoundRow } from './roster.ts';
import { readHead } from './value.ts';

/** Rows read by one command: as many as make a reply of some hundred KiB. */
const ROWS_AT_ONCE = 256;

/** Redis's clock, ms since the epoch. */
export async function readTime(connection: RedisConnection): Promise<number> {
  const [seconds, microseconds] = await connection.run((client) => client.time());
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

/** Ids of the rows of a kind, and when each expires, ms since the epoch. May name rows that have just expired. */
export async function readIndex(
  connection: RedisConnection,
  keys: Keys,
  kind: RowKind,
): Promise<Map<string, FoundRow>> {
  const reply = await connection.run((client) => client.zrange(keys.index(kind), '0', '-1', 'WITHSCORES'));
  const found = new Map<string, FoundRow>();
  for (let at = 0; at + 1 < reply.length; at += 2) {
    found.set(reply[at] ?? '', { expiresAt: Number(reply[at + 1]) });
  }
  return found;
}

/** Values of rows by id; those that are not there are left out. */
export async function readValues(
  connection: RedisConnection,
  rowKeys: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  const ids = [...rowKeys.keys()];
  for (let start = 0; start < ids.length; start += ROWS_AT_ONCE) {
    const batch = ids.slice(start, start + ROWS_AT_ONCE);
    const replies = await connection.run((client) => client.mget(batch.map((id) => rowKeys.get(id) ?? '')));
    for (const [at, id] of batch.entries()) {
      const value = replies[at];
      if (typeof value === 'string') values.set(id, value);
    }
  }
  return values;
}

/** Every row of a kind as text, by id. */
export async function readAll(
  connection: RedisConnection,
  keys: Keys,
  kind: RowKind,
): Promise<Map<string, string>> {
  const index = await readIndex(connection, keys, kind);
  return readValues(connection, new Map([...index.keys()].map((id) => [id, keys.row(kind, id)])));
}

/** Every row of a kind with its version. */
export async function readVersions(
  connection: RedisConnection,
  keys: Keys,
  kind: RowKind,
): Promise<Map<string, FoundRow>> {
  const index = await readIndex(connection, keys, kind);
  const values = await readValues(
    connection,
    new Map([...index.keys()].map((id) => [id, keys.row(kind, id)])),
  );
  const found = new Map<string, FoundRow>();
  for (const [id, { expiresAt }] of index) {
    const value = values.get(id);
    if (value !== undefined) found.set(id, { expiresAt, version: readHead(value)?.version });
  }
  return found;
}
