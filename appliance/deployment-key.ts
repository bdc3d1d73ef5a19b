/** The appliance's deployment key, made on first use. */
import { randomBytes } from 'node:crypto';
import { DEPLOYMENT_KEY_BYTES, readDeploymentKey } from '../core/runtime/deployment-key.ts';
import { writeFileAtomic } from '../core/runtime/files.ts';
import { createSealer, type Sealer } from '../core/runtime/seal.ts';

/** A sealer with the key of `path`. @throws GleipnirError FILE_UNUSABLE; CONFIG_INVALID when the file holds no key. */
export async function openDeploymentKey(path: string): Promise<Sealer> {
  const kept = await readDeploymentKey(path);
  if (kept !== undefined) return createSealer(kept);
  const key = randomBytes(DEPLOYMENT_KEY_BYTES);
  await writeFileAtomic(path, `${key.toString('base64')}\n`);
  return createSealer(key);
}
