/**
 * The session table of one process that survives its end: the memory table, with its rows in files.
 *
 * The other rows of a session stand or fall with its session row: what is left of them after a crash in the middle
 * of a launch, or beside a damaged session row, says nothing that could be acted upon, and is dropped. Claims, and rows
 * of kinds that are of no use after a restart, are not stored.
 */
import type { Logger } from '../runtime/log.ts';
import { sessionOf } from './flows.ts';
import { RowJournal, type StoredKind } from './journal.ts';
import { createMemoryTable, type MemoryTableOptions } from './memory.ts';
import type { RowKind, RowOf } from './record.ts';
import { RowFiles } from './row-files.ts';
import type { SessionTable, TableWriter } from './table.ts';

export interface StoredTableDeps extends MemoryTableOptions {
  /** Holds a folder for each kind; created if missing. At most one table may be open for it. */
  directory: string;
  log: Logger;
  /** How long the counters of a flow may wait for their file, ms. Default 2 s. */
  lazyMs?: number;
}

/** A session table with files. */
export interface StoredTable extends SessionTable {
  /** Writes what still waits. Rows that change afterwards are not stored any more. Idempotent. */
  stop: () => Promise<void>;
}

/**
 * Opens the table as it was left. Files that are no valid rows are dropped with a warning that names them.
 *
 * A session row is stored when `put` resolves, or the failure is logged: a disk that fails costs the restart, not the
 * game. Rows of the other kinds are stored soon after, so that nobody on the way of a stream waits for a disk.
 */
export async function createStoredTable(deps: StoredTableDeps): Promise<StoredTable> {
  const { directory, log } = deps;
  const memory = createMemoryTable(deps);
  const files = new RowFiles(directory);
  const journal = new RowJournal({ ...deps, table: memory.reader, files });

  async function load<K extends StoredKind>(kind: K): Promise<RowOf[K][]> {
    const { rows, damaged } = await files.load(kind);
    for (const facts of damaged) log.warn({ kind, ...facts }, 'damaged session table row dropped');
    return rows;
  }

  async function restore<K extends StoredKind>(kind: K, rows: readonly RowOf[K][]): Promise<void> {
    for (const row of rows) {
      if (kind !== 'session' && (await memory.reader.get('session', sessionOf(row.id))) === undefined) {
        await files.remove(kind, row.id);
        continue;
      }
      await memory.writer(kind).put(row);
      journal.adopt(kind, row);
    }
  }

  await restore('session', await load('session'));
  for (const kind of ['launch', 'stream', 'flow'] as const) await restore(kind, await load(kind));
  const unwatch = memory.reader.watch((change) => {
    journal.note(change);
  });
  return {
    reader: memory.reader,
    claims: memory.claims,
    writer: (kind) =>
      kind === 'session' ? settling(kind, memory.writer(kind), journal) : memory.writer(kind),
    stop: async () => {
      unwatch();
      await journal.stop();
    },
  };
}

/** A writer whose changes are in their files when it answers. */
function settling<K extends RowKind>(kind: K, writer: TableWriter<K>, journal: RowJournal): TableWriter<K> {
  return {
    put: async (row) => {
      const outcome = await writer.put(row);
      await journal.settled(kind, row.id);
      return outcome;
    },
    remove: async (id) => {
      await writer.remove(id);
      await journal.settled(kind, id);
    },
  };
}
