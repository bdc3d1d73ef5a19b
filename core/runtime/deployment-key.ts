/** The deployment key: 32 bytes, base64, in a file that all parts of a deployment mount. Every stored secret is sealed with it. */
import { GleipnirError } from './errors.ts';
import { readFileIfPresent } from './files.ts';

export const DEPLOYMENT_KEY_BYTES = 32;

/**
 * @returns nothing where there is no such file.
 * @throws GleipnirError FILE_UNUSABLE; CONFIG_INVALID when the file holds no key.
 */
export async function readDeploymentKey(path: string): Promise<Buffer | undefined> {
  const stored = await readFileIfPresent(path);
  if (stored === undefined) return undefined;
  const key = Buffer.from(stored.toString('ascii').trim(), 'base64');
  if (key.length === DEPLOYMENT_KEY_BYTES) return key;
  throw new GleipnirError('CONFIG_INVALID', 'The deployment key is damaged', {
    problems: `${path} must hold ${DEPLOYMENT_KEY_BYTES} bytes in base64: restore it from a backup; without it everybody pairs again.`,
  });
}

/** Of a part that runs apart: nobody but who installs the deployment makes its key. @throws as `readDeploymentKey`. */
export async function requireDeploymentKey(path: string): Promise<Buffer> {
  const key = await readDeploymentKey(path);
  if (key !== undefined) return key;
  throw new GleipnirError('CONFIG_INVALID', 'The deployment key is not there', {
    problems: `DEPLOYMENT_KEY_FILE names ${path}: make it once for all parts, with \`openssl rand -base64 32\`.`,
  });
}
