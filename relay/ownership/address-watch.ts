/** Tells when an IP address comes to this machine and when it leaves, as keepalived or kube-vip move it. */
import { networkInterfaces } from 'node:os';
import { canonicalAddress } from '../../core/runtime/address.ts';

/** How often the machine's addresses are looked at: some 0.05 ms each time. */
const LOOK_MS = 25;

export interface AddressWatchDeps {
  address: string;
  /** Called when it came, or left, since the last call; never twice with the same. First when the watch starts, if it is here. */
  onChange: (isHere: boolean) => void;
  /** The machine's addresses; for tests. */
  addresses?: () => string[];
}

export class AddressWatch {
  readonly #deps: AddressWatchDeps;
  readonly #address: string;
  #isHere = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: AddressWatchDeps) {
    this.#deps = deps;
    this.#address = canonicalAddress(deps.address);
  }

  start(): void {
    this.#look();
    this.#timer ??= setInterval(() => {
      this.#look();
    }, LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const addresses = this.#deps.addresses?.() ?? machineAddresses();
    const isHere = addresses.some((address) => canonicalAddress(address) === this.#address);
    if (isHere === this.#isHere) return;
    this.#isHere = isHere;
    this.#deps.onChange(isHere);
  }
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
}
