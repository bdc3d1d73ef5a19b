/** By what a Pairing knows its client. */
import type { Pairing } from '../crd/types.ts';
import { certificateFault, type CertificateFault } from '../protocol/pairing/certificate.ts';
import { fingerprintOf } from '../identity/certificate.ts';

/** What a Pairing says of its client. */
export type ClientOfPairing = Pick<Pairing['spec'], 'clientCertPEM' | 'fingerprint'>;

/**
 * SHA-256 of the certificate's DER, lower-case hex: as the Pairing says, else computed from its certificate, as for one that
 * was applied by hand. `undefined` where no client of Moonlight can have that certificate: see `faultOfPairing`.
 */
export function fingerprintOfPairing({ spec }: { spec: ClientOfPairing }): string | undefined {
  if (spec.fingerprint !== undefined) return spec.fingerprint;
  return faultOfPairing({ spec }) === undefined ? fingerprintOf(spec.clientCertPEM) : undefined;
}

/** Why no client comes with the certificate of a Pairing. One that says its fingerprint is taken at its word. */
export function faultOfPairing({ spec }: { spec: ClientOfPairing }): CertificateFault | undefined {
  return spec.fingerprint === undefined ? certificateFault(spec.clientCertPEM) : undefined;
}
