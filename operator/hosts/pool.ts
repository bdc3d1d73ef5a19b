/**
 * The static hosts: watches over each (is it up, paired, what does it offer), gives sessions a place on one, and is
 * the catalog the proxy shows. Hosts are asked every few seconds; one that does not answer leaves the list and comes
 * back by itself.
 */
import type { AppCatalog, AwaitedPin, CatalogApp } from '../../core/host/catalog.ts';
import type { HostDriver } from '../../core/host/types.ts';
import { CODEC_MODE } from '../../core/protocol/moonlight/codec-modes.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { appIdOf } from './app-id.ts';
import { HostWatch } from './watch.ts';
import type { HostSpec } from './types.ts';

export interface HostPoolDeps {
  hosts: readonly HostSpec[];
  /** The driver of one identity at one host; made on first use and kept. */
  driverOf: (host: HostSpec, identityKey: string) => Promise<HostDriver>;
  log: Logger;
}

/** A session's place on a host. */
export interface Placement {
  hostName: string;
  /** The host's own id of the app. */
  hostAppId: number;
  /** A driver under the identity of this (pairing, app), paired. */
  driver: () => Promise<HostDriver>;
}

export class HostPool implements AppCatalog {
  readonly #watches: readonly HostWatch[];
  /** Bounded by the capacities of the hosts. */
  readonly #placements = new Map<string, { watch: HostWatch; placement: Placement }>();

  constructor({ hosts, driverOf, log }: HostPoolDeps) {
    this.#watches = hosts.map(
      (spec) =>
        new HostWatch({ spec, driverOf: (key) => driverOf(spec, key), log: log.child({ host: spec.name }) }),
    );
  }

  /** Begins to watch; resolves when each host was asked once. */
  async start(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.stop()));
  }

  /**
   * Reserves a place for a session on the least loaded host that offers the app, in one step.
   *
   * @returns `missing` when no host that is up has the app, `busy` when all that have it are full.
   */
  place(session: { id: string; pairingName: string; appId: number }): Placement | 'missing' | 'busy' {
    const offering = this.#offering(session.appId);
    if (offering.length === 0) return 'missing';
    const load = ({ watch }: { watch: HostWatch }): number => this.#load(watch) / watch.spec.capacity;
    const free = offering.filter((offer) => load(offer) < 1).sort((one, other) => load(one) - load(other));
    const [best] = free;
    if (best === undefined) return 'busy';

    const { watch, app } = best;
    const placement: Placement = {
      hostName: watch.spec.name,
      hostAppId: app.id,
      driver: () => watch.pairedDriver(`${session.pairingName}.${session.appId}`),
    };
    this.#placements.set(session.id, { watch, placement });
    return placement;
  }

  placementOf(sessionId: string): Placement | undefined {
    return this.#placements.get(sessionId)?.placement;
  }

  /** Gives the place back. Idempotent. */
  release(sessionId: string): void {
    this.#placements.delete(sessionId);
  }

  list(): CatalogApp[] {
    const apps = new Map<number, CatalogApp>();
    for (const watch of this.#watches) {
      for (const { title, isHdrSupported } of watch.apps()) {
        const id = appIdOf(title);
        apps.set(id, { id, title, isHdrSupported: isHdrSupported && (apps.get(id)?.isHdrSupported ?? true) });
      }
    }
    return [...apps.values()].sort((one, other) => one.title.localeCompare(other.title));
  }

  async asset(appId: number): Promise<{ type: string; bytes: Uint8Array } | undefined> {
    for (const { watch, app } of this.#offering(appId)) {
      const asset = await watch.asset(app.id);
      if (asset !== undefined) return asset;
    }
    return undefined;
  }

  codecModes(): number {
    const modes = this.#watches.flatMap((watch) => watch.info()?.codecModes ?? []);
    return modes.length === 0 ? CODEC_MODE.H264 : modes.reduce((all, each) => all & each);
  }

  maxLumaPixelsHEVC(): number {
    const pixels = this.#watches.flatMap((watch) => watch.info()?.maxLumaPixelsHEVC ?? []);
    return pixels.length === 0 ? 0 : Math.min(...pixels);
  }

  awaitedPins(): AwaitedPin[] {
    return this.#watches.flatMap((watch) => watch.awaitedPin() ?? []);
  }

  #offering(appId: number): { watch: HostWatch; app: { id: number } }[] {
    return this.#watches.flatMap((watch) => {
      const app = watch.apps().find(({ title }) => appIdOf(title) === appId);
      return app === undefined ? [] : { watch, app };
    });
  }

  #load(watch: HostWatch): number {
    return [...this.#placements.values()].filter((placed) => placed.watch === watch).length;
  }
}
