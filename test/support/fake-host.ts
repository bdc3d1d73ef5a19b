/** A host behind the `HostDriver` contract, without a network: records what it was asked, fails on demand. */
import { readOffer } from '../../core/host/offer.ts';
import type { BoxArt, HostDriver, HostInfo, LaunchAnswer, LaunchRequest } from '../../core/host/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { HostSpec } from '../../operator/hosts/types.ts';

export interface FakeHostOptions {
  apps?: readonly string[];
  capacity?: number;
  labels?: Record<string, string>;
  codecModes?: number;
  isDown?: boolean;
  isPaired?: boolean;
  /** Whether a person types PINs (`typePin`), instead of the host's own interface. */
  hasPerson?: boolean;
}

export class FakeHost {
  readonly spec: HostSpec;
  /** Verbs in the order they were asked. */
  readonly calls: string[] = [];
  readonly launches: LaunchRequest[] = [];
  isDown: boolean;
  isBusy = false;
  /** What /launch and /resume fail with, when set. */
  refusal: GleipnirError | undefined;
  /** What it offers. */
  apps: readonly string[];
  /** What /applist fails with, when set. */
  listFault: GleipnirError | undefined;
  /** What /appasset answers or fails with; no box art by default. */
  art: BoxArt | GleipnirError | undefined;
  readonly #options: FakeHostOptions;
  readonly #paired = new Set<string>();
  #waiting: ((pin: string) => boolean) | undefined;

  constructor(name: string, options: FakeHostOptions = {}) {
    const { capacity = 1, isDown = false, hasPerson = false, labels } = options;
    this.#options = options;
    this.apps = options.apps ?? ['Test card'];
    this.isDown = isDown;
    const spec = { name, address: '192.0.2.7', httpPort: 47_989, capacity, ...(labels && { labels }) };
    this.spec = hasPerson ? spec : { ...spec, enterPin: (pin) => this.typePin(pin) };
  }

  /** Types `pin` at the host. @returns whether it was the one asked for. */
  typePin(pin: string): boolean {
    return this.#waiting?.(pin) ?? false;
  }

  pairedKeys(): string[] {
    return [...this.#paired];
  }

  driver(key: string): HostDriver {
    return {
      serverinfo: () => this.#answer('serverinfo', () => this.#info(key)),
      applist: () =>
        this.#answer('applist', () => {
          if (this.listFault !== undefined) throw this.listFault;
          return readOffer(
            this.apps.map((title, index) => ({ id: index + 1, title, isHdrSupported: false })),
          );
        }),
      appasset: () =>
        this.#answer('appasset', () => {
          if (this.art instanceof GleipnirError) throw this.art;
          return this.art;
        }),
      launch: (request) => this.#answer('launch', () => this.#start(request)),
      resume: (request) => this.#answer('resume', () => this.#start(request)),
      cancel: () =>
        this.#answer('cancel', () => {
          this.isBusy = false;
        }),
      pair: (pin, signal) => this.#pair(key, pin, signal),
    };
  }

  #answer<T>(verb: string, result: () => T): Promise<T> {
    this.calls.push(verb);
    return new Promise((resolve) => {
      if (this.isDown) throw new GleipnirError('HOST_UNREACHABLE', 'The host does not answer');
      resolve(result());
    });
  }

  #start(request: LaunchRequest): LaunchAnswer {
    if (this.refusal !== undefined) throw this.refusal;
    this.launches.push(request);
    this.isBusy = true;
    return {
      address: '192.0.2.7',
      rtspPort: 48_010,
      label: `label-${this.launches.length}`,
      encrypted: false,
    };
  }

  #info(key: string): HostInfo {
    return {
      hostname: this.spec.name,
      uniqueid: 'id',
      appversion: '7.1.431.-1',
      gfeVersion: '3.23.0.74',
      httpsPort: 47_984,
      codecModes: this.#options.codecModes ?? 1,
      maxLumaPixelsHEVC: 0,
      isPaired: this.#options.isPaired !== false || this.#paired.has(key),
      isBusy: this.isBusy,
      currentgame: this.isBusy ? 1 : 0,
    };
  }

  #pair(key: string, pin: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new GleipnirError('HOST_UNREACHABLE', 'Pairing was given up'));
      });
      this.#waiting = (typed) => {
        if (typed !== pin) return false;
        this.#waiting = undefined;
        this.#paired.add(key);
        resolve();
        return true;
      };
    });
  }
}
