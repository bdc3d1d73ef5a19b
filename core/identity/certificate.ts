/**
 * Self-signed certificates: the ones Gleipnir shows to hosts (as a Moonlight client would) and to clients (as a
 * Moonlight host would), and the fingerprint that names a certificate. Nobody checks their chain, name or dates;
 * all of Moonlight compares the exact bytes.
 */
import { X509Certificate, generateKeyPair, hash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type forge from 'node-forge';

/** A certificate and its key, both PEM (the key PKCS#8). The key is secret. */
export interface Certificate {
  certificatePem: string;
  privateKeyPem: string;
}

interface Subject {
  commonName: string;
  /** Hexadecimal, at most 20 bytes, positive. */
  serialNumber: string;
  years: number;
}

const generateKeyPairAsync = promisify(generateKeyPair);

/** A certificate that starts now must hold on a machine whose clock is behind. */
const CLOCK_SKEW_MS = 24 * 60 * 60 * 1000;

/** Every Moonlight client names itself so (MOONLIGHT.md a: subject, issuer and serial are the same for all). */
const CLIENT_COMMON_NAME = 'NVIDIA GameStream Client';

/** As Moonlight's own: RSA-2048, SHA-256, X.509 v3 without extensions, serial 0, 10 years. */
export function createClientCertificate(): Promise<Certificate> {
  return createSelfSigned({ commonName: CLIENT_COMMON_NAME, serialNumber: '00', years: 10 });
}

/** RSA-2048, SHA-256, X.509 v3, random serial, 20 years. */
export function createHostCertificate(commonName: string): Promise<Certificate> {
  const serial = randomBytes(16);
  // The top bit would make the number negative.
  serial.writeUInt8(serial.readUInt8(0) & 0x7f, 0);
  return createSelfSigned({ commonName, serialNumber: serial.toString('hex'), years: 20 });
}

/** SHA-256 of a certificate's DER bytes as lower-case hex; `undefined` for what is no certificate. Takes PEM or DER. */
export function fingerprintOf(certificate: string | Uint8Array): string | undefined {
  try {
    const { raw } = new X509Certificate(certificate);
    return hash('sha256', raw, 'hex');
  } catch {
    return undefined;
  }
}

async function createSelfSigned({ commonName, serialNumber, years }: Subject): Promise<Certificate> {
  // 10 MB that most starts do not need: certificates are made once.
  const { default: forge } = await import('node-forge');
  const { publicKey, privateKey } = await generateKeyPairAsync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = serialNumber;
  const notBefore = new Date(Date.now() - CLOCK_SKEW_MS);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notBefore.getUTCFullYear() + years);
  certificate.validity.notBefore = notBefore;
  certificate.validity.notAfter = notAfter;
  // As OpenSSL writes names. The field means a string type, although it is declared as a class.
  const valueTagClass = forge.asn1.Type.UTF8 as unknown as forge.asn1.Class;
  const name = [{ name: 'commonName', value: commonName, valueTagClass }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  // Line feeds only: what is compared byte for byte should have one spelling.
  const certificatePem = forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
  return { certificatePem, privateKeyPem: privateKey };
}
