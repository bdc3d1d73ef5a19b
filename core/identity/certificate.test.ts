import { X509Certificate, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../test/support/captures.ts';
import { createClientCertificate, createHostCertificate, fingerprintOf } from './certificate.ts';

interface PairingCapture {
  runs: { clientCertPem: string }[];
}

/** A real client's. */
const captured = readCapture<PairingCapture>('pairing').runs[0]?.clientCertPem ?? '';

const YEAR_MS = 365.25 * 24 * 60 * 60 * 1000;

function yearsOf({ validFromDate, validToDate }: X509Certificate): number {
  return Math.round((validToDate.getTime() - validFromDate.getTime()) / YEAR_MS);
}

/** DER of a certificate up to its dates: version, serial, algorithm and issuer. The outer lengths are left out. */
function headOf(pem: string): string {
  return new X509Certificate(pem).raw.subarray(8, 64).toString('hex');
}

describe('createClientCertificate', () => {
  it('looks like the one of a real client', async () => {
    const { certificatePem } = await createClientCertificate();
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.subject).toBe('CN=NVIDIA GameStream Client');
    expect(certificate.serialNumber).toBe('0');
    expect(headOf(certificatePem)).toBe(headOf(captured));
    expect(certificatePem).toHaveLength(captured.length);
    expect(certificatePem).toMatch(/^-----BEGIN CERTIFICATE-----\n[^\r]+\n-----END CERTIFICATE-----\n$/);
    expect(yearsOf(certificate)).toBe(10);
  });

  it('is signed with its own key, and another each time', async () => {
    const [one, other] = await Promise.all([createClientCertificate(), createClientCertificate()]);
    const certificate = new X509Certificate(one.certificatePem);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(one.privateKeyPem))).toBe(true);
    expect(fingerprintOf(one.certificatePem)).not.toBe(fingerprintOf(other.certificatePem));
  });
});

describe('createHostCertificate', () => {
  it('carries the name, a positive random serial and 20 years', async () => {
    const [one, other] = await Promise.all([createHostCertificate('Größe 7'), createHostCertificate('x')]);
    const certificate = new X509Certificate(one.certificatePem);
    expect(certificate.subject).toBe('CN=Größe 7');
    expect(certificate.serialNumber).toMatch(/^[0-7][0-9A-F]{29,31}$|^[0-9A-F]{29,31}$/);
    expect(certificate.serialNumber).not.toBe(new X509Certificate(other.certificatePem).serialNumber);
    expect(yearsOf(certificate)).toBe(20);
    expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now());
  });

  it('has an RSA-2048 key that signs', async () => {
    const { certificatePem, privateKeyPem } = await createHostCertificate('x');
    const data = Buffer.from('secret');
    const publicKey = createPublicKey(certificatePem);
    expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(verify('sha256', data, publicKey, sign('sha256', data, privateKeyPem))).toBe(true);
  });
});

describe('fingerprintOf', () => {
  it('is the same for PEM and DER, with any line ends', () => {
    const der = new X509Certificate(captured).raw;
    expect(fingerprintOf(captured)).toMatch(/^[0-9a-f]{64}$/);
    expect(fingerprintOf(der)).toBe(fingerprintOf(captured));
    expect(fingerprintOf(captured.replaceAll('\n', '\r\n'))).toBe(fingerprintOf(captured));
    expect(fingerprintOf(captured)).toBe(
      new X509Certificate(captured).fingerprint256.replaceAll(':', '').toLowerCase(),
    );
  });

  it('is undefined for anything else', () => {
    expect(fingerprintOf('')).toBeUndefined();
    expect(fingerprintOf('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toBeUndefined();
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 200 })), (garbage) => {
        expect(fingerprintOf(garbage)).toBeUndefined();
      }),
    );
  });
});
