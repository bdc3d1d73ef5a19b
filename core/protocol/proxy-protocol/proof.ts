/**
 * How a proxy knows that a PROXY header is our relay's: the last TLV, of a type for own use, proves it.
 *
 *   offset  size  field of the TLV's value
 *   0       8     milliseconds since the epoch, big-endian
 *   8       16    first bytes of HMAC-SHA256(key, the header before this TLV || the 8 bytes above)
 *
 * The header's length field counts this TLV too, as it is sent.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { writeU32 } from '../bytes.ts';
import { tlvBytes, writeProxyHeader, writeTlv, type ProxyEndpoint, type ProxyHeader } from './header.ts';

/** Of the range that the specification leaves to applications, 0xE0 to 0xEF. */
const PROOF_TYPE = 0xe4;
const TIME_BYTES = 8;
const MAC_BYTES = 16;
const VALUE_BYTES = TIME_BYTES + MAC_BYTES;
const U32 = 2 ** 32;

/** How far the clocks of relay and proxy, and the way between them, may be apart, ms. */
export const PROOF_AGE_MS_MAX = 30_000;

export type Verdict =
  /** `mac` names this very header, so that it is taken once. */
  { kind: 'good'; mac: string } | { kind: 'none' | 'forged' | 'stale' };

/** @param deploymentKey 32 bytes. @returns the key of these proofs, 32 bytes. */
export function deriveProofKey(deploymentKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', deploymentKey, '', 'gleipnir proxy protocol', 32));
}

/**
 * A header for a TCP connection, with its proof.
 *
 * @param now milliseconds since the epoch.
 */
export function writeProvenHeader(
  connection: { source: ProxyEndpoint; destination: ProxyEndpoint },
  key: Uint8Array,
  now: number,
): Uint8Array {
  const room = tlvBytes(VALUE_BYTES);
  const bytes = writeProxyHeader(connection.source, connection.destination, room);
  const offset = bytes.length - room;
  const time = new Uint8Array(TIME_BYTES);
  writeU32(time, 0, Math.floor(now / U32));
  writeU32(time, 4, now % U32);
  const mac = macOf(bytes.subarray(0, offset), time, key);
  writeTlv(bytes, offset, { type: PROOF_TYPE, value: Buffer.concat([time, mac]) });
  return bytes;
}

/**
 * What the proof in a header says.
 *
 * @param bytes the header, as `readProxyHeader` read it.
 * @param now milliseconds since the epoch.
 */
export function checkProof(
  { bytes, header }: { bytes: Uint8Array; header: ProxyHeader },
  key: Uint8Array,
  now: number,
): Verdict {
  const proof = header.tlvs.at(-1);
  if (proof?.type !== PROOF_TYPE) return { kind: 'none' };
  if (proof.value.length !== VALUE_BYTES) return { kind: 'forged' };
  const time = proof.value.subarray(0, TIME_BYTES);
  const mac = proof.value.subarray(TIME_BYTES);
  if (!timingSafeEqual(mac, macOf(bytes.subarray(0, proof.offset), time, key))) return { kind: 'forged' };
  const sentAt = Number(new DataView(time.buffer, time.byteOffset).getBigUint64(0));
  if (Math.abs(now - sentAt) > PROOF_AGE_MS_MAX) return { kind: 'stale' };
  return { kind: 'good', mac: Buffer.from(mac).toString('base64') };
}

function macOf(header: Uint8Array, time: Uint8Array, key: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(header).update(time).digest().subarray(0, MAC_BYTES);
}
