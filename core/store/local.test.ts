import fc from 'fast-check';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SAMPLES } from '../crd/samples.ts';
import { KINDS, type Kind, type Session, type SessionStatus } from '../crd/types.ts';
import { createLocalStore } from './local.ts';
import type { NewObject, ObjectEvent, ObjectStore } from './object-store.ts';

const CREATED_AT = '2026-11-21T10:00:00.000Z';
const READY: SessionStatus = { phase: 'Ready', launchGeneration: 1, streamURL: 'rtsp://label:48010' };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-store-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const openStore = (onListenerError?: (error: unknown) => void): Promise<ObjectStore<'Session'>> =>
  createLocalStore({
    kind: 'Session',
    directory,
    now: () => new Date(CREATED_AT),
    ...(onListenerError === undefined ? {} : { onListenerError }),
  });
const folder = () => join(directory, 'sessions');
const newSession = (name: string, app = '1'): NewObject<'Session'> => ({
  name,
  spec: {
    userReference: { name: 'user' },
    pairingReference: { name: 'pairing' },
    gameReference: { name: app },
  },
});

describe('createLocalStore', () => {
  it('creates, reads, lists and deletes objects', async () => {
    const store = await openStore();
    const created = await store.create({ ...newSession('a'), labels: { user: 'u' } });
    expect(created).toMatchObject({
      kind: 'Session',
      metadata: { name: 'a', generation: 1, creationTimestamp: CREATED_AT, labels: { user: 'u' } },
    });
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(await store.get('a')).toEqual(created);
    expect(await store.list()).toEqual([created]);
    await store.delete('a');
    await store.delete('a');
    expect(await store.get('a')).toBeUndefined();
    expect(await readdir(folder())).toEqual([]);
  });

  it('keeps everything over a restart, text that looks like a number too', async () => {
    const store = await openStore();
    await store.create(newSession('a', '0123'));
    const patched = await store.patchStatus('a', READY);
    expect(await (await openStore()).get('a')).toEqual(patched);
    expect(patched.spec.gameReference.name).toBe('0123');
    expect(await readFile(join(folder(), 'a.yaml'), 'utf8')).toMatch(
      /^apiVersion: direwolf\.games-on-whales/,
    );
  });

  it.each(Object.keys(KINDS) as Kind[])('keeps every field of a %s over a restart', async (kind) => {
    const open = (): Promise<ObjectStore<Kind>> =>
      createLocalStore({ kind, directory, now: () => new Date(0) });
    const { spec, status } = SAMPLES[kind];
    const store = await open();
    await store.create({ name: 'a', spec });
    await store.patchStatus('a', status);
    expect(await (await open()).get('a')).toMatchObject({ kind, spec, status });
  });

  it('refuses a second object of one name, also when both are asked for at once', async () => {
    const store = await openStore();
    const outcomes = await Promise.allSettled([store.create(newSession('a')), store.create(newSession('a'))]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await expect(store.create(newSession('a'))).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
  });

  it.each(['../escape', 'UPPER', '', 'a/b', '.hidden'])('refuses the name %j', async (name) => {
    const store = await openStore();
    await expect(store.create(newSession(name))).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await readdir(folder())).toEqual([]);
  });

  it('replaces a spec under the next generation, keeps the status, and remembers both', async () => {
    const store = await openStore();
    const created = await store.create({ ...newSession('a'), labels: { user: 'u' } });
    await store.patchStatus('a', READY);
    const { spec } = newSession('a', '2');
    const updated = await store.update('a', spec);
    expect(updated).toEqual({
      ...created,
      metadata: { ...created.metadata, generation: 2 },
      spec,
      status: READY,
    });
    expect(await (await openStore()).get('a')).toEqual(updated);
  });

  it('leaves an object alone whose spec is that already', async () => {
    const store = await openStore();
    const created = await store.create(newSession('a'));
    let told = 0;
    store.watch(() => (told += 1));
    expect(await store.update('a', newSession('a').spec)).toBe(created);
    expect(told).toBe(0);
  });

  it('refuses a spec that is not valid, and keeps the old one', async () => {
    const store = await openStore();
    const created = await store.create(newSession('a'));
    const spec = { ...created.spec, gameReference: { name: '' } };
    await expect(store.update('a', spec)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    expect(await store.get('a')).toBe(created);
  });

  it('says so when there is nothing to patch or to update', async () => {
    const store = await openStore();
    await expect(store.update('a', newSession('a').spec)).rejects.toMatchObject({
      code: 'OBJECT_NOT_FOUND',
    });
    await expect(store.patchStatus('a', READY)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
  });

  it('hands out frozen objects', async () => {
    const store = await openStore();
    const created = await store.create(newSession('a'));
    expect(Object.isFrozen(created.spec.userReference)).toBe(true);
  });

  it('makes the writes of one object one after another', async () => {
    const store = await openStore();
    await store.create(newSession('a'));
    const generations = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(generations.map((g) => store.patchStatus('a', { ...READY, launchGeneration: g })));
    expect((await store.get('a'))?.status?.launchGeneration).toBe(19);
    expect((await (await openStore()).get('a'))?.status?.launchGeneration).toBe(19);
  });

  it('goes on after a failed write', async () => {
    const store = await openStore();
    const failed = store.patchStatus('a', READY);
    const created = store.create(newSession('a'));
    await expect(failed).rejects.toThrow();
    expect(await store.get((await created).metadata.name)).toBeDefined();
  });
});

describe('watch', () => {
  it('tells changes in order, never what stood before, nothing after stop', async () => {
    await (await openStore()).create(newSession('old'));
    const store = await openStore();
    const events: ObjectEvent<Session>[] = [];
    const stop = store.watch((event) => events.push(event));
    await store.create(newSession('a'));
    await store.patchStatus('a', READY);
    await store.update('a', newSession('a', '2').spec);
    await store.delete('a');
    stop();
    await store.create(newSession('b'));
    expect(
      events.map(({ type, object }) => [type, object.metadata.name, object.metadata.generation]),
    ).toEqual([
      ['added', 'a', 1],
      ['modified', 'a', 1],
      ['modified', 'a', 2],
      ['deleted', 'a', 2],
    ]);
    expect(events[3]?.object.status).toEqual(READY);
  });

  it('isolates a listener that throws', async () => {
    const errors: unknown[] = [];
    const store = await openStore((error) => errors.push(error));
    let told = 0;
    store.watch(() => {
      throw new Error('listener');
    });
    store.watch(() => (told += 1));
    await store.create(newSession('a'));
    expect(told).toBe(1);
    expect(errors).toHaveLength(1);
  });
});

describe('a damaged directory', () => {
  it.each([
    { name: 'no YAML', content: ':\n  - [' },
    { name: 'empty', content: '' },
    { name: 'another kind', content: 'kind: Pairing\n' },
    { name: 'an object without a spec', content: 'kind: Session\nmetadata: { name: bad }\n' },
  ])('is named: $name', async ({ content }) => {
    await mkdir(folder(), { recursive: true });
    await writeFile(join(folder(), 'bad.yaml'), content);
    const opened = openStore();
    await expect(opened).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
    await expect(opened).rejects.toHaveProperty('details.file', join(folder(), 'bad.yaml'));
  });

  it('is named when an object lies under another name', async () => {
    await (await openStore()).create(newSession('a'));
    await writeFile(join(folder(), 'b.yaml'), await readFile(join(folder(), 'a.yaml')));
    await expect(openStore()).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
  });

  it('is never taken for an object while no file ends in .yaml', async () => {
    await mkdir(folder(), { recursive: true });
    await writeFile(join(folder(), 'notes.txt'), 'hello');
    expect(await (await openStore()).list()).toEqual([]);
  });

  it('never makes opening throw anything but OBJECT_CORRUPT', async () => {
    await mkdir(folder(), { recursive: true });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (content) => {
        await writeFile(join(folder(), 'bad.yaml'), content);
        await expect(openStore()).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
      }),
      { numRuns: 50 },
    );
  });
});

describe('a crash', () => {
  it('at any byte of a write leaves the old object, and no leftover', async () => {
    const store = await openStore();
    const old = await store.create(newSession('a'));
    const path = join(folder(), 'a.yaml');
    const before = await readFile(path);
    await store.patchStatus('a', READY);
    const after = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: after.length }), async (written) => {
        await writeFile(path, before);
        await writeFile(`${path}.0b1e.tmp`, after.subarray(0, written));
        expect(await (await openStore()).get('a')).toEqual(old);
        expect(await readdir(folder())).toEqual(['a.yaml']);
      }),
      { numRuns: 60 },
    );
  });

  it('while an object is first written leaves no object', async () => {
    await mkdir(folder(), { recursive: true });
    await writeFile(join(folder(), 'a.yaml.0b1e.tmp'), 'kind: Ses');
    expect(await (await openStore()).list()).toEqual([]);
    expect(await readdir(folder())).toEqual([]);
  });
});
