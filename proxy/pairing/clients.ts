/**
 * The paired clients by certificate, always as the object store has them now: a client whose Pairing was deleted
 * is a stranger from its next request on.
 */
import { holdersOf } from '../../core/crd/precedence.ts';
import type { Pairing } from '../../core/crd/types.ts';
import type { ObjectEvent, ObjectStore } from '../../core/store/object-store.ts';
import { fingerprintOfPairing } from '../../core/store/pairing-client.ts';

/** A live index of the Pairings by fingerprint. */
export class PairedClients {
  readonly #pairings: ObjectStore<'Pairing'>;
  /** All that claim a certificate, mostly one. Bounded by the Pairings in the store, as is the next. */
  readonly #byFingerprint = new Map<string, Pairing[]>();
  /** By name. */
  readonly #fingerprints = new Map<string, string>();
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
    this.#fingerprints.clear();
  }

  /** The Pairing that has the certificate with this SHA-256 (lower-case hex of its DER), if one does now. */
  find(fingerprint = ''): Pairing | undefined {
    const claimants = this.#byFingerprint.get(fingerprint) ?? [];
    return holdersOf(claimants, () => [fingerprint]).get(fingerprint);
  }

  #apply({ type, object }: ObjectEvent<Pairing>): void {
    const { name } = object.metadata;
    const former = this.#fingerprints.get(name);
    if (former !== undefined) this.#setClaimants(former, this.#othersOf(former, name));
    this.#fingerprints.delete(name);
    const fingerprint = type === 'deleted' ? undefined : fingerprintOfPairing(object);
    if (fingerprint === undefined) return;
    this.#fingerprints.set(name, fingerprint);
    this.#setClaimants(fingerprint, [...this.#othersOf(fingerprint, name), object]);
  }

  #othersOf(fingerprint: string, name: string): Pairing[] {
    return (this.#byFingerprint.get(fingerprint) ?? []).filter(({ metadata }) => metadata.name !== name);
  }

  #setClaimants(fingerprint: string, claimants: Pairing[]): void {
    if (claimants.length === 0) this.#byFingerprint.delete(fingerprint);
    else this.#byFingerprint.set(fingerprint, claimants);
  }
}
