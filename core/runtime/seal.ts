/**
 * Sealing: secrets that are stored or put into the session table are AES-256-GCM encrypted under the
 * deployment key, so that a copied file or row tells nothing.
 *
 *   sealed text = base64url( iv 12 | tag 16 | ciphertext )
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { GleipnirError } from './errors.ts';

const SIZE = { key: 32, iv: 12, tag: 16 } as const;

/** Base64url text that only the deployment key opens. */
export type Sealed = string;

/** Seals and opens with one deployment key. */
export interface Sealer {
  seal: (secret: Uint8Array) => Sealed;
  /** @throws GleipnirError SEAL_BROKEN when the text is damaged or was sealed with another key. */
  open: (sealed: Sealed) => Buffer;
}

/** @param key 32 random bytes, the deployment key. */
export function createSealer(key: Uint8Array): Sealer {
  if (key.length !== SIZE.key) {
    throw new GleipnirError('CONFIG_INVALID', 'The deployment key must be 32 bytes', { bytes: key.length });
  }
  return {
    seal: (secret) => {
      const iv = randomBytes(SIZE.iv);
      const cipher = createCipheriv('aes-256-gcm', key, iv);
      const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString('base64url');
    },
    open: (sealed) => {
      const bytes = Buffer.from(sealed, 'base64url');
      try {
        const iv = bytes.subarray(0, SIZE.iv);
        const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: SIZE.tag });
        decipher.setAuthTag(bytes.subarray(SIZE.iv, SIZE.iv + SIZE.tag));
        return Buffer.concat([decipher.update(bytes.subarray(SIZE.iv + SIZE.tag)), decipher.final()]);
      } catch (cause) {
        throw new GleipnirError(
          'SEAL_BROKEN',
          'A sealed secret does not open with this deployment key',
          {},
          { cause },
        );
      }
    },
  };
}
