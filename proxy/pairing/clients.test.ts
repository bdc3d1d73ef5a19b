import { describe, expect, it } from 'vitest';
import type { Pairing } from '../../core/crd/types.ts';
import type { ObjectEvent, ObjectStore } from '../../core/store/object-store.ts';
import { PairedClients } from './clients.ts';

const FINGERPRINT = 'ab'.repeat(32);

function pairing(name: string, change: { at?: string; fingerprint?: string } = {}): Pairing {
  const { at: creationTimestamp = '2026-01-01T00:00:00Z', fingerprint = FINGERPRINT } = change;
  return {
    kind: 'Pairing',
    metadata: { name, uid: name, generation: 1, creationTimestamp },
    spec: { userReference: { name: 'default' }, clientCertPEM: 'pem', fingerprint },
  };
}

/** A store whose list is answered when the test says so. */
class SlowStore {
  readonly listed = Promise.withResolvers<Pairing[]>();
  listener: (event: ObjectEvent<Pairing>) => void = () => undefined;

  asStore(): ObjectStore<'Pairing'> {
    const unused = () => Promise.reject(new Error('not used'));
    return {
      get: unused,
      create: unused,
      update: unused,
      patchStatus: unused,
      delete: unused,
      list: () => this.listed.promise,
      watch: (listener) => {
        this.listener = listener;
        return () => {
          this.listener = () => undefined;
        };
      },
    };
  }
}

describe('PairedClients', () => {
  it('does not bring back what was deleted while the list was under way', async () => {
    const store = new SlowStore();
    const clients = new PairedClients(store.asStore());
    const started = clients.start();
    store.listener({ type: 'deleted', object: pairing('p') });
    store.listed.resolve([pairing('p')]);
    await started;
    expect(clients.find(FINGERPRINT)).toBeUndefined();
  });

  it('follows what changes', async () => {
    const store = new SlowStore();
    const clients = new PairedClients(store.asStore());
    store.listed.resolve([]);
    await clients.start();
    expect(clients.find(FINGERPRINT)).toBeUndefined();
    expect(clients.find(undefined)).toBeUndefined();
    store.listener({ type: 'added', object: pairing('p') });
    expect(clients.find(FINGERPRINT)?.metadata.name).toBe('p');
    store.listener({ type: 'deleted', object: pairing('other') });
    expect(clients.find(FINGERPRINT)?.metadata.name).toBe('p');
    store.listener({ type: 'deleted', object: pairing('p') });
    expect(clients.find(FINGERPRINT)).toBeUndefined();
  });

  it('takes the oldest of two for one certificate, whichever it sees first, until that is gone', async () => {
    const store = new SlowStore();
    const clients = new PairedClients(store.asStore());
    const [late, early] = [pairing('a', { at: '2026-01-02T00:00:00Z' }), pairing('b')];
    store.listed.resolve([late, early]);
    await clients.start();
    expect(clients.find(FINGERPRINT)?.metadata.name).toBe('b');
    store.listener({ type: 'modified', object: late });
    expect(clients.find(FINGERPRINT)?.metadata.name).toBe('b');
    store.listener({ type: 'deleted', object: early });
    expect(clients.find(FINGERPRINT)?.metadata.name).toBe('a');
  });

  it('knows a client no more by the certificate that its Pairing had before', async () => {
    const store = new SlowStore();
    const clients = new PairedClients(store.asStore());
    store.listed.resolve([pairing('p')]);
    await clients.start();
    const fingerprint = 'cd'.repeat(32);
    store.listener({ type: 'modified', object: pairing('p', { fingerprint }) });
    expect(clients.find(FINGERPRINT)).toBeUndefined();
    expect(clients.find(fingerprint)?.metadata.name).toBe('p');
  });

  it('knows nobody once stopped', async () => {
    const store = new SlowStore();
    const clients = new PairedClients(store.asStore());
    store.listed.resolve([pairing('p')]);
    await clients.start();
    clients.stop();
    expect(clients.find(FINGERPRINT)).toBeUndefined();
  });
});
