/**
 * Audio datagrams: RTP with one Opus packet, or with the parity of four of them. An FEC block is 4 data packets,
 * starting at a sequence number that is a multiple of 4, and 2 parity packets.
 *
 * Source: moonlight-common-c `RtpAudioQueue.h` (`AUDIO_FEC_HEADER`), `AudioStream.c`. Big-endian.
 *
 *   parity packet, after the RTP header
 *   0   1  shardIndex, 0 or 1
 *   1   1  payloadType of the data packets
 *   2   2  baseSequenceNumber: of the block's first data packet
 *   4   4  baseTimestamp: of the same
 *   8   4  ssrc
 *   12     parity of the 4 payloads
 *
 * Encryption is AES-128-CBC with PKCS#7 padding over the Opus packet alone; parity is made of the ciphertexts.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readU16, readU32, writeU16, writeU32 } from '../bytes.ts';

const OFFSET = { shardIndex: 0, baseSequenceNumber: 2, baseTimestamp: 4, ssrc: 8 } as const;
const CIPHER = 'aes-128-cbc';
const BLOCK_SIZE = 16;

/** RTP payload type of Opus data. */
export const PAYLOAD_TYPE_AUDIO = 97;

/** RTP payload type of parity. */
export const PAYLOAD_TYPE_AUDIO_FEC = 127;

/** Data packets and parity packets of one FEC block. */
export const AUDIO_FEC_BLOCK = { DATA_SHARDS: 4, PARITY_SHARDS: 2 } as const;

/** Bytes of the header before parity. */
export const AUDIO_FEC_HEADER_SIZE = 12;

/** The header before parity, decoded. */
export interface AudioFecHeader {
  shardIndex: number;
  payloadType: number;
  baseSequenceNumber: number;
  baseTimestamp: number;
  ssrc: number;
}

/** Decodes the header at the start of the payload of a parity packet; `undefined` if it is too short. */
export function parseAudioFecHeader(payload: Uint8Array): AudioFecHeader | undefined {
  if (payload.length < AUDIO_FEC_HEADER_SIZE) return undefined;
  const word = readU16(payload, OFFSET.shardIndex);
  return {
    shardIndex: word >>> 8,
    payloadType: word & 0xff,
    baseSequenceNumber: readU16(payload, OFFSET.baseSequenceNumber),
    baseTimestamp: readU32(payload, OFFSET.baseTimestamp),
    ssrc: readU32(payload, OFFSET.ssrc),
  };
}

/**
 * Encodes `header` over the first 12 bytes of `target`, the payload of a parity packet.
 *
 * @returns the number of bytes written, 12.
 */
export function writeAudioFecHeader(target: Uint8Array, header: AudioFecHeader): number {
  writeU16(target, OFFSET.shardIndex, (header.shardIndex << 8) | header.payloadType);
  writeU16(target, OFFSET.baseSequenceNumber, header.baseSequenceNumber);
  writeU32(target, OFFSET.baseTimestamp, header.baseTimestamp);
  writeU32(target, OFFSET.ssrc, header.ssrc);
  return AUDIO_FEC_HEADER_SIZE;
}

/** What one audio packet is encrypted with. */
export interface AudioCipher {
  /** rikey, 16 bytes. */
  key: Uint8Array;
  /** As in /launch: a 32-bit integer, signed or not. */
  rikeyid: number;
  /** RTP sequence number of the packet. */
  sequenceNumber: number;
}

/** Encrypts one Opus packet. */
export function sealAudio(opus: Uint8Array, cipher: AudioCipher): Uint8Array {
  const encipher = createCipheriv(CIPHER, cipher.key, ivOf(cipher));
  return Buffer.concat([encipher.update(opus), encipher.final()]);
}

/**
 * Decrypts one Opus packet.
 *
 * @returns `undefined` if the length is no multiple of 16 or the padding is wrong. Padding proves little: bytes
 * of a stranger pass once in about 256 times. Never throws.
 */
export function openAudio(ciphertext: Uint8Array, cipher: AudioCipher): Uint8Array | undefined {
  if (ciphertext.length === 0 || ciphertext.length % BLOCK_SIZE !== 0) return undefined;
  const decipher = createDecipheriv(CIPHER, cipher.key, ivOf(cipher));
  const start = decipher.update(ciphertext);
  try {
    return Buffer.concat([start, decipher.final()]);
  } catch {
    return undefined;
  }
}

function ivOf({ rikeyid, sequenceNumber }: AudioCipher): Uint8Array {
  const iv = new Uint8Array(BLOCK_SIZE);
  writeU32(iv, 0, (rikeyid + sequenceNumber) >>> 0);
  return iv;
}
