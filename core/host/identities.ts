/**
 * Who we are at each host: client identities, made once and kept for good.
 *
 * Wolf derives the folder of saved games and the session from the client's certificate, so a lost identity is a
 * lost game: a damaged one is an error for a person, never replaced. One JSON document per identity, private keys
 * sealed.
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

/** Where identities are kept. A write replaces the whole document in one step, and lasts when it resolves. */
export interface Documents {
  /** @returns nothing where there is no such document. */
  read: (name: string) => Promise<Buffer | undefined>;
  write: (name: string, content: string) => Promise<void>;
  /** Where a person finds it. */
  describe: (name: string) => string;
}

export interface IdentityStoreDeps {
  documents: Documents;
  sealer: Sealer;
}

/** Files in a folder of their own, which is made if absent. */
export function createDocumentFiles(directory: string): Documents {
  const pathOf = (name: string): string => join(directory, `${name}.json`);
  return {
    read: (name) => readFileIfPresent(pathOf(name)),
    write: (name, content) => writeFileAtomic(pathOf(name), content),
    describe: pathOf,
  };
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

/** The one writer of these documents. */
export function createIdentityStore({ documents, sealer }: IdentityStoreDeps): IdentityStore {
  /** At most one entry for each document. */
  const identities = new Map<string, Promise<HostIdentity>>();

  async function load(name: string, hostName: string, key: string): Promise<HostIdentity> {
    const content = await documents.read(name);
    if (content !== undefined) return parse(content, name);
    const { certificatePem, privateKeyPem } = await createClientCertificate();
    const sealedPrivateKey = sealer.seal(Buffer.from(privateKeyPem));
    const stored = { hostName, key, certificatePem, sealedPrivateKey };
    await write(name, stored);
    return toHostIdentity(name, stored, privateKeyPem);
  }

  function parse(content: Buffer, name: string): HostIdentity {
    try {
      const stored = StoredIdentity.parse(JSON.parse(content.toString('utf8')));
      const privateKeyPem = sealer.open(stored.sealedPrivateKey).toString('utf8');
      requirePair(stored.certificatePem, privateKeyPem);
      return toHostIdentity(name, stored, privateKeyPem);
    } catch (cause) {
      const where = { file: documents.describe(name) };
      throw new GleipnirError('IDENTITY_CORRUPT', 'A stored identity is damaged', where, { cause });
    }
  }

  function write(name: string, stored: StoredIdentity): Promise<void> {
    return documents.write(name, `${JSON.stringify(stored, undefined, 2)}\n`);
  }

  function toHostIdentity(name: string, loaded: StoredIdentity, privateKeyPem: string): HostIdentity {
    let stored = loaded;
    return {
      identity: { certificatePem: loaded.certificatePem, privateKeyPem },
      get hostCertificatePem() {
        return stored.hostCertificatePem;
      },
      setHostCertificate: async (pem) => {
        const next = { ...stored, hostCertificatePem: pem };
        await write(name, next);
        stored = next;
      },
    };
  }

  return {
    open: (hostName, key) => {
      const name = documentName(hostName, key);
      const known = identities.get(name);
      if (known !== undefined) return known;
      const opening = load(name, hostName, key);
      identities.set(name, opening);
      opening.catch(() => {
        identities.delete(name);
      });
      return opening;
    },
  };
}

/** Names and keys come from people; a hash of both, 32 hex digits, is fit for every store. */
function documentName(hostName: string, key: string): string {
  return hash('sha256', JSON.stringify([hostName, key]), 'hex').slice(0, 32);
}

function requirePair(certificate: string, privateKeyPem: string): void {
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKeyPem))) {
    throw new Error('the private key does not belong to the certificate');
  }
}
