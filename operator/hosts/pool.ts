/**
 * The static hosts: watches over each (is it up, paired, what does it offer), gives sessions a place on one, and is
 * the catalog the proxy shows. Hosts are asked every few seconds; one that does not answer leaves the list and comes
 * back by itself.
 */
import type { AppCatalog, AwaitedPin, CatalogApp, HostState } from '../../core/host/catalog.ts';
import type { BoxArt, HostDriver } from '../../core/host/types.ts';
import { CODEC_MODE } from '../../core/protocol/moonlight/codec-modes.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { appIdOf } from './app-id.ts';
import { mayPlayOn } from './rules.ts';
import type { HostRule, HostSpec } from './types.ts';
import { HostWatch } from './watch.ts';

const POLL_MS = 3_000;

export interface HostPoolDeps {
  hosts: readonly HostSpec[];
  /** Who may play where; anybody anywhere where absent. */
  rules?: readonly HostRule[];
  /** The driver of one identity at one host; made on first use and kept. */
  driverOf: (host: HostSpec, identityKey: string) => Promise<HostDriver>;
  log: Logger;
  /** How often each host is asked; every 3 s by default. */
  pollMs?: number;
}

/** A session's place on a host. */
export interface Placement {
  hostName: string;
  /** The host's own id of the app. */
  hostAppId: number;
  /** A driver under the identity of this (user, app), paired. */
  driver: () => Promise<HostDriver>;
}

/** A session that wants a place. */
export interface PlaceRequest {
  /** The session's. */
  id: string;
  /** Name of the person. */
  user: string;
  appId: number;
}

export class HostPool implements AppCatalog {
  readonly #watches: readonly HostWatch[];
  readonly #rules: readonly HostRule[];
  readonly #log: Logger;
  /** Bounded by the capacities of the hosts. */
  readonly #placements = new Map<string, { watch: HostWatch; placement: Placement }>();
  readonly #gameEnded = new Set<(sessionId: string) => void>();
  readonly #hostDown = new Set<(hostName: string) => void>();

  constructor({ hosts, rules = [], driverOf, log, pollMs = POLL_MS }: HostPoolDeps) {
    this.#rules = rules;
    this.#log = log;
    this.#watches = hosts.map(
      (spec) =>
        new HostWatch({
          spec,
          pollMs,
          driverOf: (key) => driverOf(spec, key),
          onDown: () => {
            for (const listener of this.#hostDown) listener(spec.name);
          },
          onGameEnded: (sessionId) => {
            for (const listener of this.#gameEnded) listener(sessionId);
          },
          log: log.child({ host: spec.name }),
        }),
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
   * Tells of each session whose game ended by itself, as far as its host says so (Wolf with its API socket).
   * Listeners must be quick.
   *
   * @returns a function that ends it.
   */
  onGameEnded(listener: (sessionId: string) => void): () => void {
    this.#gameEnded.add(listener);
    return () => this.#gameEnded.delete(listener);
  }

  /**
   * Tells of each host that goes down, once, also of one that never answered; see `placementsOf`. Listeners must be
   * quick.
   *
   * @returns a function that ends it.
   */
  onHostDown(listener: (hostName: string) => void): () => void {
    this.#hostDown.add(listener);
    return () => this.#hostDown.delete(listener);
  }

  /**
   * Reserves a place for a session on the least loaded host that offers the app and that the rules let the user play
   * on, in one step. One whose newest answer to a launch was of no use comes last.
   *
   * @returns `missing` when no such host is up, `busy` when all are full.
   */
  place({ id, user, appId }: PlaceRequest): Placement | 'missing' | 'busy' {
    const offering = this.#offering(appId).filter(
      ({ watch }) => watch.isOffering() && mayPlayOn(this.#rules, user, watch.spec.labels),
    );
    if (offering.length === 0) return 'missing';
    const load = ({ watch }: { watch: HostWatch }): number => this.#load(watch) / watch.capacity;
    const doubt = ({ watch }: { watch: HostWatch }): number => Number(watch.isDoubtful());
    const free = offering
      .filter((offer) => load(offer) < 1)
      .sort((one, other) => doubt(one) - doubt(other) || load(one) - load(other));
    const [best] = free;
    if (best === undefined) return 'busy';

    return this.#reserve(best.watch, { id, user, appId }, best.app.id);
  }

  /**
   * Gives a session the place back that it had before a restart, whether or not its host answers now.
   *
   * @param label host part of the `sessionUrl0` that the host gave for its game; `undefined` before it did.
   * @returns `undefined` when there is no host of that name any more.
   */
  restore(session: PlaceRequest, hostName: string, label?: string): Placement | undefined {
    const watch = this.#watches.find(({ spec }) => spec.name === hostName);
    if (watch !== undefined && label !== undefined) watch.follow(session.id, identityKeyOf(session), label);
    return watch && this.#reserve(watch, session, undefined);
  }

  placementOf(sessionId: string): Placement | undefined {
    return this.#placements.get(sessionId)?.placement;
  }

  /** Ids of the sessions that have a place on this host. */
  placementsOf(hostName: string): string[] {
    return [...this.#placements].filter(([, { watch }]) => watch.spec.name === hostName).map(([id]) => id);
  }

  /** Gives the place back. Idempotent. */
  release(sessionId: string): void {
    this.#placements.get(sessionId)?.watch.forget(sessionId);
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

  async asset(appId: number): Promise<BoxArt | undefined> {
    for (const { watch, app } of this.#offering(appId)) {
      // A host that gives none, or nonsense, must not keep the others' from the client.
      const asset = await watch.asset(app.id).catch((err: unknown) => {
        this.#log.debug({ host: watch.spec.name, err }, 'host gives no box art');
      });
      if (asset !== undefined) return asset;
    }
    return undefined;
  }

  codecModes(): number {
    const modes = this.#watches.flatMap((watch) => watch.info()?.codecModes ?? []);
    // A client that reads 0 here gives up before it says why.
    return modes.length === 0 ? CODEC_MODE.H264 : modes.reduce((all, each) => all & each) || CODEC_MODE.H264;
  }

  maxLumaPixelsHEVC(): number {
    const pixels = this.#watches.flatMap((watch) => watch.info()?.maxLumaPixelsHEVC ?? []);
    return pixels.length === 0 ? 0 : Math.min(...pixels);
  }

  awaitedPins(): AwaitedPin[] {
    return this.#watches.flatMap((watch) => watch.awaitedPin() ?? []);
  }

  hosts(): HostState[] {
    return this.#watches
      .map((watch) => ({
        name: watch.spec.name,
        address: watch.spec.address,
        state: watch.state(),
        capacity: watch.capacity,
        used: this.#load(watch),
        apps: watch
          .apps()
          .map(({ title }) => title)
          .sort((one, other) => one.localeCompare(other)),
        notices: watch.notices(),
        labels: watch.spec.labels ?? {},
      }))
      .sort((one, other) => one.name.localeCompare(other.name));
  }

  /** @param hostAppId `undefined`: whatever the host says by the time that it is needed; 0 is no app's. */
  #reserve(watch: HostWatch, session: PlaceRequest, hostAppId: number | undefined): Placement {
    const placement: Placement = {
      hostName: watch.spec.name,
      get hostAppId() {
        return hostAppId ?? watch.apps().find(({ title }) => appIdOf(title) === session.appId)?.id ?? 0;
      },
      driver: () => watch.playingDriver(session.id, identityKeyOf(session)),
    };
    this.#placements.set(session.id, { watch, placement });
    return placement;
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

/** A host keeps one game, and saved state, for each of them. */
function identityKeyOf({ user, appId }: PlaceRequest): string {
  return `${user}.${appId}`;
}
