/**
 * Follows the change stream on a connection of its own: one blocking read at a time, from the entry where the last one
 * ended. Each entry names the one before it, so that a gap shows at the next entry; a stream that was emptied or set
 * back shows within half a second even if nothing is written.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { GleipnirError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { RedisConnection } from './connection.ts';
import { parseEntry, type Entry } from './entry.ts';
import { compareVersions, VERSION_ZERO } from './version.ts';

/** Redis holds a read without news for so long, ms. */
const BLOCK_MS = 500;
/** Entries taken at once. */
const ENTRIES_MAX = 500;
/** Between tries while Redis is away, ms. */
const RETRY_MS = 100;

/**
 * Why the entries heard do not join: at the `start`; the stream went on and has forgotten what was `missed`; or Redis
 * itself `lost` what it knew, all of it or what it was told last.
 */
export type Gap = 'start' | 'missed' | 'lost';

export interface FeedDeps {
  connection: RedisConnection;
  /** Key of the stream. */
  changes: string;
  onEntry: (entry: Entry) => void;
  /** Entries are heard again from here on. */
  onGap: (gap: Gap) => void;
  /**
   * Compares what is known with what there is. On the same connection, so that nothing is heard meanwhile. Called after
   * a gap until it succeeds, and without one after each read.
   */
  compare: (gap: Gap | undefined) => Promise<void>;
  /** Whether changes are heard of, from now on. */
  onState: (isFollowed: boolean) => void;
  log: Logger;
}

export class Feed {
  readonly #deps: FeedDeps;
  readonly #stopping = new AbortController();
  #position = VERSION_ZERO;
  #gap: Gap | undefined = 'start';
  #isFollowed = false;
  #running: Promise<void> | undefined;

  constructor(deps: FeedDeps) {
    this.#deps = deps;
  }

  /** Id of the last entry heard of; `undefined` while it is not known what was removed before. */
  get position(): string | undefined {
    return this.#gap === 'start' || this.#gap === 'missed' ? undefined : this.#position;
  }

  #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Follows from now on, whenever Redis is there. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Hears nothing more. Its connection must be stopped first, or this takes until the read ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!this.#isStopped()) {
      try {
        await this.#turn();
      } catch (error) {
        if (this.#isFollowed && !this.#isStopped()) {
          const reason = error instanceof GleipnirError ? error.details['reason'] : undefined;
          this.#deps.log.warn({ reason }, 'session table is not followed');
        }
        this.#setFollowed(false);
        await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
    this.#setFollowed(false);
  }

  async #turn(): Promise<void> {
    if (!this.#isFollowed) await this.#look();
    await this.#deps.compare(this.#gap);
    this.#gap = undefined;
    this.#setFollowed(true);
    const entries = await this.#read();
    const [first] = entries;
    if (first === undefined) {
      await this.#look();
      return;
    }
    if (first.former !== '' ? first.former !== this.#position : this.#position !== VERSION_ZERO) {
      this.#onGap(await this.#judge());
    }
    for (const entry of entries) {
      this.#position = entry.entryId;
      this.#deps.onEntry(entry);
    }
  }

  async #read(): Promise<Entry[]> {
    const { connection, changes } = this.#deps;
    const reply = await connection.run((client) =>
      client.xread('COUNT', ENTRIES_MAX, 'BLOCK', BLOCK_MS, 'STREAMS', changes, this.#position),
    );
    return (reply?.[0]?.[1] ?? []).map(parseEntry);
  }

  /** Whether the stream still ends where this has heard up to, or later. */
  async #look(): Promise<void> {
    const { connection, changes } = this.#deps;
    const [newest] = await connection.run((client) => client.xrevrange(changes, '+', '-', 'COUNT', 1));
    const end = newest?.[0] ?? VERSION_ZERO;
    if (this.#gap === 'start') this.#position = end;
    if (compareVersions(end, this.#position) >= 0) return;
    this.#position = end;
    this.#onGap('lost');
  }

  /** What a gap before entries that can be read is: a stream that begins after our position and not with its first. */
  async #judge(): Promise<Gap> {
    const { connection, changes } = this.#deps;
    const [oldest] = await connection.run((client) => client.xrange(changes, '-', '+', 'COUNT', 1));
    if (oldest === undefined) return 'lost';
    const { entryId, former } = parseEntry(oldest);
    return former !== '' && compareVersions(entryId, this.#position) > 0 ? 'missed' : 'lost';
  }

  #onGap(gap: Gap): void {
    this.#gap = gap;
    this.#deps.onGap(gap);
  }

  #setFollowed(isFollowed: boolean): void {
    if (this.#isFollowed === isFollowed) return;
    this.#isFollowed = isFollowed;
    this.#deps.onState(isFollowed);
  }
}
