/** What an operator of its own keeps in Kubernetes besides objects, on a real kube-apiserver: its lease, and its identities. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createIdentityStore } from '../core/host/identities.ts';
import { createLogger } from '../core/runtime/log.ts';
import { createSealer } from '../core/runtime/seal.ts';
import type { KubernetesClient } from '../core/store/kubernetes/client.ts';
import { createKubernetesLease } from '../core/store/kubernetes/lease.ts';
import { createSecretDocuments } from '../core/store/kubernetes/secrets.ts';
import { Election } from '../operator/leader/election.ts';
import { whyNoKubelab } from '../tools/kube-lab/binary.ts';
import { ApiServer } from './support/api-server.ts';

const reason = whyNoKubelab();
const title = (what: string): string => (reason === undefined ? what : `${what} (skipped: ${reason})`);
/** A tenth of the usual ones. */
const TIMES = { durationMs: 2_000, renewDeadlineMs: 1_000, retryMs: 200 };

let api: ApiServer;
let client: KubernetesClient;
beforeAll(async () => {
  if (reason !== undefined) return;
  api = new ApiServer();
  await api.start();
  client = api.client();
}, 180_000);
afterAll(async () => {
  if (reason !== undefined) return;
  client.close();
  await api.stop();
});

describe.skipIf(reason !== undefined)(title('a lease'), () => {
  const open = (namespace: string, name = 'operator') =>
    createKubernetesLease({ client, namespace, name, now: () => new Date() });
  const held = { holder: 'one', durationMs: 15_000, transitions: 1 };

  it('is made by one of two who both found none', async () => {
    const namespace = await api.namespace();
    expect(await open(namespace).read()).toBeUndefined();
    const written = await Promise.all([
      open(namespace).write(held, undefined),
      open(namespace).write({ ...held, holder: 'two' }, undefined),
    ]);
    expect(written.filter((state) => state !== undefined)).toHaveLength(1);
  });

  it('is written by whoever knows how it stands, and by nobody else', async () => {
    const lease = open(await api.namespace());
    const first = await lease.write(held, undefined);
    expect(first).toMatchObject(held);
    const second = await lease.write({ ...held, holder: 'two', transitions: 2 }, first);
    expect(second).toMatchObject({ holder: 'two', transitions: 2 });
    expect(await lease.write(held, first)).toBeUndefined();
    expect(await lease.read()).toEqual(second);
    expect(await lease.write({ ...held, holder: '' }, second)).toMatchObject({ holder: '' });
  });

  it('says so when there is no such namespace', async () => {
    await expect(open('nowhere').write(held, undefined)).resolves.toBeUndefined();
    await expect(open('Bad_Name').read()).resolves.toBeUndefined();
  });
});

describe.skipIf(reason !== undefined)(title('an election'), () => {
  const running: Election[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((election) => election.stop()));
  });

  function candidate(namespace: string, identity: string) {
    const events: string[] = [];
    const election = new Election({
      leases: createKubernetesLease({ client, namespace, name: 'operator', now: () => new Date() }),
      identity,
      onElected: (term) => events.push(`elected ${term}`),
      onLost: () => events.push('lost'),
      log: createLogger('silent'),
      times: TIMES,
    });
    running.push(election);
    election.start();
    return { election, events };
  }

  it('has one leader of three, and another when that one ends in order', async () => {
    const namespace = await api.namespace();
    const all = ['one', 'two', 'three'].map((identity) => candidate(namespace, identity));
    const leading = () => all.filter(({ election }) => election.isLeading());
    await expect.poll(leading).toHaveLength(1);
    const [first] = leading();
    await first?.election.stop();
    await expect.poll(() => all.filter(({ events }) => events.length > 0)).toHaveLength(2);
    expect(all.flatMap(({ events }) => events).sort()).toEqual(['elected 1', 'elected 2']);
  });

  it('takes the lead from one who is gone, and never has two', async () => {
    const namespace = await api.namespace();
    const one = candidate(namespace, 'one');
    await expect.poll(() => one.election.isLeading()).toBe(true);
    await api.controlPlane.pauseApiServer();
    try {
      await expect.poll(() => one.events).toEqual(['elected 1', 'lost']);
      expect(one.election.isLeading()).toBe(false);
    } finally {
      api.controlPlane.resumeApiServer();
    }
    const two = candidate(namespace, 'two');
    await expect.poll(() => two.events).toEqual(['elected 2']);
    expect(one.election.isLeading()).toBe(false);
  });
});

describe.skipIf(reason !== undefined)(title('identities in Secrets'), () => {
  it('are made once, found again by another operator, and hold no key in clear', async () => {
    const namespace = await api.namespace();
    const documents = createSecretDocuments({ client, namespace, prefix: 'gleipnir-host-identity-' });
    const sealer = createSealer(Buffer.alloc(32, 1));
    const first = await createIdentityStore({ documents, sealer }).open('attic', 'sam.7');
    await first.setHostCertificate(first.identity.certificatePem);
    const again = await createIdentityStore({ documents, sealer }).open('attic', 'sam.7');
    expect(again.identity).toEqual(first.identity);
    expect(again.hostCertificatePem).toBe(first.identity.certificatePem);

    const { body } = await api.ask('GET', `/api/v1/namespaces/${namespace}/secrets`);
    const { items } = body as { items: { metadata: { name: string }; data: Record<string, string> }[] };
    expect(items).toHaveLength(1);
    const stored = Buffer.from(items[0]?.data['document'] ?? '', 'base64').toString();
    expect(stored).toContain('BEGIN CERTIFICATE');
    expect(stored).not.toContain('PRIVATE KEY');
  });

  it('name the Secret that is damaged', async () => {
    const namespace = await api.namespace();
    const documents = createSecretDocuments({ client, namespace, prefix: 'x-' });
    const sealer = createSealer(Buffer.alloc(32, 1));
    await createIdentityStore({ documents, sealer }).open('attic', 'sam.7');
    const other = createIdentityStore({ documents, sealer: createSealer(Buffer.alloc(32, 2)) });
    const where = expect.stringMatching(new RegExp(`^Secret ${namespace}/x-[0-9a-f]{32}$`)) as string;
    await expect(other.open('attic', 'sam.7')).rejects.toMatchObject({
      code: 'IDENTITY_CORRUPT',
      details: { file: where },
    });
  });
});
