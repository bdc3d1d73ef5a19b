/**
 * The rows of the exchanges under way: what every proxy knows of them, and the one way to change one.
 *
 * Steps of an exchange may come to different proxies. Whoever takes its next step claims that first, so no step is
 * taken twice. Every proxy ends what has lasted too long, so none has to outlive its exchanges.
 */
import type { Logger } from '../../core/runtime/log.ts';
import type { ExchangeRecord } from '../../core/session/exchange-record.ts';
import { TableFollower } from '../../core/session/follow.ts';
import type { TableClaims, TableReader, TableWriter } from '../../core/session/table.ts';

/** How long an exchange that is over can be read, for those who wait for its outcome, ms. */
export const OVER_KEPT_MS = 10_000;
/** Longer than an exchange lasts, ms. */
const STEP_CLAIMED_MS = 10 * 60_000;

export interface ExchangeRowsDeps {
  table: TableReader;
  claims: Pick<TableClaims, 'advance'>;
  rows: TableWriter<'exchange'>;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: Logger;
  /** Told an exchange whose time is over. */
  onExpired: (id: string) => Promise<void>;
}

export class ExchangeRows {
  readonly #deps: ExchangeRowsDeps;
  readonly #follower: TableFollower<'exchange'>;
  /** What each row waits for: its end, or to be forgotten. Bounded by the rows. */
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(deps: ExchangeRowsDeps) {
    this.#deps = deps;
    this.#follower = new TableFollower({
      reader: deps.table,
      kinds: ['exchange'],
      onError: (err) => {
        deps.log.error({ err }, 'pairing exchanges not readable');
      },
    });
    this.#follower.onChange(({ id }) => {
      this.#await(id);
    });
  }

  /** @throws what the table throws when it cannot be read. */
  start(): Promise<void> {
    return this.#follower.start();
  }

  stop(): void {
    this.#follower.stop();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** The exchanges that are not over, as last seen. */
  seen(): ExchangeRecord[] {
    return [...this.#follower.all('exchange')].filter(isUnderWay);
  }

  /** The exchanges that are not over, as the table says. */
  async list(): Promise<ExchangeRecord[]> {
    return (await this.#deps.table.list('exchange')).filter(isUnderWay);
  }

  get(id: string): Promise<ExchangeRecord | undefined> {
    return this.#deps.table.get('exchange', id);
  }

  /** Whether the next step of `row` is the caller's to take; of all who ask, one is told so. */
  claim({ id, generation }: ExchangeRecord): Promise<boolean> {
    return this.#deps.claims.advance(`exchange ${id}`, generation + 1, STEP_CLAIMED_MS);
  }

  /** A new exchange, or the step after a claim. @returns the row as it stands now. */
  async put(row: ExchangeRecord): Promise<ExchangeRecord> {
    await this.#deps.rows.put(row);
    return row;
  }

  /** Claims the next step of `row` and writes it. @returns `undefined` when somebody else took it. */
  async advance(row: ExchangeRecord, changes: Partial<ExchangeRecord>): Promise<ExchangeRecord | undefined> {
    if (!(await this.claim(row))) return undefined;
    return this.put({ ...row, ...changes, generation: row.generation + 1 });
  }

  /** Resolves with the row once `isWanted`, or with `undefined` once it is gone. */
  async until(id: string, isWanted: (row: ExchangeRecord) => boolean): Promise<ExchangeRecord | undefined> {
    const { promise, resolve } = Promise.withResolvers<ExchangeRecord | undefined>();
    const look = (row: ExchangeRecord | undefined) => {
      if (row === undefined || isWanted(row)) resolve(row);
    };
    const unwatch = this.#follower.onChange((change) => {
      if (change.id === id) look(this.#follower.get('exchange', id));
    });
    try {
      look(await this.get(id));
      return await promise;
    } finally {
      unwatch();
    }
  }

  #await(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const row = this.#follower.get('exchange', id);
    if (row === undefined) return;
    const leftMs = row.expiresAt - this.#deps.now();
    if (isUnderWay(row)) {
      this.#after(id, leftMs, () => this.#deps.onExpired(id));
      return;
    }
    this.#after(id, leftMs, () => this.#deps.rows.remove(id));
  }

  #after(id: string, ms: number, act: () => Promise<void>): void {
    const timer = setTimeout(() => {
      act().catch((err: unknown) => {
        this.#deps.log.warn({ exchange: id, err }, 'pairing exchange not ended');
      });
    }, ms);
    this.#timers.set(id, timer.unref());
  }
}

function isUnderWay({ phase }: ExchangeRecord): boolean {
  return phase !== 'over';
}
