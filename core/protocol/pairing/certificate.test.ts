import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { certificateSignature, parseCertificate } from './certificate.ts';

interface Capture {
  host: { certPem: string };
  runs: { id: string; clientCertPem: string }[];
}
const { host, runs } = readCapture<Capture>('pairing');
const CERTIFICATES = [
  { name: 'host', pem: host.certPem },
  ...runs.map(({ id, clientCertPem }) => ({ name: `client of ${id}`, pem: clientCertPem })),
];

const toPem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;

describe('certificateSignature', () => {
  it.each(CERTIFICATES)('is the last 256 bytes of the DER: $name', ({ pem }) => {
    const der = new X509Certificate(pem).raw;
    expect(certificateSignature(pem)?.equals(der.subarray(-256))).toBe(true);
  });

  it.each([
    { name: 'nothing', pem: '' },
    { name: 'no PEM', pem: 'certificate' },
    { name: 'an empty PEM', pem: toPem(new Uint8Array()) },
    { name: 'half a certificate', pem: host.certPem.slice(0, 500) },
    { name: 'more than 16 kB', pem: host.certPem + ' '.repeat(16_384) },
  ])('is undefined for $name', ({ pem }) => {
    expect(certificateSignature(pem)).toBeUndefined();
    expect(parseCertificate(pem)).toBeUndefined();
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array().map(toPem)), (pem) => {
        expect(certificateSignature(pem)).toBeUndefined();
      }),
    );
  });

  it('never throws on a damaged certificate', () => {
    const der = new X509Certificate(host.certPem).raw;
    fc.assert(
      fc.property(fc.nat({ max: der.length - 1 }), fc.integer({ min: 0, max: 255 }), (offset, byte) => {
        const damaged = Buffer.from(der);
        damaged[offset] = byte;
        const signature = certificateSignature(toPem(damaged));
        if (signature !== undefined) expect(signature.length).toBeLessThan(der.length);
      }),
      { numRuns: 1000 },
    );
  });
});
