/** By what a Pairing knows its client. */
import type { Pairing } from '../../core/crd/types.ts';
import { fingerprintOf } from '../../core/identity/certificate.ts';

/**
 * SHA-256 of the certificate's DER, lower-case hex: as the Pairing says, else computed from its certificate, as for one that
 * was applied by hand. `undefined` where that is no certificate.
 */
export function fingerprintOfPairing({ spec }: Pairing): string | undefined {
  return spec.fingerprint ?? fingerprintOf(spec.clientCertPEM);
}
