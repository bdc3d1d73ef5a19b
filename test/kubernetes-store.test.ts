/** The object store in Kubernetes on a real kube-apiserver: its contract, and that nothing is missed or told twice, whatever the server does. */
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../core/crd/types.ts';
import { describeObjectStore } from '../core/store/contract.ts';
import type { KubernetesStore } from '../core/store/kubernetes/store.ts';
import type { ObjectStore } from '../core/store/object-store.ts';
import { whyNoKubelab } from '../tools/kube-lab/binary.ts';
import { ApiServer, Line } from './support/api-server.ts';

const reason = whyNoKubelab();
const title = (what: string): string => (reason === undefined ? what : `${what} (skipped: ${reason})`);

let api: ApiServer;
beforeAll(async () => {
  if (reason !== undefined) return;
  api = new ApiServer();
  await api.start();
}, 180_000);
afterAll(async () => {
  if (reason === undefined) await api.stop();
});
afterEach(async () => {
  if (reason === undefined) await api.stopStores();
});

describe.skipIf(reason !== undefined)(title('the object store in Kubernetes'), () => {
  const namespaces = new Map<string, Promise<string>>();
  describeObjectStore(async (kind, onListenerError) => {
    const test = expect.getState().currentTestName ?? '';
    const namespace = namespaces.get(test) ?? api.namespace();
    namespaces.set(test, namespace);
    return api.open(kind, await namespace, onListenerError === undefined ? {} : { onListenerError });
  });
});

/** What a listener that began with `store.list()` knows: fails at the first event that does not fit what came before. */
class Witness {
  readonly known = new Map<string, string>();
  events = 0;

  constructor(store: ObjectStore<'App'>) {
    store.watch(({ type, object }) => {
      const { name } = object.metadata;
      this.events += 1;
      expect(this.known.has(name), `${type} ${name}`).toBe(type !== 'added');
      if (type === 'modified') expect(this.known.get(name), name).not.toBe(fingerprint(object));
      if (type === 'deleted') this.known.delete(name);
      else this.known.set(name, fingerprint(object));
    });
  }

  state(): string[] {
    return [...this.known].map(([name, state]) => `${name} ${state}`).sort();
  }
}
const fingerprint = ({ metadata, spec, status }: App): string =>
  JSON.stringify([metadata.uid, metadata.generation, spec, status]);
async function stateOf(store: ObjectStore<'App'>): Promise<string[]> {
  return (await store.list()).map((object) => `${object.metadata.name} ${fingerprint(object)}`).sort();
}

const app = (name: string, id = 1): { name: string; spec: App['spec'] } => ({
  name,
  spec: { title: name, id },
});

/** A writer, and a reader behind a line of its own, on the same objects. */
async function openPair(times = {}): Promise<{
  writer: KubernetesStore<'App'>;
  reader: KubernetesStore<'App'>;
  witness: Witness;
  line: Line;
  register: Registry;
}> {
  const namespace = await api.namespace();
  const line = new Line(api.controlPlane.apiPort);
  const port = await line.start();
  const register = new Registry();
  const writer = await api.open('App', namespace);
  const reader = await api.open('App', namespace, { port, register, times });
  return { writer, reader, witness: new Witness(reader), line, register };
}

/** Creates, changes and deletes some objects, whatever stood before. */
async function stir(writer: ObjectStore<'App'>, round: number): Promise<void> {
  await writer.create(app(`new-${round}`));
  await writer.create(app(`gone-${round}`));
  await writer.delete(`gone-${round}`);
  if (round > 0) await writer.update(`new-${round - 1}`, { title: 'changed', id: round });
  if (round > 1) await writer.delete(`new-${round - 2}`);
  await writer.create(app(`again-${round}`));
  await writer.delete(`again-${round}`);
  await writer.create(app(`again-${round}`, 2));
}

async function restarts(register: Registry, cause: string): Promise<number> {
  const metric = await register.getSingleMetric('gleipnir_kubernetes_watch_restarts_total')?.get();
  return metric?.values.find(({ labels }) => labels['cause'] === cause)?.value ?? 0;
}

/** Waits until the reader knows what the writer knows, and its listener the same. */
async function expectSame(
  writer: ObjectStore<'App'>,
  reader: ObjectStore<'App'>,
  witness: Witness,
): Promise<void> {
  const truth = await stateOf(writer);
  await expect.poll(() => stateOf(reader), { timeout: 20_000 }).toEqual(truth);
  expect(witness.state()).toEqual(truth);
}

describe.skipIf(reason !== undefined)(title('following a real API server'), () => {
  it('hears of another’s change within a second', async () => {
    const { writer, reader } = await openPair();
    const { promise, resolve } = Promise.withResolvers<number>();
    const started = performance.now();
    reader.watch(() => {
      resolve(performance.now() - started);
    });
    await writer.create(app('a'));
    expect(await promise).toBeLessThan(1_000);
  });

  it('misses nothing and tells nothing twice while its line is cut 20 times', async () => {
    const { writer, reader, witness, line, register } = await openPair();
    for (let round = 0; round < 20; round += 1) {
      await stir(writer, round);
      // A cut counts once the watch had come back from the one before.
      const cut = (): Promise<number> => {
        line.cut();
        return restarts(register, 'broken');
      };
      await expect.poll(cut, { interval: 300 }).toBeGreaterThan(round);
    }
    await expectSame(writer, reader, witness);
    line.stop();
  });

  it('goes on from where it was when watches end in order', async () => {
    const { writer, reader, witness, register } = await openPair({ watchSeconds: 1 });
    for (let round = 0; round < 4; round += 1) {
      await stir(writer, round);
      await expect.poll(() => restarts(register, 'planned'), { timeout: 10_000 }).toBeGreaterThan(round);
    }
    await expectSame(writer, reader, witness);
    expect(await restarts(register, 'broken')).toBe(0);
  });

  it('lists anew when the server no longer knows its version (410), its past compacted', async () => {
    const { writer, reader, witness, line, register } = await openPair({ watchSeconds: 1 });
    await stir(writer, 0);
    await expectSame(writer, reader, witness);
    line.hold();
    await expect.poll(() => line.heldCount, { timeout: 10_000 }).toBeGreaterThan(0);
    for (let round = 1; round < 5; round += 1) await stir(writer, round);
    await compactEtcd();
    await api.controlPlane.killApiServer();
    await api.controlPlane.startApiServer();
    line.release();
    await expectSame(writer, reader, witness);
    expect(await restarts(register, 'broken')).toBeGreaterThan(0);
    line.stop();
  }, 180_000);

  it('follows through a stop of 60 s, and writers hear in time that nothing answers', async () => {
    const { writer, reader, witness } = await openPair();
    await stir(writer, 0);
    await expectSame(writer, reader, witness);
    await api.controlPlane.pauseApiServer();
    const paused = performance.now();
    await expect(writer.create(app('meanwhile'))).rejects.toMatchObject({ code: 'OBJECTS_UNAVAILABLE' });
    expect(performance.now() - paused).toBeLessThan(10_000);
    expect(await reader.get('new-0')).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 60_000 - (performance.now() - paused)));
    api.controlPlane.resumeApiServer();
    await expect
      .poll(
        () =>
          stir(writer, 1).then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true);
    await expectSame(writer, reader, witness);
  }, 180_000);

  it('follows through a kill -9 and a restart of the server', async () => {
    const { writer, reader, witness } = await openPair();
    await stir(writer, 0);
    await api.controlPlane.killApiServer();
    await expect.poll(() => reader.isFollowed).toBe(false);
    await expect(writer.create(app('meanwhile'))).rejects.toMatchObject({ code: 'OBJECTS_UNAVAILABLE' });
    await api.controlPlane.startApiServer();
    await expect.poll(() => writer.isFollowed && reader.isFollowed, { timeout: 10_000 }).toBe(true);
    await stir(writer, 1);
    await expectSame(writer, reader, witness);
  }, 180_000);

  it('lets many writers of one object all have their word', async () => {
    const namespace = await api.namespace();
    const stores = await Promise.all(Array.from({ length: 4 }, () => api.open('User', namespace)));
    const [first] = stores;
    await first?.create({ name: 'a', spec: {} });
    const writes = stores.flatMap((store, index) =>
      [1, 2, 3].map((turn) => store.update('a', { subjects: [`s-${index}`], maxSessions: turn })),
    );
    await Promise.all(writes);
    const answers = await Promise.all(stores.map((store) => store.patchStatus('a', { sessions: 1 })));
    expect(answers.map(({ status }) => status)).toEqual(stores.map(() => ({ sessions: 1 })));
    await expect
      .poll(
        async () =>
          new Set((await Promise.all(stores.map((s) => s.get('a')))).map((a) => JSON.stringify(a))).size,
      )
      .toBe(1);
  });

  it('leaves alone what others keep in an object', async () => {
    const namespace = await api.namespace();
    const path = `/apis/direwolf.games-on-whales.github.io/v1alpha1/namespaces/${namespace}/sessions`;
    const reference = { name: 'x' };
    const spec = {
      userReference: reference,
      gameReference: reference,
      pairingReference: reference,
      config: { aesKey: 'k' },
    };
    const metadata = { name: 'a', annotations: { note: 'mine' } };
    await api.ask('POST', path, {
      apiVersion: 'direwolf.games-on-whales.github.io/v1alpha1',
      kind: 'Session',
      metadata,
      spec,
    });
    const store = await api.open('Session', namespace);
    expect(JSON.stringify(await store.get('a'))).not.toContain('aesKey');
    await store.patchStatus('a', { phase: 'Ready', launchGeneration: 1 });
    const { body } = await api.ask('GET', `${path}/a`);
    expect(body).toMatchObject({ metadata, spec, status: { phase: 'Ready' } });
  });

  it('takes what waits for finalizers for deleted', async () => {
    const { writer, reader, witness } = await openPair();
    await writer.create(app('a'));
    await expectSame(writer, reader, witness);
    const path = `/apis/direwolf.games-on-whales.github.io/v1alpha1/apps?limit=500`;
    const { body } = await api.ask('GET', path);
    const { items } = body as { items: { metadata: { name: string; namespace: string } }[] };
    const namespace = items.filter(({ metadata }) => metadata.name === 'a').at(-1)?.metadata.namespace ?? '';
    const own = `/apis/direwolf.games-on-whales.github.io/v1alpha1/namespaces/${namespace}/apps/a`;
    const patch = { metadata: { finalizers: ['example.org/wait'] } };
    await api.ask('PATCH', own, patch, 'application/merge-patch+json');
    await reader.delete('a');
    expect(await reader.get('a')).toBeUndefined();
    await expect.poll(() => writer.get('a')).toBeUndefined();
    expect(witness.state()).toEqual([]);
    await api.ask('PATCH', own, { metadata: { finalizers: null } }, 'application/merge-patch+json');
  });

  it('holds 10 000 objects, and reads them anew after a cut', async () => {
    const namespace = await api.namespace();
    const writer = await api.open('App', namespace);
    const names = Array.from({ length: 10_000 }, (_, index) => `app-${index}`);
    const created = performance.now();
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(
        names.slice(at, at + 50).map((name, index) => writer.create(app(name, at + index + 1))),
      );
    }
    const createMs = performance.now() - created;
    const line = new Line(api.controlPlane.apiPort);
    const began = performance.now();
    const reader = await api.open('App', namespace, { port: await line.start() });
    const startMs = performance.now() - began;
    expect(await reader.list()).toHaveLength(10_000);
    const witness = new Witness(reader);
    for (const object of await reader.list()) witness.known.set(object.metadata.name, fingerprint(object));
    await expect.poll(() => reader.isFollowed).toBe(true);
    line.cut();
    await writer.delete('app-0');
    await expectSame(writer, reader, witness);
    expect(witness.events).toBe(1);
    console.log(
      `10 000 objects: created in ${(createMs / 1_000).toFixed(1)} s, read in ${(startMs / 1_000).toFixed(1)} s`,
    );
    expect(startMs).toBeLessThan(30_000);
    line.stop();
  }, 300_000);
});

/** Compacts etcd at its newest revision, as the API server does every five minutes. */
async function compactEtcd(): Promise<void> {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(api.controlPlane.etcdUrl + path, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return response.json();
  };
  const { header } = (await post('/v3/kv/range', { key: 'AA==' })) as { header: { revision: string } };
  await post('/v3/kv/compaction', { revision: header.revision, physical: true });
}
