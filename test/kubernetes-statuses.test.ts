/** The controllers that keep statuses, on a real kube-apiserver: what `kubectl get` and `kubectl describe` then say. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { API_VERSION, KINDS, type Kind } from '../core/crd/types.ts';
import { createLogger } from '../core/runtime/log.ts';
import type { KubernetesStore } from '../core/store/kubernetes/store.ts';
import { createAppController } from '../operator/controllers/app.ts';
import { createPairingController } from '../operator/controllers/pairing.ts';
import { createUserController } from '../operator/controllers/user.ts';
import { whyNoKubelab } from '../tools/kube-lab/binary.ts';
import { ApiServer } from './support/api-server.ts';
import { certificateOf } from './support/odd-certificates.ts';

const reason = whyNoKubelab();
const title = (what: string): string => (reason === undefined ? what : `${what} (skipped: ${reason})`);

let api: ApiServer;
const controllers: { start: () => void; stop: () => Promise<void> }[] = [];
beforeAll(async () => {
  if (reason !== undefined) return;
  api = new ApiServer();
  await api.start();
}, 180_000);
afterEach(async () => {
  await Promise.all(controllers.splice(0).map((each) => each.stop()));
});
afterAll(async () => {
  if (reason !== undefined) return;
  await api.stop();
});

/** A namespace with the controllers at work, and hands on it. */
async function open(): Promise<{
  apply: (kind: Kind, name: string, spec: object) => Promise<void>;
  messageOf: (kind: 'App' | 'Pairing' | 'User', name: string) => Promise<string | undefined>;
  versionOf: (kind: Kind, name: string) => Promise<unknown>;
  printed: (kind: Kind) => Promise<unknown[][]>;
}> {
  const namespace = await api.namespace();
  const openStore = <K extends Kind>(kind: K): Promise<KubernetesStore<K>> => api.open(kind, namespace);
  const stores = {
    User: await openStore('User'),
    App: await openStore('App'),
    Pairing: await openStore('Pairing'),
    Session: await openStore('Session'),
  };
  const offers = { apps: [{ id: 7, title: 'x', isHdrSupported: false }], labels: {}, notices: [] };
  const host = {
    name: 'attic',
    address: '192.0.2.7',
    state: 'up',
    problem: null,
    capacity: 1,
    used: 0,
  } as const;
  const hosts = { facts: () => [{ ...host, ...offers }], onChange: () => () => undefined };
  const shared = { log: createLogger('silent'), now: Date.now };
  controllers.push(
    createAppController({ ...shared, apps: stores.App, hosts }),
    createUserController({ ...shared, users: stores.User, sessions: stores.Session }),
    createPairingController({ ...shared, pairings: stores.Pairing }),
  );
  for (const each of controllers) each.start();
  const pathOf = (kind: Kind, name = '') =>
    `/apis/${API_VERSION}/namespaces/${namespace}/${KINDS[kind].plural}${name === '' ? '' : `/${name}`}`;
  return {
    apply: async (kind, name, spec) => {
      const body = { apiVersion: API_VERSION, kind, metadata: { name }, spec };
      expect((await api.ask('POST', pathOf(kind), body)).status).toBe(201);
    },
    messageOf: async (kind, name) => (await stores[kind].get(name))?.status?.conditions?.[0]?.message,
    versionOf: async (kind, name) => {
      const { body } = await api.ask('GET', pathOf(kind, name));
      return (body as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
    },
    printed: async (kind) => (await api.table(pathOf(kind))).rows.map(({ cells }) => cells),
  };
}

describe.skipIf(reason !== undefined)(title('a status in Kubernetes'), () => {
  it('of an App names the one that has its id, and is written only when it changes', async () => {
    const { apply, messageOf, versionOf, printed } = await open();
    await apply('App', 'chess', { title: 'Chess', id: 7 });
    await expect.poll(() => messageOf('App', 'chess')).toBe('Its id is its own');
    const version = await versionOf('App', 'chess');
    await apply('App', 'draughts', { title: 'Draughts', id: 7 });
    await expect.poll(() => messageOf('App', 'draughts')).toMatch(/^The App chess is older/);
    expect(await versionOf('App', 'chess')).toBe(version);
    expect((await printed('App')).map((cells) => cells.slice(0, 5))).toEqual([
      ['chess', 'Chess', 7, 'True', true],
      ['draughts', 'Draughts', 7, 'False', false],
    ]);
  });

  it('of a User counts its sessions, and of a Pairing says what its certificate is', async () => {
    const { apply, messageOf, printed } = await open();
    await apply('User', 'anna', { subjects: ['anna@example.com'], maxSessions: 2 });
    await apply('Pairing', 'odd', { userReference: { name: 'anna' }, clientCertPEM: certificateOf('ECDSA') });
    await apply('Session', 's-1', {
      userReference: { name: 'anna' },
      pairingReference: { name: 'odd' },
      gameReference: { name: '7' },
    });
    await expect.poll(() => messageOf('Pairing', 'odd')).toContain('is not an RSA key');
    await expect.poll(async () => (await printed('User'))[0]?.slice(0, 3)).toEqual(['anna', 1, 2]);
  });
});
