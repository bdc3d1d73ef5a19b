import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClientCertificate, fingerprintOf } from '../../core/identity/certificate.ts';
import { certificateOf } from '../../test/support/odd-certificates.ts';
import { createPairingController } from './pairing.ts';
import type { StatusKeeper } from './statuses.ts';
import { openStores, type Stores, type Watched } from './test-bench.ts';

let stores: Stores;
let pairings: Watched<'Pairing'>;
let controller: StatusKeeper<'Pairing'>;

const create = async (name: string, clientCertPEM: string, fingerprint?: string) => {
  stores.clock.nowMs += 1_000;
  const said = fingerprint === undefined ? {} : { fingerprint };
  await pairings.create({ name, spec: { userReference: { name: 'u' }, clientCertPEM, ...said } });
};
const conditionOf = async (name: string) => (await pairings.get(name))?.status?.conditions?.[0];

beforeEach(async () => {
  stores = await openStores();
  pairings = await stores.open('Pairing');
  const log = pino({ level: 'silent' });
  controller = createPairingController({ pairings, log, now: () => stores.clock.nowMs });
  controller.start();
});
afterEach(async () => {
  await controller.stop();
  await stores.remove();
});

describe('the Pairing controller', () => {
  it('accepts one that was made by hand, and keeps what its status holds', async () => {
    const { certificatePem } = await createClientCertificate();
    await create('by-hand', certificatePem);
    await expect
      .poll(() => conditionOf('by-hand'))
      .toMatchObject({
        ...{ type: 'Accepted', status: 'True', reason: 'Accepted', observedGeneration: 1 },
      });
    const lastSeen = '2026-01-02T00:00:00Z';
    await pairings.patchStatus('by-hand', { lastSeen });
    await expect.poll(() => conditionOf('by-hand')).toMatchObject({ status: 'True' });
    expect((await pairings.get('by-hand'))?.status).toMatchObject({ lastSeen });
  });

  it.each([
    { kind: 'text', pem: 'ssh-rsa AAAA', says: 'clientCertPEM is not a certificate in PEM' },
    { kind: 'ECDSA', pem: certificateOf('ECDSA'), says: /is not an RSA key/ },
    { kind: 'RSA-512', pem: certificateOf('RSA-512'), says: /is shorter than 2048 bits/ },
  ])('says in a sentence why $kind is of no use', async ({ pem, says }) => {
    await create('odd', pem);
    await expect
      .poll(() => conditionOf('odd'))
      .toMatchObject({
        ...{ status: 'False', reason: 'CertificateUnusable' },
        message: expect.stringMatching(says) as string,
      });
  });

  it('takes one that says its fingerprint at its word', async () => {
    await create('p-1', 'pem', 'ab'.repeat(32));
    await expect.poll(() => conditionOf('p-1')).toMatchObject({ status: 'True' });
  });

  it('names the older Pairing that has the certificate, until that is gone', async () => {
    const { certificatePem } = await createClientCertificate();
    await create('first', certificatePem, fingerprintOf(certificatePem));
    await create('again', `${certificatePem}\n`);
    await expect
      .poll(() => conditionOf('again'))
      .toMatchObject({
        ...{ status: 'False', reason: 'CertificateTaken' },
        message: 'The Pairing first is older and has the same certificate',
      });
    expect(await conditionOf('first')).toMatchObject({ status: 'True' });
    await pairings.delete('first');
    await expect.poll(() => conditionOf('again')).toMatchObject({ status: 'True' });
  });
});
