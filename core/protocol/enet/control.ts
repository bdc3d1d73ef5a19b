/**
 * Encrypted control messages: the payload of the ENet SEND_* commands between client and host.
 *
 * Source: moonlight-common-c `ControlStream.c` (`encryptControlMessage`, `decryptControlMessageToV1`).
 * All integers are little-endian.
 *
 *   offset  size  field
 *   0       2     0x0001: encrypted
 *   2       2     length of all that follows
 *   4       4     seq, counted per direction from 0
 *   8       16    AES-128-GCM tag, no additional data
 *   24      n     ciphertext of { type 2, payload length 2, payload }
 *
 * The nonce, by negotiated version: v1 16 bytes, the first is seq modulo 256, the others 0, in both directions;
 * v2 12 bytes: seq, 6 zero bytes, `CC` from the client or `HC` from the host.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readU16LE, readU32LE, writeU16LE, writeU32LE } from '../bytes.ts';

const OFFSET = { kind: 0, length: 2, seq: 4, tag: 8, ciphertext: 24 } as const;
const INNER = { type: 0, payloadLength: 2, payload: 4 } as const;
const KIND_ENCRYPTED = 0x0001;
const TAG_SIZE = 16;
const CIPHER = 'aes-128-gcm';

/**
 * Types of decrypted control messages. Some numbers mean different things per direction: 0x5502 from the client
 * is the frame FEC status, from the host the colour of a controller's light.
 * Source: moonlight-common-c `ControlStream.c` (`packetTypesGen7Enc`).
 */
export const CONTROL_TYPE = {
  /** From the client: also the request for an IDR frame. */
  START_A_REQUEST_IDR: 0x0302,
  START_B: 0x0307,
  PERIODIC_PING: 0x0200,
  INPUT: 0x0206,
  /** Invalidate reference frames. */
  RFI: 0x0301,
  /** Acknowledgement of a long-term reference frame. */
  LTR_ACK: 0x0350,
  FRAME_FEC_STATUS: 0x5502,
  /** From the host. */
  RUMBLE: 0x010b,
  TERMINATION: 0x0109,
  HDR: 0x010e,
  RUMBLE_TRIGGERS: 0x5500,
  SET_MOTION_EVENT: 0x5501,
  SET_RGB_LED: 0x5502,
  SET_ADAPTIVE_TRIGGERS: 0x5503,
} as const;

/** Code of a TERMINATION (u32, big-endian in the payload) that a client takes for a wanted end. */
export const TERMINATION_GRACEFUL = 0x80030023;

/** How one direction of a control stream is encrypted. */
export interface ControlCipher {
  /** rikey, 16 bytes. */
  key: Uint8Array;
  /** v2 if SS_ENC_CONTROL_V2 was negotiated. */
  version: 'v1' | 'v2';
  /** Who encrypts. */
  sender: 'client' | 'host';
}

/** One control message, decrypted. */
export interface ControlMessage {
  /** 0..2^32-1. */
  seq: number;
  /** 0..0xffff, see `CONTROL_TYPE`. */
  type: number;
  /** At most 65507 bytes, so that all fits the 16-bit length. */
  payload: Uint8Array;
}

/**
 * The seq of an encrypted control message, not yet proven by its tag; -1 if the bytes are no such message.
 * For the hot path: no allocation.
 */
export function readControlSeq(message: Uint8Array): number {
  if (message.length < OFFSET.ciphertext + INNER.payload) return -1;
  if (readU16LE(message, OFFSET.kind) !== KIND_ENCRYPTED) return -1;
  if (readU16LE(message, OFFSET.length) !== message.length - OFFSET.seq) return -1;
  return readU32LE(message, OFFSET.seq);
}

/**
 * Decrypts one control message.
 *
 * @returns `undefined` if the bytes are no encrypted message, the tag does not open under `cipher`, or the
 * plaintext's length is not what it says. Whatever the bytes, never throws.
 */
export function openControlMessage(message: Uint8Array, cipher: ControlCipher): ControlMessage | undefined {
  const seq = readControlSeq(message);
  if (seq < 0) return undefined;

  const decipher = createDecipheriv(CIPHER, cipher.key, nonceOf(seq, cipher), { authTagLength: TAG_SIZE });
  decipher.setAuthTag(message.subarray(OFFSET.tag, OFFSET.ciphertext));
  const plaintext = decipher.update(message.subarray(OFFSET.ciphertext));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  if (readU16LE(plaintext, INNER.payloadLength) !== plaintext.length - INNER.payload) return undefined;
  return { seq, type: readU16LE(plaintext, INNER.type), payload: plaintext.subarray(INNER.payload) };
}

/** Encrypts one control message into a new buffer, ready to be the data of a SEND_* command. */
export function sealControlMessage(message: ControlMessage, cipher: ControlCipher): Uint8Array {
  const { seq, type, payload } = message;
  const plaintext = new Uint8Array(INNER.payload + payload.length);
  writeU16LE(plaintext, INNER.type, type);
  writeU16LE(plaintext, INNER.payloadLength, payload.length);
  plaintext.set(payload, INNER.payload);

  const encipher = createCipheriv(CIPHER, cipher.key, nonceOf(seq, cipher), { authTagLength: TAG_SIZE });
  const ciphertext = encipher.update(plaintext);
  encipher.final();

  const sealed = new Uint8Array(OFFSET.ciphertext + ciphertext.length);
  writeU16LE(sealed, OFFSET.kind, KIND_ENCRYPTED);
  writeU16LE(sealed, OFFSET.length, sealed.length - OFFSET.seq);
  writeU32LE(sealed, OFFSET.seq, seq);
  sealed.set(encipher.getAuthTag(), OFFSET.tag);
  sealed.set(ciphertext, OFFSET.ciphertext);
  return sealed;
}

function nonceOf(seq: number, cipher: ControlCipher): Uint8Array {
  if (cipher.version === 'v1') {
    const nonce = new Uint8Array(16);
    nonce[0] = seq;
    return nonce;
  }
  const nonce = new Uint8Array(12);
  writeU32LE(nonce, 0, seq);
  nonce[10] = (cipher.sender === 'client' ? 'C' : 'H').charCodeAt(0);
  nonce[11] = 'C'.charCodeAt(0);
  return nonce;
}
