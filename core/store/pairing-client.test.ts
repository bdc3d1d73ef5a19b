import { describe, expect, it } from 'vitest';
import type { Pairing } from '../crd/types.ts';
import { certificateOf } from '../../test/support/odd-certificates.ts';
import { createClientCertificate, fingerprintOf } from '../identity/certificate.ts';
import { fingerprintOfPairing } from './pairing-client.ts';

const pairing = (spec: Omit<Pairing['spec'], 'userReference'>): Pairing => ({
  kind: 'Pairing',
  metadata: { name: 'p', uid: 'u', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { userReference: { name: 'alex' }, ...spec },
});

describe('fingerprintOfPairing', () => {
  it('computes what the Pairing does not say', async () => {
    const { certificatePem } = await createClientCertificate();
    expect(fingerprintOfPairing(pairing({ clientCertPEM: certificatePem }))).toBe(
      fingerprintOf(certificatePem),
    );
  });

  it('takes the Pairing at its word', () => {
    const fingerprint = 'ab'.repeat(32);
    expect(fingerprintOfPairing(pairing({ clientCertPEM: 'pem', fingerprint }))).toBe(fingerprint);
  });

  it('knows nobody by what is no certificate', () => {
    expect(fingerprintOfPairing(pairing({ clientCertPEM: 'pem' }))).toBeUndefined();
  });

  it('knows nobody by a key that no client of Moonlight has', () => {
    for (const kind of ['ECDSA', 'RSA-512']) {
      expect(fingerprintOfPairing(pairing({ clientCertPEM: certificateOf(kind) }))).toBeUndefined();
    }
  });
});
