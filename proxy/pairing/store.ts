/** Turning a finished exchange into the object that lets the client in. */
import type { Pairing } from '../../core/crd/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';

/** Digits of the fingerprint in a Pairing's name. */
const NAME_DIGITS = 16;

/** Name of the Pairing of a certificate: `p-` and the first 16 digits of its fingerprint. */
export function pairingNameOf(fingerprint: string): string {
  return `p-${fingerprint.slice(0, NAME_DIGITS)}`;
}

/**
 * Lets a client in. A client that is paired already keeps its Pairing as it is: deleting it would end its game.
 *
 * @throws GleipnirError OBJECT_EXISTS when the name belongs to another certificate.
 */
export async function storePairing(pairings: ObjectStore<'Pairing'>, spec: Pairing['spec']): Promise<void> {
  const name = pairingNameOf(spec.fingerprint);
  try {
    await pairings.create({ name, spec });
  } catch (error) {
    if (!(error instanceof GleipnirError) || error.code !== 'OBJECT_EXISTS') throw error;
    if ((await pairings.get(name))?.spec.fingerprint !== spec.fingerprint) throw error;
  }
}
