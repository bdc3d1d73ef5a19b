/** The object store's contract as a suite: every implementation's spec runs it on its own stores. */
import { expect, it } from 'vitest';
import { SAMPLES } from '../crd/samples.ts';
import { KINDS, type App, type Kind, type SessionStatus } from '../crd/types.ts';
import type { NewObject, ObjectEvent, ObjectStore } from './object-store.ts';

export const READY: SessionStatus = {
  phase: 'Ready',
  launchGeneration: 1,
  streamURL: 'rtsp://label:48010',
};

/** A Session to create, to vary. */
export const newSession = (name: string, app = '1'): NewObject<'Session'> => ({
  name,
  spec: {
    userReference: { name: 'user' },
    pairingReference: { name: 'pairing' },
    gameReference: { name: app },
  },
});

const newApp = (name: string, title = 'Ball'): NewObject<'App'> => ({ name, spec: { title, id: 1 } });
const ACCEPTED = { available: true };

/** Opens a store; an empty one at first, then what the last one of the kind left, as after a restart of the process. */
export type OpenStore = <K extends Kind>(
  kind: K,
  onListenerError?: (error: unknown) => void,
) => Promise<ObjectStore<K>>;

/**
 * Declares the suite; call it inside a `describe`.
 *
 * @param open on objects that are there for one test only.
 */
export function describeObjectStore(open: OpenStore): void {
  describeObjects(open);
  describeChanges(open);
  describeRefusals(open);
  describeWatch(open);
}

function describeObjects(open: OpenStore): void {
  it('creates, reads, lists and deletes objects', async () => {
    const store = await open('Session');
    const created = await store.create({ ...newSession('a'), labels: { user: 'u' } });
    expect(created).toMatchObject({
      kind: 'Session',
      metadata: { name: 'a', generation: 1, labels: { user: 'u' } },
    });
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Math.abs(Date.parse(created.metadata.creationTimestamp) - Date.now())).toBeLessThan(60_000);
    expect(await store.get('a')).toEqual(created);
    expect(await store.list()).toEqual([created]);
    await store.delete('a');
    await store.delete('a');
    expect(await store.get('a')).toBeUndefined();
    expect(await store.list()).toEqual([]);
  });

  it('keeps everything over a restart, text that looks like a number too', async () => {
    const store = await open('Session');
    await store.create(newSession('a', '0123'));
    const patched = await store.patchStatus('a', READY);
    expect(await (await open('Session')).get('a')).toEqual(patched);
    expect(patched.spec.gameReference.name).toBe('0123');
  });

  it.each(Object.keys(KINDS) as Kind[])('keeps every field of a %s over a restart', async (kind) => {
    const { spec, status } = SAMPLES[kind];
    const store = await open(kind);
    await store.create({ name: 'a', spec });
    await store.patchStatus('a', status);
    expect(await (await open(kind)).get('a')).toMatchObject({ kind, spec, status });
  });

  it('makes another object of a name that was deleted', async () => {
    const store = await open('Session');
    const { metadata } = await store.create(newSession('a'));
    await store.delete('a');
    const second = await store.create(newSession('a', '2'));
    expect(second.metadata.uid).not.toBe(metadata.uid);
    expect(await store.get('a')).toEqual(second);
  });

  it('hands out frozen objects', async () => {
    const created = await (await open('Session')).create(newSession('a'));
    expect(Object.isFrozen(created.spec.userReference)).toBe(true);
  });
}

function describeChanges(open: OpenStore): void {
  it('replaces a spec under the next generation, keeps the status, and remembers both', async () => {
    const store = await open('App');
    const created = await store.create({ ...newApp('a'), labels: { user: 'u' } });
    await store.patchStatus('a', ACCEPTED);
    const { spec } = newApp('a', 'Cube');
    const updated = await store.update('a', spec);
    expect(updated).toEqual({
      ...created,
      metadata: { ...created.metadata, generation: 2 },
      spec,
      status: ACCEPTED,
    });
    expect(await (await open('App')).get('a')).toEqual(updated);
  });

  it('replaces the whole of a status, and leaves the generation alone', async () => {
    const store = await open('Session');
    await store.create(newSession('a'));
    await store.patchStatus('a', { ...READY, hostName: 'attic', ports: { rtsp: 1 } });
    const status: SessionStatus = { phase: 'Paused', launchGeneration: 2, ports: { control: 2 } };
    const patched = await store.patchStatus('a', status);
    expect(patched.status).toEqual(status);
    expect(patched.metadata.generation).toBe(1);
  });

  it('removes the fields of a spec that the new one has not', async () => {
    const store = await open('User');
    await store.create({ name: 'a', spec: SAMPLES.User.spec });
    const spec = { subjects: ['other'], volumes: [{ name: 'v' }] };
    expect((await store.update('a', spec)).spec).toEqual(spec);
  });

  it('leaves an object alone whose spec or status is that already', async () => {
    const store = await open('Session');
    await store.create(newSession('a'));
    const patched = await store.patchStatus('a', READY);
    let told = 0;
    store.watch(() => (told += 1));
    expect(await store.update('a', newSession('a').spec)).toBe(patched);
    expect(await store.patchStatus('a', { ...READY })).toBe(patched);
    expect(told).toBe(0);
  });

  it('makes the writes of one object one after another', async () => {
    const store = await open('Session');
    await store.create(newSession('a'));
    const generations = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(generations.map((g) => store.patchStatus('a', { ...READY, launchGeneration: g })));
    expect((await store.get('a'))?.status?.launchGeneration).toBe(19);
    expect((await (await open('Session')).get('a'))?.status?.launchGeneration).toBe(19);
  });

  it('goes on after a failed write', async () => {
    const store = await open('Session');
    const failed = store.patchStatus('a', READY);
    const created = store.create(newSession('a'));
    await expect(failed).rejects.toThrow();
    expect(await store.get((await created).metadata.name)).toBeDefined();
  });
}

function describeRefusals(open: OpenStore): void {
  it('refuses a second object of one name, also when both are asked for at once', async () => {
    const store = await open('Session');
    const outcomes = await Promise.allSettled([store.create(newSession('a')), store.create(newSession('a'))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await expect(store.create(newSession('a'))).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
  });

  it.each(['../escape', 'UPPER', '', 'a/b', '.hidden'])('has no object %j and makes none', async (name) => {
    const store = await open('Session');
    const { spec } = await store.create(newSession('a'));
    await expect(store.create(newSession(name))).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(store.update(name, spec)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    await store.delete(name);
    expect((await store.list()).map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  it('refuses a spec that is not valid, and keeps the old one', async () => {
    const store = await open('App');
    const created = await store.create(newApp('a'));
    await expect(store.update('a', { title: '', id: 1 })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await store.get('a')).toBe(created);
  });

  it('says so when there is nothing to patch or to update', async () => {
    const store = await open('Session');
    const { spec } = newSession('a');
    await expect(store.update('a', spec)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    await expect(store.patchStatus('a', READY)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
  });
}

function describeWatch(open: OpenStore): void {
  it('tells changes in order and before the writer hears, never what stood before, nothing after stop', async () => {
    await (await open('App')).create(newApp('old'));
    const store = await open('App');
    const events: ObjectEvent<App>[] = [];
    const stop = store.watch((event) => events.push(event));
    await store.create(newApp('a'));
    expect(events).toHaveLength(1);
    await store.patchStatus('a', ACCEPTED);
    await store.update('a', newApp('a', 'Cube').spec);
    await store.delete('a');
    stop();
    await store.create(newApp('b'));
    const told = events.map(({ type, object }) => [type, object.metadata.name, object.metadata.generation]);
    expect(told).toEqual([
      ['added', 'a', 1],
      ['modified', 'a', 1],
      ['modified', 'a', 2],
      ['deleted', 'a', 2],
    ]);
    expect(events[3]?.object.status).toEqual(ACCEPTED);
  });

  it('isolates a listener that throws', async () => {
    const errors: unknown[] = [];
    const store = await open('Session', (error) => errors.push(error));
    let told = 0;
    store.watch(() => {
      throw new Error('listener');
    });
    store.watch(() => (told += 1));
    await store.create(newSession('a'));
    expect(told).toBe(1);
    expect(errors).toHaveLength(1);
  });
}
