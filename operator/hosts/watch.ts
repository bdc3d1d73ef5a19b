/**
 * Watch over one static host: asks it every few seconds who it is and what it offers, and sees to it that our
 * identities are paired there (by itself where the host lets us type the PIN, else by showing the PIN to type).
 */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AwaitedPin } from '../../core/host/catalog.ts';
import type { HostApp, HostDriver, HostInfo } from '../../core/host/types.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { HostSpec } from './types.ts';

/** How often a host is asked; twice without an answer means it is down. */
const POLL_MS = 3_000;
const FAILURES_MAX = 2;
/** How long a pairing that types the PIN by itself may take. */
const AUTOMATIC_PAIRING_MS = 15_000;
/** Pause before the PIN is typed for us: the host must have seen step 1 first. */
const PIN_RETRY_MS = 20;
/** The identity that asks and, where a person types PINs, the only one. */
const OWN_IDENTITY = 'default';

export interface HostWatchDeps {
  spec: HostSpec;
  driverOf: (identityKey: string) => Promise<HostDriver>;
  log: Logger;
}

export class HostWatch {
  readonly spec: HostSpec;
  readonly #deps: HostWatchDeps;
  readonly #stopping = new AbortController();
  #info: HostInfo | undefined;
  #apps: HostApp[] = [];
  #awaitedPin: string | undefined;
  #failures = 0;
  #loop: Promise<void> | undefined;

  constructor(deps: HostWatchDeps) {
    this.spec = deps.spec;
    this.#deps = deps;
  }

  /** Asks once, then keeps asking. */
  async start(): Promise<void> {
    await this.#ask();
    this.#loop = this.#keepAsking();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  /** What the host last said of itself; `undefined` while it is down. */
  info(): HostInfo | undefined {
    return this.#info;
  }

  /** What it offers; empty while it is down or not paired. */
  apps(): readonly HostApp[] {
    return this.#apps;
  }

  awaitedPin(): AwaitedPin | undefined {
    const { name, address } = this.spec;
    return this.#awaitedPin === undefined ? undefined : { hostName: name, address, pin: this.#awaitedPin };
  }

  async asset(hostAppId: number): Promise<{ type: string; bytes: Uint8Array } | undefined> {
    const driver = await this.#deps.driverOf(OWN_IDENTITY);
    return driver.appasset(hostAppId);
  }

  /**
   * A driver whose identity the host knows: `identityKey`'s own where PINs are typed by themselves.
   *
   * @throws GleipnirError HOST_* when the host is away or refuses.
   */
  async pairedDriver(identityKey: string): Promise<HostDriver> {
    if (this.spec.enterPin === undefined) return this.#deps.driverOf(OWN_IDENTITY);
    const driver = await this.#deps.driverOf(identityKey);
    if (!(await driver.serverinfo()).isPaired) await this.#pairByItself(driver, this.spec.enterPin);
    return driver;
  }

  async #keepAsking(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await delay(POLL_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    try {
      const driver = await this.#deps.driverOf(OWN_IDENTITY);
      const info = await driver.serverinfo();
      if (!info.isPaired) await this.#pair(driver);
      this.#apps = info.isPaired || this.#awaitedPin === undefined ? await driver.applist() : [];
      if (this.#info === undefined) this.#deps.log.info({ apps: this.#apps.length }, 'host is up');
      this.#info = info;
      this.#failures = 0;
    } catch (err) {
      this.#failures += 1;
      if (this.#failures < FAILURES_MAX && this.#info !== undefined) return;
      if (this.#info !== undefined || this.#failures === 1) this.#deps.log.warn({ err }, 'host is down');
      this.#info = undefined;
      this.#apps = [];
    }
  }

  async #pair(driver: HostDriver): Promise<void> {
    if (this.spec.enterPin !== undefined) await this.#pairByItself(driver, this.spec.enterPin);
    else if (this.#awaitedPin === undefined) this.#pairByPerson(driver);
  }

  /** Shows a PIN and waits, for as long as it takes, until somebody typed it at the host. */
  #pairByPerson(driver: HostDriver): void {
    const pin = randomPin();
    this.#awaitedPin = pin;
    this.#deps.log.info('host asks for a PIN: see the PIN page');
    driver
      .pair(pin, this.#stopping.signal)
      .then(
        () => {
          this.#deps.log.info('host is paired');
        },
        (err: unknown) => {
          if (!this.#stopping.signal.aborted) this.#deps.log.warn({ err }, 'pairing with the host failed');
        },
      )
      .finally(() => {
        this.#awaitedPin = undefined;
      });
  }

  async #pairByItself(driver: HostDriver, enterPin: (pin: string) => boolean): Promise<void> {
    const pin = randomPin();
    const isDone = new AbortController();
    const limit = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(AUTOMATIC_PAIRING_MS)]);
    const typing = (async () => {
      while (!isDone.signal.aborted && !limit.aborted && !enterPin(pin)) await delay(PIN_RETRY_MS);
    })();
    await driver.pair(pin, limit).finally(() => {
      isDone.abort();
    });
    await typing;
  }
}

function randomPin(): string {
  return String(randomInt(10_000)).padStart(4, '0');
}
