import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalStore } from '../../core/store/local.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { PAIRINGS_MAX, storePairing } from './store.ts';

const FINGERPRINT = 'ab'.repeat(32);
const NAME = 'p-abababababababab';
const client = { fingerprint: FINGERPRINT, clientCertPEM: 'pem' };

let directory: string;
let pairings: ObjectStore<'Pairing'>;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-pairings-'));
  pairings = await createLocalStore({ kind: 'Pairing', directory, now: () => new Date() });
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('storePairing', () => {
  it('makes a client without a person a person of its own', async () => {
    await storePairing(pairings, client, {});
    expect((await pairings.get(NAME))?.spec).toEqual({ ...client, userReference: { name: NAME } });
  });

  it('gives several clients to one person', async () => {
    const other = { ...client, fingerprint: 'cd'.repeat(32) };
    await storePairing(pairings, client, { userName: 'alice', clientName: 'Sofa' });
    await storePairing(pairings, other, { userName: 'alice' });
    const specs = (await pairings.list()).map(({ spec }) => [spec.userReference.name, spec.clientName]);
    expect(specs).toEqual([
      ['alice', 'Sofa'],
      ['alice', undefined],
    ]);
  });

  it('lets in no more than PAIRINGS_MAX, but whoever is in may pair again', async () => {
    await storePairing(pairings, client, {});
    const standing = await pairings.list();
    const crowd: Parameters<typeof storePairing>[0] = {
      get: (name) => pairings.get(name),
      create: (object) => pairings.create(object),
      update: (name, spec) => pairings.update(name, spec),
      list: () => Promise.resolve(Array.from({ length: PAIRINGS_MAX }, () => standing).flat()),
    };
    const next = { ...client, fingerprint: 'cd'.repeat(32) };
    await expect(storePairing(crowd, next, {})).rejects.toMatchObject({ code: 'HOST_BUSY' });
    await storePairing(crowd, client, { userName: 'alice' });
    expect((await pairings.list()).map(({ spec }) => spec.userReference.name)).toEqual(['alice']);
  });

  it('changes of a client that pairs again only what was entered', async () => {
    await storePairing(pairings, client, { userName: 'alice', clientName: 'Sofa' });
    const first = await pairings.get(NAME);
    await storePairing(pairings, client, {});
    expect(await pairings.get(NAME)).toBe(first);
    await storePairing(pairings, client, { userName: 'bob' });
    const second = await pairings.get(NAME);
    expect(second?.metadata.uid).toBe(first?.metadata.uid);
    expect(second?.spec).toMatchObject({ userReference: { name: 'bob' }, clientName: 'Sofa' });
  });

  it('never hands a name to another certificate', async () => {
    await storePairing(pairings, client, {});
    const twin = { ...client, fingerprint: `${FINGERPRINT.slice(0, 16)}${'ef'.repeat(24)}` };
    await expect(storePairing(pairings, twin, {})).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
  });
});
