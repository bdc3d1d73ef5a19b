import fc from 'fast-check';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeObjectStore, newSession, READY, type OpenStore } from './contract.ts';
import { createLocalStore } from './local.ts';
import type { ObjectStore } from './object-store.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-store-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const open: OpenStore = (kind, onListenerError) =>
  createLocalStore({
    kind,
    directory,
    now: () => new Date(),
    ...(onListenerError === undefined ? {} : { onListenerError }),
  });
const openStore = (): Promise<ObjectStore<'Session'>> => open('Session');
const folder = () => join(directory, 'sessions');

describe('createLocalStore', () => {
  describeObjectStore(open);

  it('writes one file for each object, as kubectl would print it, and leaves none behind', async () => {
    const store = await openStore();
    await store.create(newSession('a'));
    expect(await readFile(join(folder(), 'a.yaml'), 'utf8')).toMatch(
      /^apiVersion: direwolf\.games-on-whales/,
    );
    await expect(store.create(newSession('../escape'))).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await store.delete('a');
    expect(await readdir(folder())).toEqual([]);
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
