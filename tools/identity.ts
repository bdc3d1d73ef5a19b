/** `npm run identity -- FOLDER KEYFILE`: makes who a deployment is, once: its deployment key and its host certificate. */
import { randomBytes } from 'node:crypto';
import { readCommandLine, runProgram } from '../core/runtime/command-line.ts';
import { DEPLOYMENT_KEY_BYTES, readDeploymentKey } from '../core/runtime/deployment-key.ts';
import { GleipnirError } from '../core/runtime/errors.ts';
import { writeFileAtomic } from '../core/runtime/files.ts';
import { createSealer } from '../core/runtime/seal.ts';
import { loadHostIdentity } from '../proxy/identity/identity.ts';

const usage = (): string => `npm run identity -- FOLDER KEYFILE

Makes what all parts of a deployment share, and leaves what is there: the deployment key in KEYFILE, and in FOLDER the
identity of the host that clients pin. Keep both: without them everybody pairs again.
`;

async function main(): Promise<void> {
  const line = readCommandLine({ usage, options: {}, allowPositionals: true });
  if (line === undefined) return;
  const [directory, keyFile] = line.positionals;
  if (directory === undefined || keyFile === undefined) {
    throw new GleipnirError('CONFIG_INVALID', 'FOLDER and KEYFILE must be given', {
      problems: '--help says how',
    });
  }
  let key = await readDeploymentKey(keyFile);
  if (key === undefined) {
    key = randomBytes(DEPLOYMENT_KEY_BYTES);
    await writeFileAtomic(keyFile, `${key.toString('base64')}\n`);
  }
  const { uniqueid } = await loadHostIdentity({ directory, sealer: createSealer(key), hostname: 'Gleipnir' });
  process.stdout.write(`Host ${uniqueid}: ${directory}; deployment key: ${keyFile}\n`);
}

await runProgram({ prefix: 'PROXY' }, main);
