import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHostCertificate } from '../../core/identity/certificate.ts';
import { createSealer } from '../../core/runtime/seal.ts';
import { loadHostIdentity, type HostIdentity } from './identity.ts';

const sealer = createSealer(Buffer.alloc(32, 7));
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-identity-'));
});
afterEach(() => rm(directory, { recursive: true }));

const load = (hostname = 'host'): Promise<HostIdentity> => loadHostIdentity({ directory, sealer, hostname });
const path = () => join(directory, 'identity.json');

async function damage(change: (file: Record<string, unknown>) => object | string): Promise<void> {
  const file = JSON.parse(await readFile(path(), 'utf8')) as Record<string, unknown>;
  const changed = change(file);
  await writeFile(path(), typeof changed === 'string' ? changed : JSON.stringify(changed));
}

describe('loadHostIdentity', () => {
  it('is the same at every start, whatever the host is called', async () => {
    const first = await load('one');
    expect(first.mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    expect(new X509Certificate(first.certificatePem).subject).toBe('CN=one');
    expect(await load('two')).toEqual({ ...first, hostname: 'two' });
  });

  it('differs between two hosts', async () => {
    const first = await load();
    await rm(path());
    const second = await load();
    for (const field of ['uniqueid', 'mac', 'certificatePem', 'privateKeyPem'] as const) {
      expect(second[field]).not.toBe(first[field]);
    }
  });

  it('keeps its key sealed, in a file of its owner', async () => {
    const { privateKeyPem } = await load();
    expect(privateKeyPem).toContain('PRIVATE KEY');
    expect(await readFile(path(), 'utf8')).not.toContain('PRIVATE KEY');
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  it.each([
    { name: 'an empty file', change: () => '' },
    { name: 'no JSON', change: () => '{"version": 1' },
    { name: 'another version', change: (file: object) => ({ ...file, version: 2 }) },
    { name: 'a zero MAC', change: (file: object) => ({ ...file, mac: '00:00:00:00:00:00' }) },
    { name: 'no key', change: (file: object) => ({ ...file, privateKeySealed: undefined }) },
    { name: 'a damaged key', change: (file: object) => ({ ...file, privateKeySealed: 'AAAA' }) },
    { name: 'a damaged certificate', change: (file: object) => ({ ...file, certificatePem: 'garbage' }) },
  ])('stops at $name, and leaves it as it is', async ({ change }) => {
    await load();
    await damage(change);
    const before = await readFile(path());
    await expect(load()).rejects.toMatchObject({ code: 'IDENTITY_CORRUPT', details: { path: path() } });
    expect(await readFile(path())).toEqual(before);
  });

  it('stops at a key of another certificate, or of another deployment', async () => {
    await load();
    const other = createSealer(Buffer.alloc(32, 8));
    await expect(loadHostIdentity({ directory, sealer: other, hostname: 'x' })).rejects.toMatchObject({
      code: 'IDENTITY_CORRUPT',
    });
    const { certificatePem } = await createHostCertificate('other');
    await damage((file) => ({ ...file, certificatePem }));
    await expect(load()).rejects.toMatchObject({
      code: 'IDENTITY_CORRUPT',
      details: { problems: 'key does not belong to the certificate' },
    });
  });

  it('stops at a file that cannot be read', async () => {
    await mkdir(path());
    await expect(load()).rejects.toMatchObject({
      code: 'FILE_UNUSABLE',
      details: { path: path(), reason: 'EISDIR' },
    });
  });
});
