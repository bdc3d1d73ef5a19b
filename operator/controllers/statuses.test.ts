import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GleipnirError } from '../../core/runtime/errors.ts';
import { StatusKeeper } from './statuses.ts';
import { openStores, type Stores, type Watched } from './test-bench.ts';

const APPS = 40;

let stores: Stores;
let apps: Watched<'App'>;
let keeper: StatusKeeper<'App'>;
let isAvailable: boolean;
let looks: number;
let look: () => void;

const availableOf = async () => (await apps.list()).map(({ status }) => status?.available);

beforeEach(async () => {
  stores = await openStores();
  apps = await stores.open('App');
  for (let id = 1; id <= APPS; id += 1) await apps.create({ name: `app-${id}`, spec: { title: 'x', id } });
  isAvailable = true;
  looks = 0;
  keeper = new StatusKeeper({
    kind: 'App',
    store: apps,
    judge: () => {
      looks += 1;
      const available = isAvailable;
      return Promise.resolve(() => ({ available }));
    },
    watchMore: (listener) => {
      look = listener;
      return () => undefined;
    },
    log: pino({ level: 'silent' }),
  });
});
afterEach(async () => {
  await keeper.stop();
  await stores.remove();
});

describe('StatusKeeper', () => {
  it('writes each status once, in two looks, however many there are', async () => {
    keeper.start();
    await expect.poll(availableOf).toEqual(Array(APPS).fill(true));
    await expect.poll(() => looks).toBe(2);
    look();
    await expect.poll(() => looks).toBe(3);
    expect(apps.written).toHaveLength(APPS);
  });

  it('writes what it can, and the rest again', async () => {
    const gone = new GleipnirError('OBJECT_NOT_FOUND', 'There is no object of this name');
    apps.failures.push(new Error('connection is closed'), gone);
    keeper.start();
    await expect.poll(availableOf, { timeout: 3_000 }).toEqual(Array(APPS).fill(true));
    expect(new Set(apps.written).size).toBe(APPS);
    expect(apps.written).toHaveLength(APPS);
  });

  it('follows what else the statuses depend on, until it is stopped', async () => {
    keeper.start();
    await expect.poll(availableOf).toEqual(Array(APPS).fill(true));
    isAvailable = false;
    look();
    await expect.poll(availableOf).toEqual(Array(APPS).fill(false));
    await keeper.stop();
    isAvailable = true;
    look();
    await apps.delete('app-1');
    expect(await availableOf()).toEqual(Array(APPS - 1).fill(false));
  });
});
