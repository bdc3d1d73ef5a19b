/**
 * The static hosts: watches over each (is it up, paired, what does it offer) and gives sessions a place on one. Hosts
 * are asked every few seconds; one that does not answer comes back by itself.
 */
import type { CatalogApp } from '../../core/host/catalog.ts';
import type { BoxArt, HostDriver } from '../../core/host/types.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { appIdOf } from './app-id.ts';
import { carries, mayPlayOn } from './rules.ts';
import type { HostFacts, HostRule, HostSpec } from './types.ts';
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
  /** Name of the person. */
  user: string;
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

export class HostPool {
  readonly #watches: readonly HostWatch[];
  readonly #rules: readonly HostRule[];
  readonly #log: Logger;
  /** Bounded by the capacities of the hosts. */
  readonly #placements = new Map<string, { watch: HostWatch; placement: Placement }>();
  readonly #gameEnded = new Set<(sessionId: string) => void>();
  readonly #hostDown = new Set<(hostName: string) => void>();
  readonly #changed = new Set<() => void>();

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
          onChange: () => {
            this.#tellChange();
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
   * Tells of each session whose game ended by itself, as far as its host says so (Wolf with its API socket); see
   * `isGameOver`. Listeners must be quick.
   *
   * @returns a function that ends it.
   */
  onGameEnded(listener: (sessionId: string) => void): () => void {
    this.#gameEnded.add(listener);
    return () => this.#gameEnded.delete(listener);
  }

  /**
   * Tells of each host that goes down, once, also of one that never answered; see `isDown`. Listeners must be quick.
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
   * @param hostSelector labels that the host must carry besides.
   * @returns `missing` when no such host is up, `busy` when all are full.
   */
  place(
    { id, user, appId }: PlaceRequest,
    hostSelector: HostRule['hosts'] = {},
  ): Placement | 'missing' | 'busy' {
    const offering = this.#offering(appId).filter(({ watch }) => {
      const { labels } = watch.spec;
      return watch.isOffering() && mayPlayOn(this.#rules, user, labels) && carries(labels, hostSelector);
    });
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

  /** Whether the host of that name is known not to answer. */
  isDown(hostName: string): boolean {
    return this.#watches.some((watch) => watch.spec.name === hostName && watch.isDown());
  }

  /** Whether the game of a session that has a place was found to have ended by itself. */
  isGameOver(sessionId: string): boolean {
    return this.#placements.get(sessionId)?.watch.isGameOver(sessionId) ?? false;
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
    if (this.#placements.delete(sessionId)) this.#tellChange();
  }

  /** Calls `listener` whenever `facts` may have changed. Listeners must be quick. @returns how to stop. */
  onChange(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  /** Every host, up or not, by name. */
  facts(): HostFacts[] {
    return this.#watches
      .map((watch): HostFacts => {
        const { codecModes, maxLumaPixelsHEVC } = watch.info() ?? {};
        const pin = watch.awaitedPin();
        return {
          name: watch.spec.name,
          address: watch.spec.address,
          state: watch.state(),
          problem: watch.problem() ?? null,
          capacity: watch.capacity,
          used: this.#load(watch),
          apps: offersOf(watch),
          notices: watch.notices(),
          labels: watch.spec.labels ?? {},
          ...(codecModes === undefined ? {} : { codecModes }),
          ...(maxLumaPixelsHEVC === undefined ? {} : { maxLumaPixelsHEVC }),
          ...(pin === undefined ? {} : { pin }),
        };
      })
      .sort((one, other) => one.name.localeCompare(other.name));
  }

  /** Box art from a host that offers the app now, or `undefined`. */
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

  /** @param hostAppId `undefined`: whatever the host says by the time that it is needed; 0 is no app's. */
  #reserve(watch: HostWatch, session: PlaceRequest, hostAppId: number | undefined): Placement {
    const placement: Placement = {
      hostName: watch.spec.name,
      user: session.user,
      get hostAppId() {
        return hostAppId ?? watch.apps().find(({ title }) => appIdOf(title) === session.appId)?.id ?? 0;
      },
      driver: () => watch.playingDriver(session.id, identityKeyOf(session)),
    };
    this.#placements.set(session.id, { watch, placement });
    this.#tellChange();
    return placement;
  }

  #tellChange(): void {
    for (const listener of this.#changed) listener();
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

/** Titles are told apart by the ids that clients know: one that a host offers twice is one. */
function offersOf(watch: HostWatch): CatalogApp[] {
  const offers = new Map<number, CatalogApp>();
  for (const { title, isHdrSupported } of watch.apps()) {
    const id = appIdOf(title);
    const isHdr = isHdrSupported && (offers.get(id)?.isHdrSupported ?? true);
    offers.set(id, { id, title, isHdrSupported: isHdr });
  }
  return [...offers.values()];
}
