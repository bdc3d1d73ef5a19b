/**
 * Encryption of video datagrams, used where SS_ENC_VIDEO was negotiated: the whole RTP packet under AES-128-GCM,
 * after a header in clear.
 *
 * Source: moonlight-common-c `Video.h` (`ENC_VIDEO_HEADER`), `VideoStream.c`.
 *
 *   offset  size  field
 *   0       12    iv, chosen by the host, never twice under one key
 *   12      4     frameNumber, little-endian: frameIndex of the packet inside
 *   16      16    GCM tag, no additional data
 *   32            ciphertext of the RTP packet
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readU32LE, writeU32LE } from '../bytes.ts';

const OFFSET = { iv: 0, frameNumber: 12, tag: 16, ciphertext: 32 } as const;
const TAG_SIZE = 16;
const CIPHER = 'aes-128-gcm';

/** Bytes that encryption adds before a video packet. */
export const ENCRYPTED_VIDEO_HEADER_SIZE = 32;

/** What an encrypted datagram is made with, beside the packet. */
export interface VideoSealOptions {
  /** rikey, 16 bytes. */
  key: Uint8Array;
  /** 12 bytes, never twice under one key. */
  iv12: Uint8Array;
  /** frameIndex of the packet, unsigned 32 bits. */
  frameNumber: number;
}

/** Encrypts one RTP packet into a new datagram. */
export function sealVideoPacket(packet: Uint8Array, options: VideoSealOptions): Uint8Array {
  const encipher = createCipheriv(CIPHER, options.key, options.iv12, { authTagLength: TAG_SIZE });
  const ciphertext = encipher.update(packet);
  encipher.final();

  const datagram = new Uint8Array(OFFSET.ciphertext + ciphertext.length);
  datagram.set(options.iv12, OFFSET.iv);
  writeU32LE(datagram, OFFSET.frameNumber, options.frameNumber);
  datagram.set(encipher.getAuthTag(), OFFSET.tag);
  datagram.set(ciphertext, OFFSET.ciphertext);
  return datagram;
}

/**
 * Decrypts one datagram.
 *
 * @param key - rikey, 16 bytes
 * @returns the RTP packet, or `undefined` if the datagram is too short or its tag does not open. Whatever the
 * bytes, never throws.
 */
export function openVideoPacket(
  datagram: Uint8Array,
  key: Uint8Array,
): { frameNumber: number; packet: Uint8Array } | undefined {
  const frameNumber = readEncryptedFrameNumber(datagram);
  if (frameNumber < 0) return undefined;

  const iv = datagram.subarray(OFFSET.iv, OFFSET.frameNumber);
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_SIZE });
  decipher.setAuthTag(datagram.subarray(OFFSET.tag, OFFSET.ciphertext));
  const packet = decipher.update(datagram.subarray(OFFSET.ciphertext));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return { frameNumber, packet };
}

/**
 * The frameNumber that an encrypted video datagram tells in clear, or -1 if it is too short. Not proven by the
 * tag. For the hot path: no allocation.
 */
export function readEncryptedFrameNumber(datagram: Uint8Array): number {
  return datagram.length < ENCRYPTED_VIDEO_HEADER_SIZE ? -1 : readU32LE(datagram, OFFSET.frameNumber);
}
