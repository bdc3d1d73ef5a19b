/** Keeps the box art of what static hosts offer in the session table, so that a proxy never asks a host. */
import type { BoxArt } from '../../core/host/types.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { ART_BYTES_MAX } from '../../core/session/host-record.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import { scaleDown } from './picture/scale.ts';

/** How long a picture, or that there is none, is believed, ms. */
const BELIEVED_MS = 3_600_000;

export interface ArtRowsDeps {
  table: TableReader;
  rows: TableWriter<'art'>;
  /** Asks the hosts that offer an app. */
  asset: (appId: number) => Promise<BoxArt | undefined>;
  log: Logger;
  /** Monotonic, ms. */
  now?: () => number;
}

export class ArtRows {
  readonly #deps: ArtRowsDeps;
  readonly #now: () => number;
  /** When each app's picture was asked for; as many as are offered. */
  readonly #askedAt = new Map<number, number>();
  /** Apps that have a row; as many as are known. */
  readonly #rows = new Set<string>();
  readonly #stopping = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(deps: ArtRowsDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
  }

  /** Goes on from the rows that stand. */
  async adopt(): Promise<void> {
    for (const { id } of await this.#deps.table.list('art')) this.#rows.add(id);
  }

  /**
   * Fetches what is due, one picture at a time and without being waited for, and forgets what is not known any more.
   *
   * @param offered ids of the apps that a host offers now. @param known of every app.
   */
  follow(offered: readonly number[], known: readonly number[]): void {
    const ids = new Set(offered);
    for (const id of this.#askedAt.keys()) if (!ids.has(id)) this.#askedAt.delete(id);
    for (const id of ids) {
      if (this.#now() - (this.#askedAt.get(id) ?? -Infinity) < BELIEVED_MS) continue;
      this.#askedAt.set(id, this.#now());
      this.#next(() => this.#fetch(id));
    }
    const names = new Set(known.map(String));
    for (const name of [...this.#rows].filter((each) => !names.has(each))) {
      this.#rows.delete(name);
      this.#next(() => this.#deps.rows.remove(name));
    }
  }

  /** Resolves when nothing is under way any more; what waits is not done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
  }

  #next(act: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#stopping.signal.aborted ? undefined : act()))
      .catch((err: unknown) => {
        this.#deps.log.debug({ err }, 'box art not kept');
      });
  }

  async #fetch(appId: number): Promise<void> {
    const { table, rows, asset } = this.#deps;
    const given = await asset(appId);
    const art = given && (await this.#fit(appId, given));
    if (art === undefined) return;
    const id = String(appId);
    const bytes = Buffer.from(art.bytes).toString('base64');
    const standing = await table.get('art', id);
    this.#rows.add(id);
    if (standing?.bytes === bytes && standing.type === art.type) return;
    await rows.put({ id, generation: (standing?.generation ?? 0) + 1, type: art.type, bytes });
  }

  /** As it came where it fits, else made smaller; `undefined` where that cannot be done. */
  async #fit(appId: number, art: BoxArt): Promise<BoxArt | undefined> {
    if (art.bytes.length <= ART_BYTES_MAX) return art;
    const { signal } = this.#stopping;
    const outcome = await scaleDown(art.bytes, signal);
    if ('png' in outcome) return { type: 'image/png', bytes: outcome.png };
    if (!signal.aborted) {
      const facts = { appId, sizeBytes: art.bytes.length, reason: outcome.reason };
      this.#deps.log.info(facts, 'box art is too large and cannot be made smaller');
    }
    return undefined;
  }
}
