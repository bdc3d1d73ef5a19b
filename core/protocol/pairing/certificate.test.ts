import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../../test/support/captures.ts';
import { certificateOf, redate } from '../../../test/support/odd-certificates.ts';
import { certificateFault, certificateSignature, parseCertificate } from './certificate.ts';

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

describe('certificateFault', () => {
  const DATES = [
    ['000101000000Z', '010101000000Z'],
    ['480101000000Z', '490101000000Z'],
  ] as const;

  it.each(CERTIFICATES)('finds none, whatever the dates: $name', ({ pem }) => {
    expect(certificateFault(pem)).toBeUndefined();
    for (const [from, to] of DATES) {
      const dated = redate(pem, from, to);
      expect(new X509Certificate(dated).validFromDate.getUTCFullYear()).toBe(2000 + Number(from.slice(0, 2)));
      expect(certificateFault(dated)).toBeUndefined();
    }
  });

  it.each([
    { kind: 'RSA-512', fault: 'tooShort' },
    { kind: 'RSA-1024', fault: 'tooShort' },
    { kind: 'RSA-2040', fault: 'tooShort' },
    { kind: 'RSA-4104', fault: 'tooLong' },
    { kind: 'RSA-PSS', fault: 'notRsa' },
    { kind: 'ECDSA', fault: 'notRsa' },
    { kind: 'Ed25519', fault: 'notRsa' },
  ])('says $fault of $kind', ({ kind, fault }) => {
    expect(certificateFault(certificateOf(kind))).toBe(fault);
  });

  it('never throws on a damaged certificate, and finds a fault in every text that is none', () => {
    const der = new X509Certificate(host.certPem).raw;
    fc.assert(
      fc.property(fc.nat({ max: der.length - 1 }), fc.integer({ min: 0, max: 255 }), (offset, byte) => {
        const damaged = Buffer.from(der);
        damaged[offset] = byte;
        const isReadable = parseCertificate(toPem(damaged)) !== undefined;
        if (!isReadable) expect(certificateFault(toPem(damaged))).toBe('unreadable');
        else certificateFault(toPem(damaged));
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(certificateFault(text)).toBe('unreadable');
      }),
    );
  });
});
