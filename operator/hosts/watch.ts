/**
 * Watch over one static host: asks it every few seconds who it is and what it offers, and sees to it that our
 * identities are paired there (by itself where we can type the PIN, else by showing the PIN to type).
 */
import type { HostState } from '../../core/host/catalog.ts';
import { describeLeftOut, NO_OFFER, type HostApp, type HostOffer } from '../../core/host/offer.ts';
import type { BoxArt, HostDriver, HostInfo, LaunchAnswer } from '../../core/host/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { Complaints, isInvalidAnswer } from './complaints.ts';
import { describeHostProblem } from './problem.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { randomPin } from './pin.ts';
import { SelfPairing } from './self-pairing.ts';
import { capacityOf, type HostSpec } from './types.ts';
import { WolfWatch } from './wolf-watch.ts';

/** So many times without an answer, and a host is down. */
const FAILURES_MAX = 2;
/** The identity that asks and, where a person types PINs, the only one. */
const OWN_IDENTITY = 'default';

export interface HostWatchDeps {
  spec: HostSpec;
  /** How often it is asked. */
  pollMs: number;
  driverOf: (identityKey: string) => Promise<HostDriver>;
  /** Called once each time the host goes down, also when it does not answer from the start. */
  onDown: () => void;
  /** Called whenever what it is or offers may have changed. */
  onChange: () => void;
  /** A game that was launched through `playingDriver` ended by itself. */
  onGameEnded: (sessionId: string) => void;
  log: Logger;
}

export class HostWatch {
  readonly spec: HostSpec;
  readonly capacity: number;
  readonly #deps: HostWatchDeps;
  readonly #stopping = new AbortController();
  readonly #wolf: WolfWatch | undefined;
  readonly #selfPairing: SelfPairing | undefined;
  /** Unknown until it answered, or did not twice. */
  #state: HostState['state'] | undefined;
  #info: HostInfo | undefined;
  #offer: HostOffer = NO_OFFER;
  readonly #complaints = new Complaints();
  #awaitedPin: string | undefined;
  #failures = 0;
  #isSuspect = false;
  /** Why it did not answer when last asked. */
  #problem: string | undefined;
  /** Why our own pairing failed last. */
  #pairingProblem: string | undefined;
  /** Aborted to ask before the time. */
  #hurry = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(deps: HostWatchDeps) {
    const { spec, log, onGameEnded } = deps;
    this.spec = spec;
    this.capacity = capacityOf(spec);
    this.#deps = deps;
    if (spec.wolfSocket !== undefined) {
      const onDisconnected = (): void => {
        this.#hurry.abort();
      };
      this.#wolf = new WolfWatch({ spec, socketPath: spec.wolfSocket, onGameEnded, onDisconnected, log });
    }
    this.#selfPairing = this.#createSelfPairing();
  }

  /** Asks once, then keeps asking. */
  async start(): Promise<void> {
    this.#wolf?.start();
    await this.#ask();
    this.#loop = this.#keepAsking();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#loop, this.#wolf?.stop()]);
  }

  state(): HostState['state'] {
    return this.#state ?? 'down';
  }

  /** Why it is not up, in a few words; `undefined` while it is, while a PIN is awaited, and until it was asked. */
  problem(): string | undefined {
    if (this.#state === 'up') return undefined;
    return this.#state === 'unpaired' ? this.#pairingProblem : this.#problem;
  }

  /** Whether it is known not to answer. */
  isDown(): boolean {
    return this.#state === 'down';
  }

  /** Whether a session may be placed here: it is up, and no launch has failed since it last answered. */
  isOffering(): boolean {
    return this.#state === 'up' && !this.#isSuspect;
  }

  /** What the host last said of itself; `undefined` while it is down. */
  info(): HostInfo | undefined {
    return this.#info;
  }

  /** What it offers; empty while it is down or not paired. */
  apps(): readonly HostApp[] {
    return this.#offer.apps;
  }

  /** What is wrong with what it says, a sentence each. */
  notices(): string[] {
    return [...describeLeftOut(this.#offer.leftOut), ...this.#complaints.sentences()];
  }

  /** Whether its newest answer to a launch was of no use. */
  isDoubtful(): boolean {
    return this.#complaints.has('launch');
  }

  /** 4 digits that a person must type at the host; `undefined` where none is awaited. */
  awaitedPin(): string | undefined {
    return this.#awaitedPin;
  }

  async asset(hostAppId: number): Promise<BoxArt | undefined> {
    const driver = await this.#deps.driverOf(OWN_IDENTITY);
    return driver.appasset(hostAppId);
  }

  /**
   * The driver that plays a session, its identity known to the host: `identityKey`'s own where we can type PINs. The
   * game that it launches is followed to its end.
   *
   * @throws GleipnirError HOST_* when the host is away or refuses.
   */
  async playingDriver(sessionId: string, identityKey: string): Promise<HostDriver> {
    const driver = await this.#noticing(() => this.#pairedDriver(identityKey));
    const begin = async (start: () => Promise<LaunchAnswer>): Promise<LaunchAnswer> => {
      this.forget(sessionId);
      const answer = await this.#noticing(start);
      this.#complaints.settle('launch');
      this.#deps.onChange();
      this.follow(sessionId, identityKey, answer.label);
      return answer;
    };
    return {
      ...driver,
      launch: (request) => begin(() => driver.launch(request)),
      resume: (request) => begin(() => driver.resume(request)),
      cancel: () => {
        this.forget(sessionId);
        return driver.cancel();
      },
    };
  }

  /** Follows a game that the host plays, to its end. @param label host part of the `sessionUrl0` that it gave. */
  follow(sessionId: string, identityKey: string, label: string): void {
    this.#wolf?.games.follow(sessionId, { label, driver: () => this.#deps.driverOf(identityKey) });
  }

  /** The session's game is no longer followed. Idempotent. */
  forget(sessionId: string): void {
    this.#wolf?.games.forget(sessionId);
  }

  /** Whether the game of a session was found to have ended by itself. */
  isGameOver(sessionId: string): boolean {
    return this.#wolf?.games.isOver(sessionId) ?? false;
  }

  async #pairedDriver(identityKey: string): Promise<HostDriver> {
    if (this.#selfPairing === undefined) return this.#deps.driverOf(OWN_IDENTITY);
    const driver = await this.#deps.driverOf(identityKey);
    if (!(await driver.serverinfo()).isPaired) await this.#selfPairing.pair(driver);
    return driver;
  }

  /** A host that did not answer gets no further session before it answers again, and is asked at once. */
  async #noticing<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (error instanceof GleipnirError && error.code === 'HOST_UNREACHABLE') {
        this.#isSuspect = true;
        this.#hurry.abort();
      }
      if (isInvalidAnswer(error)) {
        this.#complaints.note('launch', error);
        this.#deps.onChange();
      }
      throw error;
    }
  }

  #createSelfPairing(): SelfPairing | undefined {
    const { name: hostName, enterPin } = this.spec;
    const wolf = this.#wolf;
    const { signal } = this.#stopping;
    if (wolf !== undefined) {
      return new SelfPairing({ hostName, signal, prepare: () => wolf.preparePinEntry() });
    }
    if (enterPin === undefined) return undefined;
    return new SelfPairing({ hostName, signal, prepare: () => async (pin) => enterPin(pin) });
  }

  async #keepAsking(): Promise<void> {
    for (;;) {
      const signal = AbortSignal.any([this.#stopping.signal, this.#hurry.signal]);
      await delay(this.#deps.pollMs, undefined, { signal, ref: false }).catch(() => undefined);
      this.#hurry = new AbortController();
      if (this.#stopping.signal.aborted) return;
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    try {
      const driver = await this.#deps.driverOf(OWN_IDENTITY);
      const info = await driver.serverinfo();
      const isPaired = info.isPaired || (await this.#pair(driver));
      this.#answered(info, isPaired ? await this.#askOffer(driver) : undefined);
    } catch (err) {
      this.#failed(err);
    }
    this.#deps.onChange();
    await this.#wolf?.games.look();
  }

  /** A host that has no usable list is up all the same: what is played there must not suffer from its list. */
  async #askOffer(driver: HostDriver): Promise<HostOffer> {
    try {
      const offer = await driver.applist();
      this.#complaints.settle('applist');
      return offer;
    } catch (err) {
      const failures = this.#complaints.note('applist', err);
      if (failures === 1) this.#deps.log.warn({ err }, 'host gives no usable list of apps');
      return failures < FAILURES_MAX ? this.#offer : NO_OFFER;
    }
  }

  /** @param offer `undefined` while the host does not know us. */
  #answered(info: HostInfo, offer: HostOffer | undefined): void {
    const state = offer === undefined ? 'unpaired' : 'up';
    if (this.#state !== state) {
      this.#deps.log.info({ state, apps: offer?.apps.length ?? 0 }, 'host answers');
    }
    this.#state = state;
    this.#info = info;
    this.#offer = offer ?? NO_OFFER;
    if (offer === undefined) this.#complaints.clear();
    this.#problem = undefined;
    this.#failures = 0;
    this.#isSuspect = false;
  }

  #failed(err: unknown): void {
    this.#problem = describeHostProblem(err);
    this.#failures += 1;
    if (this.#state === 'down' || this.#stopping.signal.aborted) return;
    if (this.#failures < FAILURES_MAX && !this.#isSuspect) return;
    this.#deps.log.warn({ err }, 'host is down');
    this.#state = 'down';
    this.#info = undefined;
    this.#offer = NO_OFFER;
    this.#complaints.clear();
    this.#deps.onDown();
  }

  /** @returns whether the host knows us now. */
  async #pair(driver: HostDriver): Promise<boolean> {
    if (this.#selfPairing === undefined) {
      if (this.#awaitedPin === undefined) this.#pairByPerson(driver);
      return false;
    }
    try {
      await this.#selfPairing.pair(driver);
      this.#deps.log.info('host is paired');
      this.#pairingProblem = undefined;
      return true;
    } catch (err) {
      if (this.#pairingProblem === undefined) this.#deps.log.warn({ err }, 'pairing with the host failed');
      this.#pairingProblem = describeHostProblem(err);
      return false;
    }
  }

  /** Shows a PIN and waits, for as long as it takes, until somebody typed it at the host. */
  #pairByPerson(driver: HostDriver): void {
    const pin = randomPin();
    this.#awaitedPin = pin;
    this.#deps.log.info('host asks for a PIN: see the Hosts page of the console');
    driver
      .pair(pin, this.#stopping.signal)
      .then(
        () => {
          this.#deps.log.info('host is paired');
          this.#hurry.abort();
        },
        (err: unknown) => {
          if (!this.#stopping.signal.aborted) this.#deps.log.warn({ err }, 'pairing with the host failed');
        },
      )
      .finally(() => {
        this.#awaitedPin = undefined;
        this.#deps.onChange();
      });
  }
}
