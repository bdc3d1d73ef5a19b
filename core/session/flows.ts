/**
 * Flow rows, by session. Every relay that acts has a row of its own for each session, `<session>:<relay>`: where
 * several act, for addresses of their own, all of them wait for the client, and it comes to one.
 */
import type { Logger } from '../runtime/log.ts';
import { TableFollower } from './follow.ts';
import type { FlowRecord } from './record.ts';
import type { TableReader } from './table.ts';

/** @param relay the public address that it acts for, or its name. */
export function flowRowId(session: string, relay: string): string {
  return `${session}:${relay}`;
}

/** Rows of a session are called by its id, alone or followed by a colon and more. */
export function sessionOf(rowId: string): string {
  return rowId.split(':', 1)[0] ?? rowId;
}

/** Of the rows of one session the one that tells how it does: of the newest generation, where its client was heard last. */
export function newestFlow(rows: Iterable<FlowRecord>): FlowRecord | undefined {
  let newest: FlowRecord | undefined;
  for (const row of rows) {
    const isNewer =
      newest === undefined ||
      row.generation > newest.generation ||
      (row.generation === newest.generation && row.lastSeenAt > newest.lastSeenAt);
    if (isNewer) newest = row;
  }
  return newest;
}

/** `newestFlow` of each session that has rows. */
export function newestFlows(rows: Iterable<FlowRecord>): Map<string, FlowRecord> {
  const newest = new Map<string, FlowRecord>();
  for (const row of rows) {
    const session = sessionOf(row.id);
    const known = newest.get(session);
    newest.set(session, (known && newestFlow([known, row])) ?? row);
  }
  return newest;
}

/** A live local copy of the flow rows, for whoever asks by session. */
export class FlowFollower {
  readonly #follower: TableFollower<'flow'>;
  /** Row ids of each session that has any; as many as the table holds. */
  readonly #ids = new Map<string, Set<string>>();

  constructor({ table, log }: { table: TableReader; log: Logger }) {
    this.#follower = new TableFollower({
      reader: table,
      kinds: ['flow'],
      onError: (err) => {
        log.warn({ err }, 'streams cannot be followed');
      },
    });
    this.#follower.onChange(({ id }) => {
      this.#note(id);
    });
  }

  /** Rows that stood before are announced like changes. @throws what the table threw when it could not be read. */
  start(): Promise<void> {
    return this.#follower.start();
  }

  stop(): void {
    this.#follower.stop();
  }

  /** Sessions that have a row. */
  sessions(): IterableIterator<string> {
    return this.#ids.keys();
  }

  /** See `newestFlow`. */
  newestOf(session: string): FlowRecord | undefined {
    const ids = [...(this.#ids.get(session) ?? [])];
    return newestFlow(ids.flatMap((id) => this.#follower.get('flow', id) ?? []));
  }

  /** Calls `listener` after each change of a row of a session. @returns how to stop. */
  onChange(listener: (session: string) => void): () => void {
    return this.#follower.onChange(({ id }) => {
      listener(sessionOf(id));
    });
  }

  #note(id: string): void {
    const session = sessionOf(id);
    const ids = this.#ids.get(session) ?? new Set();
    if (this.#follower.get('flow', id) === undefined) ids.delete(id);
    else ids.add(id);
    if (ids.size > 0) this.#ids.set(session, ids);
    else this.#ids.delete(session);
  }
}
