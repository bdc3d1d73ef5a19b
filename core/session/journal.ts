/**
 * Keeps files in step with a table. It is told that a row changed, never to what: the row is read when its turn to
 * be written comes, so any number of changes meanwhile cost one write.
 *
 *   kind             written                                           survives a loss of power
 *   session, launch  at once                                           yes
 *   stream           at once                                           no; nor does a stream
 *   flow             at once where client or peers changed, else 2 s   no
 */
import type { Logger } from '../runtime/log.ts';
import type { FlowRecord, RowKind, RowOf } from './record.ts';
import type { RowFiles } from './row-files.ts';
import type { TableChange, TableReader } from './table.ts';

/** Counters of a flow change all the time; what they were two seconds ago is as good after a restart. */
const LAZY_MS = 2_000;
/** Files written at once; more would only queue in the system. */
const WRITES_MAX = 16;

const IS_DURABLE = { session: true, launch: true, stream: false, flow: false } as const;

/** Kinds whose rows are stored; those of the others are of no use after a restart. */
export type StoredKind = keyof typeof IS_DURABLE;

/** Whether rows of this kind are stored. */
export function isStored(kind: RowKind): kind is StoredKind {
  return kind in IS_DURABLE;
}

export interface RowJournalDeps {
  table: Pick<TableReader, 'get'>;
  files: Pick<RowFiles, 'write' | 'remove'>;
  log: Logger;
  /** How long counters wait for their file, and a failed write for the next try, ms. Default 2 s. */
  lazyMs?: number;
}

/** What is known of one row and its file. */
interface Entry {
  readonly kind: StoredKind;
  readonly id: string;
  /** Whether the row changed since it was last read. */
  isDirty: boolean;
  /** Whether the row has waited long enough. */
  isDue: boolean;
  /** `urgentPart` of what the file says; `undefined` where there is no file. */
  written: string | undefined;
  isFailing: boolean;
  timer: NodeJS.Timeout | undefined;
  /** Settles when what was noted up to now is in the file, waits for `timer`, or failed. Never rejects. */
  work: Promise<void> | undefined;
}

export class RowJournal {
  readonly #deps: RowJournalDeps;
  /** One for each row that has a file or gets one; bounded by the rows of the table. */
  readonly #entries = new Map<string, Entry>();
  /** Who waits for one of WRITES_MAX turns; at most one for each entry. */
  readonly #waiting: (() => void)[] = [];
  #writes = 0;
  #isStopped = false;

  constructor(deps: RowJournalDeps) {
    this.#deps = deps;
  }

  /** Takes note of a row that stands in its file as it does in the table. */
  adopt<K extends StoredKind>(kind: K, row: RowOf[K]): void {
    this.#entryOf(kind, row.id).written = urgentPart(kind, row);
  }

  /** A row changed, or vanished. */
  note({ kind, id }: TableChange): void {
    if (!isStored(kind)) return;
    const entry = this.#entryOf(kind, id);
    entry.isDirty = true;
    entry.work ??= this.#work(entry);
  }

  /** Resolves when what was noted of this row is in its file, or could not be written. */
  async settled(kind: RowKind, id: string): Promise<void> {
    await this.#entries.get(keyOf(kind, id))?.work;
  }

  /** Writes what still waits; resolves when every file says what the table says, as far as the disk lets it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const { kind, id, timer } of [...this.#entries.values()])
      if (timer !== undefined) this.note({ kind, id });
    await Promise.all([...this.#entries.values()].flatMap(({ work }) => work ?? []));
  }

  #entryOf(kind: StoredKind, id: string): Entry {
    const key = keyOf(kind, id);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const nothing = { written: undefined, timer: undefined, work: undefined };
    const entry: Entry = { kind, id, isDirty: false, isDue: false, isFailing: false, ...nothing };
    this.#entries.set(key, entry);
    return entry;
  }

  async #work(entry: Entry): Promise<void> {
    await this.#turn();
    try {
      while (entry.isDirty) {
        entry.isDirty = false;
        await this.#write(entry);
      }
    } catch (err) {
      const { kind, id } = entry;
      if (!entry.isFailing) this.#deps.log.error({ kind, id, err }, 'session table row cannot be stored');
      entry.isFailing = true;
      this.#writeLater(entry);
    }
    entry.work = undefined;
    const next = this.#waiting.shift();
    if (next === undefined) this.#writes -= 1;
    else next();
  }

  async #turn(): Promise<void> {
    if (this.#writes >= WRITES_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#writes += 1;
  }

  async #write(entry: Entry): Promise<void> {
    const { table, files } = this.#deps;
    const { kind, id } = entry;
    const row = await table.get(kind, id);
    const part = row === undefined ? undefined : urgentPart(kind, row);
    if (part !== undefined && part === entry.written && !entry.isDue && !this.#isStopped) {
      this.#writeLater(entry);
      return;
    }
    clearTimeout(entry.timer);
    entry.timer = undefined;
    if (row === undefined) await files.remove(kind, id);
    else await files.write(kind, row, IS_DURABLE[kind]);
    entry.written = part;
    entry.isDue = false;
    entry.isFailing = false;
    if (row === undefined && !entry.isDirty) this.#entries.delete(keyOf(kind, id));
  }

  #writeLater(entry: Entry): void {
    if (this.#isStopped) return;
    entry.timer ??= setTimeout(() => {
      entry.timer = undefined;
      entry.isDue = true;
      this.note(entry);
    }, this.#deps.lazyMs ?? LAZY_MS).unref();
  }
}

function keyOf(kind: RowKind, id: string): string {
  return `${kind} ${id}`;
}

/** What of a row must not wait, as text to compare; a row of which nothing may wait differs each time it is put. */
function urgentPart(kind: RowKind, row: RowOf[RowKind]): string {
  if (kind !== 'flow') return JSON.stringify(row);
  const { generation, status, client, control } = row as FlowRecord;
  return JSON.stringify([generation, status, client, control && { ...control, highestSeq: 0 }]);
}
