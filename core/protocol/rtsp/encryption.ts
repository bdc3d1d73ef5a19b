/**
 * Encrypted RTSP (`rtspenc://`): one frame per message, sealed with the session's rikey.
 *
 * Source: moonlight-common-c `RtspConnection.c` (`ENC_RTSP_HEADER`, `sealRtspMessage`, `unsealRtspMessage`).
 * AES-128-GCM without associated data; the IV is 12 bytes: sequence (LE), 6 zeros, `CR` from the client or `HR`
 * from the host.
 *
 *   offset  size  field
 *   0       4     0x80000000 | length of the ciphertext
 *   4       4     sequence; a reply uses that of its request, so that none repeats under one key
 *   8       16    GCM tag
 *   24      n     ciphertext: a whole RTSP message
 */
import assert from 'node:assert';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readU32, writeU32, writeU32LE } from '../bytes.ts';

const OFFSET = { typeAndLength: 0, sequence: 4, tag: 8, ciphertext: 24 } as const;
const SIZE = { key: 16, iv: 12, tag: 16 } as const;
const CIPHER = 'aes-128-gcm';
const TYPE_ENCRYPTED = 0x8000_0000;
const IV_OFFSET_SENDER = 10;
const IV_SENDER = { client: 'CR', host: 'HR' } as const;

/** Bit of a connection's first byte that says: an encrypted frame, not text. */
export const RTSP_FRAME_BIT = 0x80;

/** Which side sealed a frame. */
export type RtspSender = 'client' | 'host';

/** One frame, not yet opened. */
export interface RtspFrame {
  /** 0..2^32-1. */
  sequence: number;
  /** 16 bytes. */
  tag: Uint8Array;
  /** As long as the message in it. */
  ciphertext: Uint8Array;
}

/**
 * Takes a frame apart; tag and ciphertext are views of `bytes`. Never throws.
 *
 * @returns `incomplete` while bytes are missing; `malformed` for plain text, an empty message, or bytes after
 * the frame (each message has a connection of its own).
 */
export function parseRtspFrame(bytes: Uint8Array): RtspFrame | 'incomplete' | 'malformed' {
  const size = rtspFrameSize(bytes);
  if (typeof size !== 'number') return size;
  if (bytes.length < size) return 'incomplete';
  if (bytes.length > size) return 'malformed';
  return {
    sequence: readU32(bytes, OFFSET.sequence),
    tag: bytes.subarray(OFFSET.tag, OFFSET.ciphertext),
    ciphertext: bytes.subarray(OFFSET.ciphertext),
  };
}

/**
 * Bytes of the whole frame that begins `bytes`, header included, known from the first 4 on.
 *
 * @returns `incomplete` before that, `malformed` for plain text or an empty message.
 */
export function rtspFrameSize(bytes: Uint8Array): number | 'incomplete' | 'malformed' {
  const first = bytes[0];
  if (first === undefined) return 'incomplete';
  if ((first & RTSP_FRAME_BIT) === 0) return 'malformed';
  if (bytes.length < OFFSET.sequence) return 'incomplete';

  const length = readU32(bytes, OFFSET.typeAndLength) - TYPE_ENCRYPTED;
  return length === 0 ? 'malformed' : OFFSET.ciphertext + length;
}

/**
 * Opens a frame. Never throws on any frame.
 *
 * @param key rikey, 16 bytes.
 * @param sender Who sealed it.
 * @returns the message; `undefined` when the frame was not sealed by that side with that key.
 */
export function openRtspFrame(frame: RtspFrame, key: Uint8Array, sender: RtspSender): Uint8Array | undefined {
  assert(key.length === SIZE.key, 'rikey is not 16 bytes');
  if (frame.tag.length !== SIZE.tag) return undefined;

  const decipher = createDecipheriv(CIPHER, key, makeIv(frame.sequence, sender));
  decipher.setAuthTag(frame.tag);
  const plain = decipher.update(frame.ciphertext);
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain;
}

/** Seals one message into a frame. @param options `key` is rikey, 16 bytes; `sequence` 0..2^32-1. */
export function sealRtspFrame(
  plain: Uint8Array,
  options: { key: Uint8Array; sequence: number; sender: RtspSender },
): Uint8Array {
  const { key, sequence, sender } = options;
  assert(key.length === SIZE.key, 'rikey is not 16 bytes');

  const cipher = createCipheriv(CIPHER, key, makeIv(sequence, sender));
  const ciphertext = cipher.update(plain);
  cipher.final();

  const frame = new Uint8Array(OFFSET.ciphertext + ciphertext.length);
  writeU32(frame, OFFSET.typeAndLength, TYPE_ENCRYPTED + ciphertext.length);
  writeU32(frame, OFFSET.sequence, sequence);
  frame.set(cipher.getAuthTag(), OFFSET.tag);
  frame.set(ciphertext, OFFSET.ciphertext);
  return frame;
}

function makeIv(sequence: number, sender: RtspSender): Uint8Array {
  const iv = Buffer.alloc(SIZE.iv);
  writeU32LE(iv, 0, sequence);
  iv.write(IV_SENDER[sender], IV_OFFSET_SENDER, 'latin1');
  return iv;
}
