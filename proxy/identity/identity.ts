/**
 * Who this Moonlight host is: the name, number and certificate that clients store when they pair.
 *
 * Clients pin the certificate for ever, so the identity is made once and kept in one file. Losing it would unpair
 * everybody; a file that is damaged therefore stops the start, it is never replaced.
 */
import { createPrivateKey, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { createHostCertificate } from '../../core/identity/certificate.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { readFileIfPresent, writeFileAtomic } from '../../core/runtime/files.ts';
import type { Sealer } from '../../core/runtime/seal.ts';

const FILE_NAME = 'identity.json';

const IdentityFile = z.object({
  version: z.literal(1),
  uniqueid: z.uuid(),
  mac: z.string().regex(/^02(:[0-9a-f]{2}){5}$/),
  certificatePem: z.string().min(1),
  /** PKCS#8 PEM, sealed with the deployment key. */
  privateKeySealed: z.string().min(1),
});
type IdentityFile = z.output<typeof IdentityFile>;

/** What this host tells its clients about itself, and the key that proves it. */
export interface HostIdentity {
  /** Shown in the clients' list of hosts; from the configuration, may change. */
  hostname: string;
  /** UUID by which clients recognise this host at any address. */
  uniqueid: string;
  /** Locally administered MAC address (`02:...`): stable, never zero, but nobody's wake-on-LAN target. */
  mac: string;
  certificatePem: string;
  /** Secret. */
  privateKeyPem: string;
}

export interface IdentityDeps {
  /** Where `identity.json` is kept. */
  directory: string;
  sealer: Sealer;
  hostname: string;
}

/**
 * Reads the identity that whoever installs a deployment made for all its proxies.
 *
 * @throws GleipnirError CONFIG_INVALID when there is none: it is never made here; else as `loadHostIdentity`.
 */
export async function requireHostIdentity(deps: IdentityDeps): Promise<HostIdentity> {
  const path = join(deps.directory, FILE_NAME);
  if ((await readFileIfPresent(path)) !== undefined) return loadHostIdentity(deps);
  throw new GleipnirError('CONFIG_INVALID', 'The identity of this host is not there', {
    problems: `PROXY_IDENTITY_DIR must hold ${FILE_NAME} (in Kubernetes: mount the Secret gleipnir-host-identity there); \`npm run identity\` makes one, once for all proxies.`,
  });
}

/**
 * Reads the stored identity, or makes and stores one where none is yet (30-300 ms for the key).
 *
 * @throws GleipnirError FILE_UNUSABLE; IDENTITY_CORRUPT when the file is damaged, does not open with this deployment
 *   key, or its key does not belong to its certificate.
 */
export async function loadHostIdentity(deps: IdentityDeps): Promise<HostIdentity> {
  const path = join(deps.directory, FILE_NAME);
  const stored = await readFileIfPresent(path);
  const file = stored === undefined ? await createFile(path, deps) : parseFile(stored, path);
  const { uniqueid, mac, certificatePem } = file;
  return {
    hostname: deps.hostname,
    uniqueid,
    mac,
    certificatePem,
    privateKeyPem: openKey(file, path, deps.sealer),
  };
}

async function createFile(path: string, { hostname, sealer }: IdentityDeps): Promise<IdentityFile> {
  const { certificatePem, privateKeyPem } = await createHostCertificate(hostname);
  const file: IdentityFile = {
    version: 1,
    uniqueid: randomUUID(),
    mac: ['02', ...[...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':'),
    certificatePem,
    privateKeySealed: sealer.seal(Buffer.from(privateKeyPem)),
  };
  await writeFileAtomic(path, `${JSON.stringify(file, undefined, 2)}\n`);
  return file;
}

function parseFile(stored: Buffer, path: string): IdentityFile {
  let content: unknown;
  try {
    content = JSON.parse(stored.toString('utf8'));
  } catch (cause) {
    throw corrupt(path, 'not JSON', cause);
  }
  const parsed = IdentityFile.safeParse(content);
  if (!parsed.success) throw corrupt(path, z.prettifyError(parsed.error));
  return parsed.data;
}

function openKey({ certificatePem, privateKeySealed }: IdentityFile, path: string, sealer: Sealer): string {
  let isPair: boolean;
  let privateKeyPem: string;
  try {
    privateKeyPem = sealer.open(privateKeySealed).toString('utf8');
    isPair = new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch (cause) {
    throw corrupt(path, 'certificate or key do not open', cause);
  }
  if (!isPair) throw corrupt(path, 'key does not belong to the certificate');
  return privateKeyPem;
}

function corrupt(path: string, problems: string, cause?: unknown): GleipnirError {
  return new GleipnirError(
    'IDENTITY_CORRUPT',
    'The identity of this host is damaged; restore its file, or delete it and pair every client anew',
    { path, problems },
    { cause },
  );
}
