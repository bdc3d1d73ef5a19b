/**
 * What the hosts together offer, as clients and the console see it: App objects, and the rows that the operator
 * writes about its hosts. The proxy knows no host itself.
 */
import { holdersOf } from '../core/crd/precedence.ts';
import type { App } from '../core/crd/types.ts';
import type { BoxArt } from '../core/host/types.ts';
import type { AppCatalog, AwaitedPin, CatalogApp, HostState } from '../core/host/catalog.ts';
import { CODEC_MODE } from '../core/protocol/moonlight/codec-modes.ts';
import type { Logger } from '../core/runtime/log.ts';
import type { Sealer } from '../core/runtime/seal.ts';
import { TableFollower } from '../core/session/follow.ts';
import type { HostRecord } from '../core/session/host-record.ts';
import type { TableReader } from '../core/session/table.ts';
import type { ObjectStore } from '../core/store/object-store.ts';

export interface CatalogDeps {
  apps: Pick<ObjectStore<'App'>, 'list' | 'watch'>;
  table: TableReader;
  sealer: Sealer;
  log: Logger;
}

/** Follows both between `start` and `stop`; every look-up but that of a picture is synchronous. */
export class Catalog implements AppCatalog {
  readonly #deps: CatalogDeps;
  readonly #rows: TableFollower<'host'>;
  /** By name; as many as the store holds. */
  readonly #apps = new Map<string, App>();
  #unwatch: (() => void) | undefined;

  constructor(deps: CatalogDeps) {
    this.#deps = deps;
    this.#rows = new TableFollower({
      reader: deps.table,
      kinds: ['host'],
      onError: (err) => {
        deps.log.error({ err }, 'hosts not readable');
      },
    });
  }

  /** @throws what the table or the store throws when it cannot be read. */
  async start(): Promise<void> {
    await this.#rows.start();
    this.#unwatch = this.#deps.apps.watch(({ type, object }) => {
      if (type === 'deleted') this.#apps.delete(object.metadata.name);
      else this.#apps.set(object.metadata.name, object);
    });
    for (const app of await this.#deps.apps.list()) this.#apps.set(app.metadata.name, app);
  }

  stop(): Promise<void> {
    this.#unwatch?.();
    this.#rows.stop();
    return Promise.resolve();
  }

  /** The Apps that have their ids, as the operator says in their status, each while a host that is up offers it. */
  list(): CatalogApp[] {
    const offered = new Set(this.#up().flatMap(({ apps }) => apps.map(({ id }) => id)));
    return [...holdersOf([...this.#apps.values()], ({ spec }) => [spec.id]).values()]
      .filter(({ spec }) => offered.has(spec.id))
      .map(({ spec }) => ({ id: spec.id, title: spec.title, isHdrSupported: spec.isHDRSupported ?? false }))
      .sort((one, other) => one.title.localeCompare(other.title));
  }

  async asset(appId: number): Promise<BoxArt | undefined> {
    const art = await this.#deps.table.get('art', String(appId));
    return art && { type: art.type, bytes: Buffer.from(art.bytes, 'base64') };
  }

  codecModes(): number {
    const modes = [...this.#rows.all('host')].flatMap((host) => host.codecModes ?? []);
    // A client that reads 0 here gives up before it says why.
    return modes.length === 0 ? CODEC_MODE.H264 : modes.reduce((all, each) => all & each) || CODEC_MODE.H264;
  }

  maxLumaPixelsHEVC(): number {
    const pixels = [...this.#rows.all('host')].flatMap((host) => host.maxLumaPixelsHEVC ?? []);
    return pixels.length === 0 ? 0 : Math.min(...pixels);
  }

  awaitedPins(): AwaitedPin[] {
    return [...this.#rows.all('host')].flatMap(({ id, address, pin }) =>
      pin === undefined
        ? []
        : [{ hostName: id, address, pin: this.#deps.sealer.open(pin).toString() } satisfies AwaitedPin],
    );
  }

  hosts(): HostState[] {
    return [...this.#rows.all('host')]
      .map(({ id, address, state, problem, notices, capacity, used, labels, apps }) => ({
        name: id,
        address,
        state,
        problem,
        notices,
        capacity,
        used,
        apps: apps.map(({ title }) => title).sort((one, other) => one.localeCompare(other)),
        labels,
      }))
      .sort((one, other) => one.name.localeCompare(other.name));
  }

  #up(): HostRecord[] {
    return [...this.#rows.all('host')].filter(({ state }) => state === 'up');
  }
}
