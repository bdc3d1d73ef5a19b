import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHostCertificate } from '../identity/certificate.ts';
import { createSealer, type Sealer } from '../runtime/seal.ts';
import { createDocumentFiles, createIdentityStore } from './identities.ts';

let directory: string;
let sealer: Sealer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-identities-'));
  sealer = createSealer(randomBytes(32));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function onlyFile(): Promise<string> {
  const [name = '', ...others] = await readdir(directory);
  expect(others).toEqual([]);
  return join(directory, name);
}

describe('createIdentityStore().open', () => {
  it('makes an identity once, and finds it again after a restart', async () => {
    const first = await createIdentityStore({ documents: createDocumentFiles(directory), sealer }).open(
      'wolf',
      'alice/doom',
    );
    const second = await createIdentityStore({ documents: createDocumentFiles(directory), sealer }).open(
      'wolf',
      'alice/doom',
    );
    expect(second.identity).toEqual(first.identity);
    expect(second.hostCertificatePem).toBeUndefined();
  });

  it('makes one identity for callers at the same time', async () => {
    const store = createIdentityStore({ documents: createDocumentFiles(directory), sealer });
    const [one, other] = await Promise.all([store.open('wolf', 'a'), store.open('wolf', 'a')]);
    expect(other).toBe(one);
    await onlyFile();
  });

  it('tells hosts and keys apart, whatever is in their names', async () => {
    const store = createIdentityStore({ documents: createDocumentFiles(directory), sealer });
    const names = [
      ['a', 'b'],
      ['b', 'a'],
      ['../../etc', 'x\0/../y'],
      ['ab', ''],
    ] as const;
    const identities = await Promise.all(names.map(([host, key]) => store.open(host, key)));
    expect(new Set(identities.map(({ identity }) => identity.certificatePem)).size).toBe(names.length);
    expect(await readdir(directory)).toHaveLength(names.length);
  });

  it('keeps the certificate of the host', async () => {
    const { certificatePem } = await createHostCertificate('Wolf');
    const known = await createIdentityStore({ documents: createDocumentFiles(directory), sealer }).open(
      'wolf',
      'a',
    );
    await known.setHostCertificate(certificatePem);
    expect(known.hostCertificatePem).toBe(certificatePem);
    const again = await createIdentityStore({ documents: createDocumentFiles(directory), sealer }).open(
      'wolf',
      'a',
    );
    expect(again.hostCertificatePem).toBe(certificatePem);
    expect(again.identity).toEqual(known.identity);
  });

  it('writes no private key in the clear', async () => {
    const { identity } = await createIdentityStore({
      documents: createDocumentFiles(directory),
      sealer,
    }).open('wolf', 'a');
    const content = await readFile(await onlyFile(), 'utf8');
    expect(content).not.toContain('PRIVATE KEY');
    expect(content).not.toContain(identity.privateKeyPem.slice(40, 80));
  });

  it.each([
    { name: 'cut off', damage: (text: string) => text.slice(0, 100) },
    { name: 'empty', damage: () => '' },
    { name: 'of another shape', damage: () => '{"hostName":"wolf"}' },
    {
      name: 'with a broken seal',
      damage: (text: string) => text.replace(/("sealedPrivateKey": ".{9})./, '$1.'),
    },
    { name: 'with a broken certificate', damage: (text: string) => text.replace('MII', 'XII') },
  ])('says IDENTITY_CORRUPT naming a file that is $name, and leaves it alone', async ({ damage }) => {
    await createIdentityStore({ documents: createDocumentFiles(directory), sealer }).open('wolf', 'a');
    const file = await onlyFile();
    const damaged = damage(await readFile(file, 'utf8'));
    await writeFile(file, damaged);
    const opening = createIdentityStore({ documents: createDocumentFiles(directory), sealer }).open(
      'wolf',
      'a',
    );
    await expect(opening).rejects.toMatchObject({ code: 'IDENTITY_CORRUPT', details: { file } });
    expect(await readFile(file, 'utf8')).toBe(damaged);
  });

  it('says IDENTITY_CORRUPT under another deployment key', async () => {
    await createIdentityStore({ documents: createDocumentFiles(directory), sealer }).open('wolf', 'a');
    const other = createIdentityStore({
      documents: createDocumentFiles(directory),
      sealer: createSealer(randomBytes(32)),
    });
    await expect(other.open('wolf', 'a')).rejects.toMatchObject({ code: 'IDENTITY_CORRUPT' });
  });

  it('opens again after a person repaired the file', async () => {
    const { identity } = await createIdentityStore({
      documents: createDocumentFiles(directory),
      sealer,
    }).open('wolf', 'a');
    const file = await onlyFile();
    const content = await readFile(file);
    await writeFile(file, '');
    const store = createIdentityStore({ documents: createDocumentFiles(directory), sealer });
    await expect(store.open('wolf', 'a')).rejects.toMatchObject({ code: 'IDENTITY_CORRUPT' });
    await writeFile(file, content);
    expect((await store.open('wolf', 'a')).identity).toEqual(identity);
  });
});
