/**
 * Unchecked access to bytes. Callers check the length once, at the top of a parser, and then read freely: a
 * check per field costs more than the read. Network (big-endian) order unless the name ends in LE.
 */

/** Unsigned 16-bit big-endian integer at `offset`. Precondition: `offset + 2 <= bytes.length`. */
export function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

/** Unsigned 32-bit big-endian integer at `offset`. Precondition: `offset + 4 <= bytes.length`. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>>
    0
  );
}

/** Unsigned 16-bit little-endian integer at `offset`. Precondition: `offset + 2 <= bytes.length`. */
export function readU16LE(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8);
}

/** Unsigned 32-bit little-endian integer at `offset`. Precondition: `offset + 4 <= bytes.length`. */
export function readU32LE(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>>
    0
  );
}

/** Writes `value` (0..0xffff) as big-endian 16 bits at `offset`. */
export function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** Writes `value` (0..2^32-1) as big-endian 32 bits at `offset`. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Writes `value` (0..0xffff) as little-endian 16 bits at `offset`. */
export function writeU16LE(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

/** Writes `value` (0..2^32-1) as little-endian 32 bits at `offset`. */
export function writeU32LE(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}
