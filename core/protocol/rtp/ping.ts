/**
 * Media pings, which a client sends every 500 ms to the video and the audio port so that the host learns where
 * to stream to.
 *
 * Source: moonlight-common-c `Video.h` (`SS_PING`), `VideoStream.c` and `AudioStream.c` (ping threads).
 *
 *   offset  size  field
 *   0       16    payload: printable ASCII, the X-SS-Ping-Payload of the session
 *   16      4     counter, big-endian, from 1
 *
 * A client that was told no payload sends the 4 bytes `PING`.
 */
import { readU32, writeU32 } from '../bytes.ts';

const OFFSET = { payload: 0, counter: 16 } as const;
const PAYLOAD_SIZE = 16;
const PRINTABLE = { first: 0x20, last: 0x7e } as const;
/** Half of the printable characters but the blank: every one of them becomes another. */
const AUDIO_SHIFT = (PRINTABLE.last - PRINTABLE.first) / 2;
const LEGACY = 0x50_49_4e_47;

/** Bytes of a ping with payload. */
export const PING_SIZE = 20;

/** The ping of a client that was told no payload: `PING`. */
export const LEGACY_PING: Uint8Array = Uint8Array.of(0x50, 0x49, 0x4e, 0x47);

/** One ping, decoded. `counter` is unsigned 32 bits. */
export type Ping = { kind: 'payload'; payload: string; counter: number } | { kind: 'legacy' };

/** The media streams, each with a port and pings of its own. */
export type MediaStream = 'video' | 'audio';

/**
 * What clients are told as X-SS-Ping-Payload of a stream, made from the one ping token of their session: never the
 * same for both streams, so that a ping recorded on its way to one port says nothing at the other, where its counter
 * may be ahead.
 *
 * @param token - 16 printable ASCII characters, not all blank; so is what is returned
 */
export function pingPayloadOf(token: string, stream: MediaStream): string {
  if (stream === 'video') return token;
  const codes = Array.from(token, (character) => character.charCodeAt(0));
  return String.fromCharCode(...codes.map(shift));
}

function shift(code: number): number {
  if (code === PRINTABLE.first) return code;
  const shifted = code + AUDIO_SHIFT;
  return shifted > PRINTABLE.last ? shifted - 2 * AUDIO_SHIFT : shifted;
}

/** Whether a datagram has the shape of a ping; its payload is not looked at. For the hot path: no allocation. */
export function isPing(datagram: Uint8Array): boolean {
  return (
    datagram.length === PING_SIZE ||
    (datagram.length === LEGACY_PING.length && readU32(datagram, 0) === LEGACY)
  );
}

/**
 * Decodes a ping. Never throws.
 *
 * @returns `undefined` if the datagram is no ping: another length, or a payload that is not printable ASCII.
 */
export function parsePing(datagram: Uint8Array): Ping | undefined {
  if (!isPing(datagram)) return undefined;
  if (datagram.length === LEGACY_PING.length) return { kind: 'legacy' };

  const bytes = datagram.subarray(OFFSET.payload, PAYLOAD_SIZE);
  if (!bytes.every((byte) => byte >= PRINTABLE.first && byte <= PRINTABLE.last)) return undefined;
  return {
    kind: 'payload',
    payload: String.fromCharCode(...bytes),
    counter: readU32(datagram, OFFSET.counter),
  };
}

/**
 * Writes a ping at the start of `target`, which has room for 20 bytes.
 *
 * @param payload - 16 printable ASCII characters
 * @param counter - unsigned 32 bits, from 1
 * @returns the number of bytes written, 20.
 */
export function writePing(target: Uint8Array, payload: string, counter: number): number {
  for (let index = 0; index < PAYLOAD_SIZE; index++) {
    target[OFFSET.payload + index] = payload.charCodeAt(index);
  }
  writeU32(target, OFFSET.counter, counter);
  return PING_SIZE;
}
