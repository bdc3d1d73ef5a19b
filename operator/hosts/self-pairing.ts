/** Pairing our identities with a host where the PIN can be typed by ourselves: one at a time, each with a new PIN. */
import { setTimeout as delay } from 'node:timers/promises';
import { PairingQueue } from '../../core/host/pairing-queue.ts';
import type { HostDriver } from '../../core/host/types.ts';
import type { TypePin } from '../../core/host/wolf/pin-entry.ts';
import { randomPin } from './pin.ts';

/** How long one pairing may take, without the wait for its turn. */
const PAIRING_MS = 15_000;
/** Pause before the PIN is typed again: the host must have seen step 1 first. */
const RETRY_MS = 20;

export interface SelfPairingDeps {
  hostName: string;
  /** Called before each pairing. */
  prepare: () => Promise<TypePin> | TypePin;
  /** Ends what is under way. */
  signal: AbortSignal;
}

export class SelfPairing {
  readonly #deps: SelfPairingDeps;
  /** A PIN is typed for whoever waits at the host: of our identities, one may wait there at a time. */
  readonly #turns = new PairingQueue();

  constructor(deps: SelfPairingDeps) {
    this.#deps = deps;
  }

  /** Pairs the driver's identity, unless the host knows it. @throws GleipnirError HOST_*, PIN_WRONG */
  pair(driver: HostDriver): Promise<void> {
    const { hostName, signal } = this.#deps;
    return this.#turns.run(hostName, signal, async () => {
      if (!(await driver.serverinfo()).isPaired) await this.#pairNow(driver);
    });
  }

  async #pairNow(driver: HostDriver): Promise<void> {
    const typePin = await this.#deps.prepare();
    const pin = randomPin();
    const over = new AbortController();
    const signal = AbortSignal.any([this.#deps.signal, over.signal, AbortSignal.timeout(PAIRING_MS)]);
    const end = (): void => {
      over.abort();
    };
    // Each ends with the other, and the turn with both.
    const [typing, pairing] = await Promise.allSettled([
      typeUntilTaken(typePin, pin, signal).catch((error: unknown) => {
        end();
        throw error;
      }),
      driver.pair(pin, signal).finally(end),
    ]);
    if (typing.status === 'rejected') throw typing.reason;
    if (pairing.status === 'rejected') throw pairing.reason;
  }
}

async function typeUntilTaken(typePin: TypePin, pin: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await typePin(pin))) {
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}
