/** The deployment key: 32 random bytes in a file that only its owner reads; every stored secret is sealed with it. */
import { randomBytes } from 'node:crypto';
import { GleipnirError } from '../core/runtime/errors.ts';
import { readFileIfPresent, writeFileAtomic } from '../core/runtime/files.ts';
import { createSealer, type Sealer } from '../core/runtime/seal.ts';

const KEY_BYTES = 32;

/**
 * A sealer with the key of `path`, which is made on first use.
 *
 * @throws GleipnirError FILE_UNUSABLE; CONFIG_INVALID when the file holds no key.
 */
export async function openDeploymentKey(path: string): Promise<Sealer> {
  const stored = await readFileIfPresent(path);
  if (stored !== undefined) {
    const kept = Buffer.from(stored.toString('ascii').trim(), 'base64');
    if (kept.length === KEY_BYTES) return createSealer(kept);
    throw new GleipnirError('CONFIG_INVALID', 'The deployment key is damaged', {
      problems: `${path} must hold ${KEY_BYTES} bytes in base64: restore it from a backup; without it everybody pairs again.`,
    });
  }
  const key = randomBytes(KEY_BYTES);
  await writeFileAtomic(path, `${key.toString('base64')}\n`);
  return createSealer(key);
}
