/**
 * The paired clients by certificate, always as the object store has them now: a client whose Pairing was deleted
 * is a stranger from its next request on.
 */
import type { Pairing } from '../../core/crd/types.ts';
import type { ObjectEvent, ObjectStore } from '../../core/store/object-store.ts';
import { fingerprintOfPairing } from './fingerprint.ts';

/** A live index of the Pairings by fingerprint. */
export class PairedClients {
  readonly #pairings: ObjectStore<'Pairing'>;
  /** Bounded by the Pairings in the store. */
  readonly #byFingerprint = new Map<string, Pairing>();
  #unwatch: (() => void) | undefined;

  constructor(pairings: ObjectStore<'Pairing'>) {
    this.#pairings = pairings;
  }

  /** Reads what stands and follows what changes. Until it resolves, everybody is a stranger. */
  async start(): Promise<void> {
    let early: ObjectEvent<Pairing>[] | undefined = [];
    this.#unwatch = this.#pairings.watch((event) => {
      if (early === undefined) this.#apply(event);
      else early.push(event);
    });
    for (const object of await this.#pairings.list()) this.#apply({ type: 'added', object });
    // What changed while the list was under way is newer than the list.
    for (const event of early) this.#apply(event);
    early = undefined;
  }

  stop(): void {
    this.#unwatch?.();
    this.#byFingerprint.clear();
  }

  /** The Pairing of the certificate with this SHA-256 (lower-case hex of its DER), if it is paired now. */
  find(fingerprint: string | undefined): Pairing | undefined {
    return fingerprint === undefined ? undefined : this.#byFingerprint.get(fingerprint);
  }

  #apply({ type, object }: ObjectEvent<Pairing>): void {
    const fingerprint = fingerprintOfPairing(object);
    if (fingerprint === undefined) return;
    if (type !== 'deleted') this.#byFingerprint.set(fingerprint, object);
    else if (this.#byFingerprint.get(fingerprint)?.metadata.name === object.metadata.name) {
      this.#byFingerprint.delete(fingerprint);
    }
  }
}
