/** Turning a finished exchange into the object that lets the client in. */
import type { Pairing } from '../../core/crd/types.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { fingerprintOfPairing } from '../../core/store/pairing-client.ts';
import type { EnteredNames, PairingRequest } from './types.ts';

/** Pairings in all. Each takes a person who enters a PIN; sessions and identities at hosts are bounded by them. */
export const PAIRINGS_MAX = 4_096;

/** Digits of the fingerprint in a Pairing's name. */
const NAME_DIGITS = 16;

/** Name of the Pairing of a certificate: `p-` and the first 16 digits of its fingerprint. */
export function pairingNameOf(fingerprint: string): string {
  return `p-${fingerprint.slice(0, NAME_DIGITS)}`;
}

/**
 * Lets a client in. One that is paired already keeps its Pairing, since deleting it would end its game; only what was
 * entered anew is changed. One that was given no name is called by the address that it paired from.
 *
 * @throws GleipnirError HOST_BUSY beyond PAIRINGS_MAX, OBJECT_EXISTS when the name belongs to another certificate.
 */
export async function storePairing(
  pairings: Pick<ObjectStore<'Pairing'>, 'get' | 'list' | 'create' | 'update'>,
  client: Pick<Pairing['spec'], 'clientCertPEM'> & { fingerprint: string },
  { clientName, userName, address }: EnteredNames & Pick<PairingRequest, 'address'>,
): Promise<void> {
  const name = pairingNameOf(client.fingerprint);
  if ((await pairings.list()).length >= PAIRINGS_MAX && (await pairings.get(name)) === undefined) {
    throw new GleipnirError('HOST_BUSY', 'Too many clients are paired with this host: remove one');
  }
  const unnamed = `Moonlight at ${address}`;
  const entered = userName === undefined ? {} : { userReference: { name: userName } };
  try {
    const spec = { userReference: { name }, ...client, ...entered, clientName: clientName ?? unnamed };
    await pairings.create({ name, spec });
  } catch (error) {
    if (!(error instanceof GleipnirError) || error.code !== 'OBJECT_EXISTS') throw error;
    const standing = await pairings.get(name);
    if (standing === undefined || fingerprintOfPairing(standing) !== client.fingerprint) throw error;
    const kept = standing.spec.clientName ?? unnamed;
    await pairings.update(name, { ...standing.spec, ...entered, clientName: clientName ?? kept });
  }
}
