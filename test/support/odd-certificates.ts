/** Client certificates that no Moonlight makes: other keys, other dates. Nobody checks their own signatures. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

const file = new URL('odd-certificates.json', import.meta.url);
const { certificates } = JSON.parse(readFileSync(file, 'utf8')) as { certificates: Record<string, string> };

/** The certificate with a key of that kind, such as `RSA-512` or `ECDSA`; PEM. */
export function certificateOf(kind: string): string {
  const pem = certificates[kind];
  if (pem === undefined) throw new RangeError(`no certificate of ${kind}`);
  return pem;
}

/** A tag, a length and `YYMMDDHHMMSSZ`, as DER has instants before 2050 (RFC 5280 section 4.1.2.5.1). */
const UTC_TIME = /\x17\x0d(\d{12}Z)/g;

/** The same certificate with other dates, each `YYMMDDHHMMSSZ`; PEM. */
export function redate(pem: string, from: string, to: string): string {
  const dates = [from, to];
  const der = new X509Certificate(pem).raw.toString('latin1');
  const dated = der.replace(UTC_TIME, () => `\x17\x0d${dates.shift() ?? to}`);
  const base64 = Buffer.from(dated, 'latin1').toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
}
