import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalStore } from '../../core/store/local.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { PAIRINGS_MAX, storePairing } from './store.ts';

const FINGERPRINT = 'ab'.repeat(32);
const NAME = 'p-abababababababab';
const FROM = { address: '192.0.2.7' };
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
  it('makes a client without a person a person of its own, and names it by where it paired from', async () => {
    await storePairing(pairings, client, FROM);
    expect((await pairings.get(NAME))?.spec).toEqual({
      ...client,
      userReference: { name: NAME },
      clientName: 'Moonlight at 192.0.2.7',
    });
  });

  it('gives several clients to one person', async () => {
    const other = { ...client, fingerprint: 'cd'.repeat(32) };
    await storePairing(pairings, client, { ...FROM, userName: 'alice', clientName: 'Sofa' });
    await storePairing(pairings, other, { address: '2001:db8::9', userName: 'alice' });
    const specs = (await pairings.list()).map(({ spec }) => [spec.userReference.name, spec.clientName]);
    expect(specs).toEqual([
      ['alice', 'Sofa'],
      ['alice', 'Moonlight at 2001:db8::9'],
    ]);
  });

  it('lets in no more than PAIRINGS_MAX, but whoever is in may pair again', async () => {
    await storePairing(pairings, client, FROM);
    const standing = await pairings.list();
    const crowd: Parameters<typeof storePairing>[0] = {
      get: (name) => pairings.get(name),
      create: (object) => pairings.create(object),
      update: (name, spec) => pairings.update(name, spec),
      list: () => Promise.resolve(Array.from({ length: PAIRINGS_MAX }, () => standing).flat()),
    };
    const next = { ...client, fingerprint: 'cd'.repeat(32) };
    await expect(storePairing(crowd, next, FROM)).rejects.toMatchObject({ code: 'HOST_BUSY' });
    await storePairing(crowd, client, { ...FROM, userName: 'alice' });
    expect((await pairings.list()).map(({ spec }) => spec.userReference.name)).toEqual(['alice']);
  });

  it('changes of a client that pairs again only what was entered', async () => {
    await storePairing(pairings, client, { ...FROM, userName: 'alice', clientName: 'Sofa' });
    const first = await pairings.get(NAME);
    await storePairing(pairings, client, FROM);
    expect(await pairings.get(NAME)).toBe(first);
    await storePairing(pairings, client, { ...FROM, userName: 'bob' });
    const second = await pairings.get(NAME);
    expect(second?.metadata.uid).toBe(first?.metadata.uid);
    expect(second?.spec).toMatchObject({ userReference: { name: 'bob' }, clientName: 'Sofa' });
  });

  it('names a client of old, that has no name, when it pairs again', async () => {
    await pairings.create({ name: NAME, spec: { ...client, userReference: { name: NAME } } });
    await storePairing(pairings, client, FROM);
    expect((await pairings.get(NAME))?.spec.clientName).toBe('Moonlight at 192.0.2.7');
  });

  it('never hands a name to another certificate', async () => {
    await storePairing(pairings, client, FROM);
    const twin = { ...client, fingerprint: `${FINGERPRINT.slice(0, 16)}${'ef'.repeat(24)}` };
    await expect(storePairing(pairings, twin, FROM)).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
  });
});
