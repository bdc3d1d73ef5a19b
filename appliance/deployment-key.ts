/** The deployment key: 32 random bytes in a file that only its owner reads; every stored secret is sealed with it. */
import { randomBytes } from 'node:crypto';
import { readFileIfPresent, writeFileAtomic } from '../core/runtime/files.ts';
import { createSealer, type Sealer } from '../core/runtime/seal.ts';

const KEY_BYTES = 32;

/**
 * A sealer with the key of `path`, which is made on first use.
 *
 * @throws GleipnirError CONFIG_INVALID when the file holds no key.
 */
export async function openDeploymentKey(path: string): Promise<Sealer> {
  const stored = await readFileIfPresent(path);
  if (stored !== undefined) return createSealer(Buffer.from(stored.toString('ascii').trim(), 'base64'));
  const key = randomBytes(KEY_BYTES);
  await writeFileAtomic(path, `${key.toString('base64')}\n`);
  return createSealer(key);
}
