/**
 * Who we are at each host: client identities, made once and kept for good.
 *
 * Wolf derives the folder of saved games and the session from the client's certificate, so a lost identity is a
 * lost game: a damaged file is an error for a person, never replaced. One JSON file per identity, private keys
 * sealed, replaced atomically.
 */
import { X509Certificate, createPrivateKey, hash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { createClientCertificate, fingerprintOf } from '../identity/certificate.ts';
import { GleipnirError } from '../runtime/errors.ts';
import { readFileIfPresent, writeFileAtomic } from '../runtime/files.ts';
import type { Sealer } from '../runtime/seal.ts';
import type { ClientIdentity } from './types.ts';

/** One identity at one host. */
export interface HostIdentity {
  readonly identity: ClientIdentity;
  /** The certificate the host showed in pairing; `undefined` until paired. */
  readonly hostCertificatePem: string | undefined;
  /** Keeps the certificate; when it resolves, it survives a crash. */
  setHostCertificate: (pem: string) => Promise<void>;
}

export interface IdentityStore {
  /**
   * The identity for `key` at `hostName`, made at first sight; the same object for every later call.
   *
   * @param key whose identity it is, such as a person and an app.
   * @throws GleipnirError IDENTITY_CORRUPT naming the file, when it is damaged or does not open with this key.
   */
  open: (hostName: string, key: string) => Promise<HostIdentity>;
}

export interface IdentityStoreDeps {
  /** Made if absent. */
  directory: string;
  sealer: Sealer;
}

const certificatePem = z.string().refine((text) => fingerprintOf(text) !== undefined, 'not a certificate');

const StoredIdentity = z.strictObject({
  hostName: z.string(),
  key: z.string(),
  certificatePem,
  sealedPrivateKey: z.string(),
  hostCertificatePem: certificatePem.optional(),
});

type StoredIdentity = z.infer<typeof StoredIdentity>;

/** The one writer of `directory`. */
export function createIdentityStore({ directory, sealer }: IdentityStoreDeps): IdentityStore {
  /** At most one entry per file in `directory`. */
  const identities = new Map<string, Promise<HostIdentity>>();

  async function load(path: string, hostName: string, key: string): Promise<HostIdentity> {
    const content = await readFileIfPresent(path);
    if (content !== undefined) return read(content, path);
    const { certificatePem, privateKeyPem } = await createClientCertificate();
    const sealedPrivateKey = sealer.seal(Buffer.from(privateKeyPem));
    const stored = { hostName, key, certificatePem, sealedPrivateKey };
    await write(path, stored);
    return toHostIdentity(path, stored, privateKeyPem);
  }

  function read(content: Buffer, path: string): HostIdentity {
    try {
      const stored = StoredIdentity.parse(JSON.parse(content.toString('utf8')));
      const privateKeyPem = sealer.open(stored.sealedPrivateKey).toString('utf8');
      requirePair(stored.certificatePem, privateKeyPem);
      return toHostIdentity(path, stored, privateKeyPem);
    } catch (cause) {
      throw new GleipnirError('IDENTITY_CORRUPT', 'A stored identity is damaged', { file: path }, { cause });
    }
  }

  return {
    open: (hostName, key) => {
      const path = join(directory, fileName(hostName, key));
      const known = identities.get(path);
      if (known !== undefined) return known;
      const opening = load(path, hostName, key);
      identities.set(path, opening);
      opening.catch(() => {
        identities.delete(path);
      });
      return opening;
    },
  };
}

/** Names and keys come from people; a hash of both is fit for every file system. */
function fileName(hostName: string, key: string): string {
  return `${hash('sha256', JSON.stringify([hostName, key]), 'hex').slice(0, 32)}.json`;
}

function requirePair(certificate: string, privateKeyPem: string): void {
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKeyPem))) {
    throw new Error('the private key does not belong to the certificate');
  }
}

async function write(path: string, stored: StoredIdentity): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(stored, undefined, 2)}\n`);
}

function toHostIdentity(path: string, loaded: StoredIdentity, privateKeyPem: string): HostIdentity {
  let stored = loaded;
  return {
    identity: { certificatePem: loaded.certificatePem, privateKeyPem },
    get hostCertificatePem() {
      return stored.hostCertificatePem;
    },
    setHostCertificate: async (pem) => {
      const next = { ...stored, hostCertificatePem: pem };
      await write(path, next);
      stored = next;
    },
  };
}
