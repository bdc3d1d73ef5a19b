/**
 * What pairing needs of an X.509 certificate: its signature, which both sides mix into their hashes.
 *
 *   Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE, signatureValue BIT STRING }
 *
 * Source: RFC 5280 section 4.1; moonlight's libgamestream `client.c` (`gs_pair`).
 */
import { type KeyObject, X509Certificate } from 'node:crypto';

const TAG = { sequence: 0x30, bitString: 0x03 } as const;
const LONG_FORM = 0x80;
/** Lengths of more bytes than this are no certificate's. */
const LENGTH_BYTES_MAX = 3;
/** RSA keys of clients: a shorter one can be broken, a longer one costs too much to check. */
export const MODULUS_BITS = { min: 2048, max: 4096 } as const;
/** Longest PEM text that is looked at; a certificate of an RSA-4096 key has 2 kB. */
const PEM_CHARACTERS_MAX = 16_384;

/**
 * The certificate in a PEM text. Never throws: `undefined` for garbage, or for text of more than 16 kB.
 */
export function parseCertificate(pem: string): X509Certificate | undefined {
  if (pem.length > PEM_CHARACTERS_MAX) return undefined;
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/**
 * The RSA key in a PEM certificate. Never throws.
 *
 * @returns `undefined` for garbage, for a damaged key, and for a key of another kind.
 */
export function certificateKey(pem: string): KeyObject | undefined {
  try {
    // The key is decoded only here, and may be damaged in a certificate that is otherwise whole.
    const publicKey = parseCertificate(pem)?.publicKey;
    return publicKey?.asymmetricKeyType === 'rsa' ? publicKey : undefined;
  } catch {
    return undefined;
  }
}

/** Why a client's certificate cannot be paired; how large an RSA key may be is `MODULUS_BITS`. */
export type CertificateFault = 'unreadable' | 'notRsa' | 'tooShort' | 'tooLong';

/** What is wrong with a client's certificate. Its dates prove nothing (clocks of consoles are wrong). Never throws. */
export function certificateFault(pem: string): CertificateFault | undefined {
  const certificate = parseCertificate(pem);
  const kind = certificate && keyKind(certificate);
  if (kind === undefined) return 'unreadable';
  if (kind !== 'rsa') return 'notRsa';
  const bits = certificateKey(pem)?.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MODULUS_BITS.min) return 'tooShort';
  return bits > MODULUS_BITS.max ? 'tooLong' : undefined;
}

/** @returns `undefined` for a key that is damaged, or of a kind that nobody knows. */
function keyKind(certificate: X509Certificate): string | undefined {
  try {
    return certificate.publicKey.asymmetricKeyType;
  } catch {
    return undefined;
  }
}

/**
 * Raw bits of a certificate's signatureValue: 256 bytes for one signed with RSA-2048.
 *
 * @returns `undefined` when the text holds no certificate. Never throws.
 */
export function certificateSignature(pem: string): Buffer | undefined {
  const der = parseCertificate(pem)?.raw;
  if (der === undefined) return undefined;

  const certificate = readElement(der, 0);
  if (certificate?.tag !== TAG.sequence) return undefined;
  const tbsCertificate = readElement(der, certificate.start);
  if (tbsCertificate === undefined) return undefined;
  const signatureAlgorithm = readElement(der, tbsCertificate.end);
  if (signatureAlgorithm === undefined) return undefined;
  const signatureValue = readElement(der, signatureAlgorithm.end);
  if (signatureValue?.tag !== TAG.bitString || signatureValue.end !== certificate.end) return undefined;

  // A BIT STRING begins with the count of unused bits: 0, as signatures are whole bytes.
  return der.subarray(signatureValue.start + 1, signatureValue.end);
}

/** One DER element: its contents are `start..end`. */
function readElement(
  der: Uint8Array,
  offset: number,
): { tag: number; start: number; end: number } | undefined {
  const tag = der[offset];
  const first = der[offset + 1];
  if (tag === undefined || first === undefined) return undefined;

  const lengthBytes = first < LONG_FORM ? 0 : first - LONG_FORM;
  if (lengthBytes > LENGTH_BYTES_MAX) return undefined;
  const start = offset + 2 + lengthBytes;
  const length =
    lengthBytes === 0 ? first : der.subarray(offset + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  const end = start + length;
  return end > der.length ? undefined : { tag, start, end };
}
