/**
 * What the operator knows of its static hosts, made known to everybody: host rows, App objects and box art. Looks at
 * the hosts as they are now, whatever happened to them; several changes at once cost one look.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../core/runtime/log.ts';
import type { Sealer } from '../../core/runtime/seal.ts';
import type { TableReader, TableWriter } from '../../core/session/table.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { writeApps } from './app-objects.ts';
import { ArtRows } from './art-rows.ts';
import { HostRows } from './host-rows.ts';
import type { HostPool } from './pool.ts';

/** Pause after a store that did not take it, ms. */
const RETRY_MS = 1_000;

export interface HostPublisherDeps {
  hosts: Pick<HostPool, 'facts' | 'asset' | 'onChange'>;
  apps: ObjectStore<'App'>;
  table: TableReader;
  hostRows: TableWriter<'host'>;
  artRows: TableWriter<'art'>;
  sealer: Sealer;
  log: Logger;
}

/** Publishes between `start` and `stop`. */
export class HostPublisher {
  readonly #deps: HostPublisherDeps;
  readonly #rows: HostRows;
  readonly #art: ArtRows;
  readonly #stopping = new AbortController();
  #unwatch: (() => void) | undefined;
  #hasChanged = false;
  #work: Promise<void> | undefined;

  constructor(deps: HostPublisherDeps) {
    const { hosts, table, hostRows, artRows, log } = deps;
    this.#deps = deps;
    this.#rows = new HostRows({ ...deps, rows: hostRows });
    this.#art = new ArtRows({ table, rows: artRows, asset: (id) => hosts.asset(id), log });
  }

  /** Resolves when everything but the box art is known. @throws what the table or the store throws. */
  async start(): Promise<void> {
    await Promise.all([this.#rows.adopt(), this.#art.adopt()]);
    await this.#publish();
    this.#unwatch = this.#deps.hosts.onChange(() => {
      this.#hasChanged = true;
      this.#work ??= this.#follow();
    });
  }

  /** Leaves everything as it stands. */
  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#stopping.abort();
    await Promise.all([this.#work, this.#art.stop()]);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    while (this.#hasChanged && !signal.aborted) {
      this.#hasChanged = false;
      try {
        await this.#publish();
      } catch (err) {
        this.#deps.log.warn({ err }, 'hosts could not be made known');
        this.#hasChanged = true;
        await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
    this.#work = undefined;
  }

  async #publish(): Promise<void> {
    const facts = this.#deps.hosts.facts();
    await this.#rows.write(facts);
    const known = await writeApps(this.#deps.apps, facts);
    this.#art.follow(
      facts.flatMap(({ apps }) => apps.map(({ id }) => id)),
      known,
    );
  }
}
