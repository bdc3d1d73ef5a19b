/**
 * PROXY protocol version 2, for TCP: the header that a balancer puts before the bytes of a connection, to say whose
 * connection it is (HAProxy's "The PROXY protocol", section 2.2). Numbers are big-endian:
 *
 *   offset  size  field
 *   0       12    signature 0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a
 *   12      1     version 2 (high nibble) | command: 0 LOCAL, 1 PROXY
 *   13      1     family (high nibble): 0 UNSPEC, 1 INET, 2 INET6 | transport: 0 UNSPEC, 1 STREAM
 *   14      2     length of what follows
 *   16      12/36 source address, destination address, source port, destination port
 *   28/52         TLVs, each: type 1, length 2, value
 */
import { readU16, writeU16 } from '../bytes.ts';

/** Bytes that tell how long a header is. */
export const PROXY_PREFIX_BYTES = 16;
/** Longest header that is read: room for the TLVs of well-known balancers. */
export const PROXY_HEADER_BYTES_MAX = 1024;

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const AT = { versionCommand: 12, familyTransport: 13, length: 14 } as const;
const VERSION_2 = 0x20;
const COMMAND = { LOCAL: 0, PROXY: 1 } as const;
const STREAM = 1;
const FAMILY = { INET: 1, INET6: 2 } as const;
const ADDRESS_BYTES = { [FAMILY.INET]: 4, [FAMILY.INET6]: 16 } as const;
const TLV_PREFIX_BYTES = 3;

/** One end of the client's connection. `address` is an IP address; IPv6 is written in full, not compressed. */
export interface ProxyEndpoint {
  address: string;
  port: number;
}

export interface Tlv {
  type: number;
  value: Uint8Array;
  /** Where its type stands in the header. */
  offset: number;
}

export interface ProxyHeader {
  /** Bytes of the whole header. */
  length: number;
  /** Absent where the balancer speaks for itself (LOCAL, a health check) or of something that is no TCP over IP. */
  connection?: { source: ProxyEndpoint; destination: ProxyEndpoint };
  tlvs: Tlv[];
}

export type ProxyReading =
  | { kind: 'header'; header: ProxyHeader }
  /** The bytes begin like a header; more must come. */
  | { kind: 'incomplete'; bytesWanted: number }
  /** The connection begins with something else. */
  | { kind: 'absent' }
  | { kind: 'malformed' };

/** Reads the header at the beginning of `bytes`; what follows it is not looked at. */
export function readProxyHeader(bytes: Uint8Array): ProxyReading {
  const common = Math.min(bytes.length, SIGNATURE.length);
  for (let index = 0; index < common; index += 1) {
    if (bytes[index] !== SIGNATURE[index]) return { kind: 'absent' };
  }
  if (bytes.length < PROXY_PREFIX_BYTES) return { kind: 'incomplete', bytesWanted: PROXY_PREFIX_BYTES };
  const length = PROXY_PREFIX_BYTES + readU16(bytes, AT.length);
  const [versionCommand = 0, familyTransport = 0] = bytes.subarray(AT.versionCommand, AT.length);
  if ((versionCommand & 0xf0) !== VERSION_2 || length > PROXY_HEADER_BYTES_MAX) return { kind: 'malformed' };
  if (bytes.length < length) return { kind: 'incomplete', bytesWanted: length };
  return readBody(bytes.subarray(0, length), versionCommand & 0x0f, familyTransport);
}

function readBody(bytes: Uint8Array, command: number, familyTransport: number): ProxyReading {
  const { length } = bytes;
  if (command === COMMAND.LOCAL) return { kind: 'header', header: { length, tlvs: [] } };
  if (command !== COMMAND.PROXY) return { kind: 'malformed' };
  const family = familyTransport >> 4;
  const isTcp = (familyTransport & 0x0f) === STREAM;
  if (!isTcp || (family !== FAMILY.INET && family !== FAMILY.INET6)) {
    return { kind: 'header', header: { length, tlvs: [] } };
  }
  const size = ADDRESS_BYTES[family];
  const portsAt = PROXY_PREFIX_BYTES + 2 * size;
  if (length < portsAt + 4) return { kind: 'malformed' };
  const tlvs = readTlvs(bytes, portsAt + 4);
  if (tlvs === undefined) return { kind: 'malformed' };
  const endpoint = (addressAt: number, portAt: number): ProxyEndpoint => ({
    address: formatAddress(bytes.subarray(addressAt, addressAt + size)),
    port: readU16(bytes, portAt),
  });
  const connection = {
    source: endpoint(PROXY_PREFIX_BYTES, portsAt),
    destination: endpoint(PROXY_PREFIX_BYTES + size, portsAt + 2),
  };
  return { kind: 'header', header: { length, connection, tlvs } };
}

/** @returns nothing when one reaches beyond the header. */
function readTlvs(bytes: Uint8Array, start: number): Tlv[] | undefined {
  const tlvs: Tlv[] = [];
  for (let offset = start; offset < bytes.length;) {
    if (offset + TLV_PREFIX_BYTES > bytes.length) return undefined;
    const valueAt = offset + TLV_PREFIX_BYTES;
    const end = valueAt + readU16(bytes, offset + 1);
    if (end > bytes.length) return undefined;
    tlvs.push({ type: bytes[offset] ?? 0, value: bytes.subarray(valueAt, end), offset });
    offset = end;
  }
  return tlvs;
}

function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === ADDRESS_BYTES[FAMILY.INET]) return bytes.join('.');
  return Array.from({ length: 8 }, (_, group) => readU16(bytes, 2 * group).toString(16)).join(':');
}

/**
 * Writes a header for a TCP connection. Where one end is IPv4 and the other IPv6, both are written as IPv6.
 * Addresses are in canonical spelling (`canonicalAddress`).
 *
 * @param room bytes left at the end for TLVs that the caller writes; they count in the header's length.
 */
export function writeProxyHeader(
  source: ProxyEndpoint,
  destination: ProxyEndpoint,
  room: number,
): Uint8Array {
  const isIPv4Both = isIPv4(source.address) && isIPv4(destination.address);
  const family = isIPv4Both ? FAMILY.INET : FAMILY.INET6;
  const size = ADDRESS_BYTES[family];
  const portsAt = PROXY_PREFIX_BYTES + 2 * size;
  const bytes = new Uint8Array(portsAt + 4 + room);
  bytes.set(SIGNATURE);
  bytes[AT.versionCommand] = VERSION_2 | COMMAND.PROXY;
  bytes[AT.familyTransport] = (family << 4) | STREAM;
  writeU16(bytes, AT.length, bytes.length - PROXY_PREFIX_BYTES);
  bytes.set(parseAddress(source.address, size), PROXY_PREFIX_BYTES);
  bytes.set(parseAddress(destination.address, size), PROXY_PREFIX_BYTES + size);
  writeU16(bytes, portsAt, source.port);
  writeU16(bytes, portsAt + 2, destination.port);
  return bytes;
}

/** Writes one TLV at `offset`, where there must be room for its 3 bytes and its value. */
export function writeTlv(bytes: Uint8Array, offset: number, { type, value }: Omit<Tlv, 'offset'>): void {
  bytes[offset] = type;
  writeU16(bytes, offset + 1, value.length);
  bytes.set(value, offset + TLV_PREFIX_BYTES);
}

/** Bytes of a TLV with a value of `valueBytes`. */
export function tlvBytes(valueBytes: number): number {
  return TLV_PREFIX_BYTES + valueBytes;
}

function isIPv4(address: string): boolean {
  return !address.includes(':');
}

/** @param size 4, or 16; an IPv4 address is then written as mapped. */
function parseAddress(address: string, size: number): Uint8Array {
  if (!isIPv4(address)) return parseIPv6(address);
  const parts = address.split('.').map(Number);
  return Uint8Array.from(
    size === parts.length ? parts : [...new Array<number>(10).fill(0), 0xff, 0xff, ...parts],
  );
}

/** A zone is dropped: it means something on one machine only. */
function parseIPv6(address: string): Uint8Array {
  const [plain = ''] = address.split('%', 1);
  const [head, tail] = plain.split('::', 2).map((half) => half.split(':').filter((group) => group !== ''));
  const first = head ?? [];
  const last = tail ?? [];
  const zeros = new Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0');
  const bytes = new Uint8Array(16);
  for (const [index, group] of [...first, ...zeros, ...last].slice(0, 8).entries()) {
    writeU16(bytes, 2 * index, Number.parseInt(group, 16));
  }
  return bytes;
}
