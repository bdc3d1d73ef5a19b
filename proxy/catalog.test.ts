import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../core/crd/types.ts';
import { createSealer } from '../core/runtime/seal.ts';
import type { HostRecord } from '../core/session/host-record.ts';
import { createMemoryTable } from '../core/session/memory.ts';
import type { SessionTable } from '../core/session/table.ts';
import type { ObjectEvent } from '../core/store/object-store.ts';
import { Catalog } from './catalog.ts';

const sealer = createSealer(Buffer.alloc(32, 1));

let table: SessionTable;
let apps: App[];
let tell: (event: ObjectEvent<App>) => void;
let catalog: Catalog;

const appOf = (name: string, spec: App['spec'], creationTimestamp = '2026-01-01T00:00:00Z'): App => ({
  kind: 'App',
  metadata: { name, uid: name, generation: 1, creationTimestamp },
  spec,
});
const CHESS = appOf('chess', { id: 1, title: 'Chess', isHDRSupported: true, hosts: ['attic'] });
const GO = appOf('go', { id: 2, title: 'A game of Go', hosts: ['attic', 'lab'] });

const offer = (id: number) => ({ id, title: `app ${id}`, isHdrSupported: false });
const putHost = (id: string, changes: Partial<HostRecord> = {}) =>
  table.writer('host').put({
    ...{
      id,
      generation: 1,
      address: '192.0.2.7',
      state: 'up',
      problem: null,
      notices: [],
      capacity: 1,
      used: 0,
    },
    ...{ labels: {}, apps: [] },
    ...changes,
  });
const ids = () => catalog.list().map(({ id }) => id);

beforeEach(async () => {
  table = createMemoryTable();
  apps = [CHESS, GO];
  catalog = new Catalog({
    apps: {
      list: () => Promise.resolve(apps),
      watch: (listener) => {
        tell = listener;
        return () => undefined;
      },
    },
    table: table.reader,
    sealer,
    log: pino({ level: 'silent' }),
  });
  await putHost('attic', { apps: [offer(1), offer(2)], codecModes: 0x101, maxLumaPixelsHEVC: 9 });
  await putHost('lab', { apps: [offer(2)], codecModes: 0x10101, maxLumaPixelsHEVC: 7 });
  await catalog.start();
});
afterEach(() => catalog.stop());

describe('Catalog', () => {
  it('lists Apps by title', () => {
    expect(catalog.list()).toEqual([
      { id: 2, title: 'A game of Go', isHdrSupported: false },
      { id: 1, title: 'Chess', isHdrSupported: true },
    ]);
  });

  it('leaves out what no host that is up offers, until one does again', async () => {
    await putHost('attic', { generation: 2, state: 'down' });
    await expect.poll(ids).toEqual([2]);
    await putHost('attic', { generation: 3, apps: [offer(1)] });
    await expect.poll(ids).toEqual([2, 1]);
    await table.writer('host').remove('lab');
    await expect.poll(ids).toEqual([1]);
  });

  it('follows the Apps, and offers the oldest of those with one id', () => {
    const other = appOf('other', { id: 1, title: 'Another chess' }, '2025-01-01T00:00:00Z');
    tell({ type: 'added', object: other });
    expect(catalog.list().map(({ title }) => title)).toEqual(['A game of Go', 'Another chess']);
    tell({ type: 'deleted', object: other });
    tell({ type: 'deleted', object: GO });
    expect(catalog.list().map(({ title }) => title)).toEqual(['Chess']);
  });

  it('shows the codec flags that all hosts have, and H.264 when there is none', async () => {
    expect([catalog.codecModes(), catalog.maxLumaPixelsHEVC()]).toEqual([0x101, 7]);
    for (const { id } of await table.reader.list('host')) await table.writer('host').remove(id);
    await expect.poll(() => [catalog.codecModes(), catalog.maxLumaPixelsHEVC()]).toEqual([1, 0]);
  });

  it('never says that there is no codec at all', async () => {
    await putHost('attic', { generation: 2, apps: [offer(1)], codecModes: 0x100 });
    await putHost('lab', { generation: 2, apps: [offer(2)], codecModes: 0x1_0000 });
    await expect.poll(() => catalog.codecModes()).toBe(1);
  });

  it('opens the PIN that a host waits for', async () => {
    await putHost('lab', { generation: 2, state: 'unpaired', pin: sealer.seal(Buffer.from('1234')) });
    await expect
      .poll(() => catalog.awaitedPins())
      .toEqual([{ hostName: 'lab', address: '192.0.2.7', pin: '1234' }]);
    expect(catalog.hosts()).toMatchObject([{ name: 'attic', apps: ['app 1', 'app 2'] }, { name: 'lab' }]);
  });

  it('has the box art that stands in the table', async () => {
    expect(await catalog.asset(1)).toBeUndefined();
    await table.writer('art').put({ id: '1', generation: 1, type: 'image/png', bytes: 'AQID' });
    expect(await catalog.asset(1)).toEqual({ type: 'image/png', bytes: Buffer.from([1, 2, 3]) });
  });
});
