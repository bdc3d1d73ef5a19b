/**
 * A relay that acts while the public address is on this machine, and holds nothing while it is not: no port is bound
 * and nothing is sent, so that two relays never serve one address. Beginning to act is what a restart does: the flows
 * are taken up as the relay before it wrote them.
 */
import type { Logger } from '../../core/runtime/log.ts';
import type { Relay } from '../relay.ts';
import { AddressWatch, type AddressWatchDeps } from './address-watch.ts';

/** A start that failed is tried again after so long, ms. */
const RETRY_MS = 250;

export interface ActingRelayDeps {
  /** A relay that has not been started; a new one each time. It may wait long for its start. */
  create: () => Relay;
  /** It acts while this IP address is on an interface of this machine. */
  publicAddress: string;
  log: Logger;
  /** For tests. */
  addresses?: AddressWatchDeps['addresses'];
}

export class ActingRelay {
  readonly #deps: ActingRelayDeps;
  readonly #watch: AddressWatch;
  #isWanted = false;
  #acting: Relay | undefined;
  /** Made ahead: to load the kernel's part takes longer than to take up the sessions. */
  #next: Relay | undefined;
  /** The change under way. */
  #change: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(deps: ActingRelayDeps) {
    this.#deps = deps;
    this.#watch = new AddressWatch({
      address: deps.publicAddress,
      onChange: (isHere) => {
        deps.log.info({ address: deps.publicAddress, isHere }, 'public address moved');
        this.#want(isHere);
      },
      ...(deps.addresses === undefined ? {} : { addresses: deps.addresses }),
    });
  }

  /** @throws what `create` throws */
  start(): void {
    this.#next = this.#deps.create();
    this.#watch.start();
  }

  async stop(): Promise<void> {
    this.#watch.stop();
    clearTimeout(this.#retry);
    this.#want(false);
    await this.#change;
    await this.#next?.stop();
  }

  /** The relay that acts now. */
  acting(): Relay | undefined {
    return this.#acting;
  }

  /** Whether it does what the address asks for. */
  isSettled(): boolean {
    return this.#isWanted === (this.#acting !== undefined);
  }

  #want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#change ??= this.#settle().finally(() => {
      this.#change = undefined;
    });
  }

  /** One change after another, until the relay is as wanted. */
  async #settle(): Promise<void> {
    while (!this.isSettled()) {
      if (!(this.#isWanted ? await this.#begin() : await this.#end())) return;
    }
  }

  async #begin(): Promise<boolean> {
    try {
      const relay = this.#next ?? this.#deps.create();
      this.#next = undefined;
      await relay.start();
      this.#acting = relay;
      return true;
    } catch (err) {
      this.#deps.log.error({ err }, 'relay cannot act for the public address');
      this.#retry = setTimeout(() => {
        this.#want(this.#isWanted);
      }, RETRY_MS);
      return false;
    }
  }

  async #end(): Promise<boolean> {
    const relay = this.#acting;
    this.#acting = undefined;
    await relay?.stop();
    try {
      this.#next = this.#deps.create();
    } catch (err) {
      this.#deps.log.warn({ err }, 'relay cannot be made ahead');
    }
    return true;
  }
}
