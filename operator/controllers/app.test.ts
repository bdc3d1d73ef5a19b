import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostFacts } from '../hosts/types.ts';
import { createAppController } from './app.ts';
import type { StatusKeeper } from './statuses.ts';
import { openStores, type Stores, type Watched } from './test-bench.ts';

const log = pino({ level: 'silent' });

let stores: Stores;
let apps: Watched<'App'>;
let host: HostFacts;
let tellHosts: () => void;
let controller: StatusKeeper<'App'>;

const offering = (...ids: number[]): HostFacts['apps'] =>
  ids.map((id) => ({ id, title: `app ${id}`, isHdrSupported: false }));
const setHost = (changes: Partial<HostFacts>): void => {
  host = { ...host, ...changes };
  tellHosts();
};
const create = async (name: string, id: number) => {
  stores.clock.nowMs += 1_000;
  await apps.create({ name, spec: { title: name, id } });
};
const statusOf = async (name: string) => (await apps.get(name))?.status;
const conditionOf = async (name: string) => (await statusOf(name))?.conditions?.[0];

function start(): void {
  controller = createAppController({
    apps,
    hosts: {
      facts: () => [host],
      onChange: (listener) => {
        tellHosts = listener;
        return () => undefined;
      },
    },
    log,
    now: () => stores.clock.nowMs,
  });
  controller.start();
}

beforeEach(async () => {
  stores = await openStores();
  apps = await stores.open('App');
  host = {
    ...{ name: 'attic', address: '192.0.2.7', state: 'up', problem: null, notices: [] },
    ...{ capacity: 1, used: 0, labels: {}, apps: offering(1) },
  };
  start();
});
afterEach(async () => {
  await controller.stop();
  await stores.remove();
});

describe('the App controller', () => {
  it('accepts an App, and says whether a host that is up offers it', async () => {
    await create('chess', 1);
    await create('go', 2);
    await expect
      .poll(() => conditionOf('chess'))
      .toMatchObject({
        ...{ type: 'Accepted', status: 'True', reason: 'Accepted', observedGeneration: 1 },
        lastTransitionTime: '2026-01-01T00:00:01.000Z',
      });
    await expect.poll(() => statusOf('chess')).toMatchObject({ available: true });
    await expect.poll(() => statusOf('go')).toMatchObject({ available: false });
    setHost({ apps: offering(1, 2) });
    await expect.poll(() => statusOf('go')).toMatchObject({ available: true });
    setHost({ apps: [], state: 'down', problem: 'no answer' });
    await expect.poll(() => statusOf('chess')).toMatchObject({ available: false });
  });

  it('names the older App that has the id, until that is gone or has another', async () => {
    await create('second', 7);
    await create('chess', 1);
    await create('again', 1);
    const taken = {
      ...{ status: 'False', reason: 'IdTaken' },
      message: 'The App chess is older and has the id 1',
    };
    await expect.poll(() => conditionOf('again')).toMatchObject(taken);
    expect(await statusOf('again')).toMatchObject({ available: false });
    await apps.update('second', { title: 'second', id: 1 });
    await expect
      .poll(() => conditionOf('chess'))
      .toMatchObject({
        message: 'The App second is older and has the id 1',
      });
    await apps.delete('second');
    await expect.poll(() => conditionOf('chess')).toMatchObject({ status: 'True' });
    await apps.delete('chess');
    await expect.poll(() => conditionOf('again')).toMatchObject({ status: 'True' });
    expect(await statusOf('again')).toMatchObject({ available: true });
  });

  it('writes only what changes, also after a restart, while hosts have not been asked', async () => {
    await create('chess', 1);
    await expect.poll(() => statusOf('chess')).toMatchObject({ available: true });
    await controller.stop();
    expect(apps.written).toEqual(['chess']);
    stores.clock.nowMs += 1_000;
    host = { ...host, state: 'down', problem: null, apps: [] };
    start();
    await create('go', 2);
    await expect.poll(() => statusOf('go')).toBeDefined();
    expect(await statusOf('chess')).toMatchObject({ available: true });
    setHost({ problem: 'no answer' });
    await expect.poll(() => statusOf('chess')).toMatchObject({ available: false });
    expect(apps.written).toEqual(['chess', 'go', 'chess']);
  });
});
