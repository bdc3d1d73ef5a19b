import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TITLE_MAX_CHARACTERS } from '../../core/host/offer.ts';
import { createSealer } from '../../core/runtime/seal.ts';
import { ART_BYTES_MAX, HostRecord } from '../../core/session/host-record.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { SessionTable } from '../../core/session/table.ts';
import { createLocalStore } from '../../core/store/local.ts';
import type { ObjectStore } from '../../core/store/object-store.ts';
import { FakeHost } from '../../test/support/fake-host.ts';
import { appIdOf } from './app-id.ts';
import { HostPool } from './pool.ts';
import { HostPublisher } from './publish.ts';

const log = pino({ level: 'silent' });
const sealer = createSealer(Buffer.alloc(32, 1));
const CHESS = appIdOf('Chess');

let directory: string;
let table: SessionTable;
let apps: ObjectStore<'App'>;
/** Every write to an App, by its name. */
let writes: string[];
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gleipnir-publish-'));
  table = createMemoryTable();
  apps = await createLocalStore({ kind: 'App', directory, now: () => new Date() });
  writes = [];
  apps.watch(({ type, object }) => writes.push(`${type} ${object.spec.title}`));
  stops = [];
});
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  await rm(directory, { recursive: true });
});

async function publish(...hosts: FakeHost[]): Promise<HostPool> {
  const pool = new HostPool({
    pollMs: 20,
    hosts: hosts.map(({ spec }) => spec),
    driverOf: ({ name }, key) => {
      const host = hosts.find(({ spec }) => spec.name === name);
      return host === undefined ? Promise.reject(new Error(name)) : Promise.resolve(host.driver(key));
    },
    log,
  });
  const publisher = new HostPublisher({
    hosts: pool,
    apps,
    table: table.reader,
    hostRows: table.writer('host'),
    artRows: table.writer('art'),
    sealer,
    log,
  });
  stops.push(
    () => pool.stop(),
    () => publisher.stop(),
  );
  await pool.start();
  await publisher.start();
  return pool;
}

const row = (name: string) => table.reader.get('host', name);
const specs = async () =>
  (await apps.list()).map(({ spec }) => spec).sort((one, other) => one.title.localeCompare(other.title));

describe('HostPublisher', () => {
  it('makes a row for each host and an App for each title, before it has started', async () => {
    const pool = await publish(
      new FakeHost('attic', { apps: ['Tetris', 'Chess'], labels: { gpu: 'large' }, capacity: 2 }),
      new FakeHost('lab', { apps: ['Tetris'] }),
      new FakeHost('gone', { isDown: true }),
    );
    expect(await specs()).toEqual([
      { id: CHESS, title: 'Chess', isHDRSupported: false, hosts: ['attic'] },
      { id: appIdOf('Tetris'), title: 'Tetris', isHDRSupported: false, hosts: ['attic', 'lab'] },
    ]);
    const rows = await table.reader.list('host');
    for (const each of rows) expect(HostRecord.parse(each)).toEqual(each);
    expect(await row('attic')).toMatchObject({ state: 'up', capacity: 2, used: 0, labels: { gpu: 'large' } });
    expect(await row('gone')).toMatchObject({ state: 'down', apps: [] });
    pool.place({ id: '1', user: 'u', appId: CHESS });
    await expect.poll(async () => (await row('attic'))?.used).toBe(1);
  });

  it('keeps Apps of hosts that are down, without a write, and drops what is offered no more', async () => {
    const host = new FakeHost('attic', { apps: ['Chess', 'Tetris'] });
    await publish(host);
    host.isDown = true;
    await expect.poll(async () => (await row('attic'))?.state).toBe('down');
    host.isDown = false;
    await expect.poll(async () => (await row('attic'))?.state).toBe('up');
    expect(writes).toEqual(['added Chess', 'added Tetris']);
    host.apps = ['Chess', 'Go'];
    await expect.poll(specs).toMatchObject([{ title: 'Chess' }, { title: 'Go' }]);
    expect(writes.slice(2).sort()).toEqual(['added Go', 'deleted Tetris']);
  });

  it('goes on from what another one wrote, and forgets hosts that there are no more', async () => {
    await publish(new FakeHost('attic', { apps: ['Chess'] }), new FakeHost('lab', { apps: ['Go'] }));
    for (const stop of stops.splice(0).reverse()) await stop();
    const generation = (await row('attic'))?.generation ?? 0;
    await publish(new FakeHost('attic', { apps: ['Chess', 'Tetris'] }));
    expect(await row('lab')).toBeUndefined();
    expect((await row('attic'))?.generation).toBeGreaterThan(generation);
    expect(await specs()).toMatchObject([{ title: 'Chess' }, { title: 'Tetris' }]);
  });

  it('leaves alone, and prefers, what people made', async () => {
    const own = { id: CHESS, title: 'My chess', hosts: ['attic'] };
    await apps.create({ name: 'mine', spec: own });
    const host = new FakeHost('attic', { apps: ['Chess'] });
    await publish(host);
    host.apps = [];
    await expect.poll(async () => (await row('attic'))?.apps).toEqual([]);
    expect(await specs()).toEqual([own]);
  });

  it('takes the longest title that a host may have', async () => {
    await publish(new FakeHost('attic', { apps: ['x'.repeat(TITLE_MAX_CHARACTERS + 1)] }));
    expect(await specs()).toMatchObject([{ title: 'x'.repeat(TITLE_MAX_CHARACTERS) }]);
  });

  it('seals the PIN to type, and takes it away once it was typed', async () => {
    const host = new FakeHost('attic', { isPaired: false, hasPerson: true });
    const pool = await publish(host);
    const pin = pool.facts()[0]?.pin ?? '';
    const sealed = (await row('attic'))?.pin ?? '';
    expect(sealed).not.toContain(pin);
    expect(sealer.open(sealed).toString()).toBe(pin);
    host.typePin(pin);
    await expect.poll(() => row('attic')).not.toHaveProperty('pin');
  });

  it('keeps box art that is too large as a smaller PNG', async () => {
    const host = new FakeHost('attic', { apps: ['Chess'] });
    const raw = { width: 500, height: 600, channels: 3 } as const;
    const bytes = await sharp(randomBytes(500 * 600 * 3), { raw })
      .jpeg({ quality: 100 })
      .toBuffer();
    expect(bytes.length).toBeGreaterThan(ART_BYTES_MAX);
    host.art = { type: 'image/jpeg', bytes };
    await publish(host);
    const art = () => table.reader.get('art', String(CHESS));
    await expect.poll(art, { timeout: 20_000 }).toMatchObject({ type: 'image/png', generation: 1 });
    const kept = Buffer.from((await art())?.bytes ?? '', 'base64');
    expect(await sharp(kept).metadata()).toMatchObject({ format: 'png' });
    expect(kept.length).toBeLessThanOrEqual(ART_BYTES_MAX);
  }, 30_000);

  it('keeps box art by the id of the app, as long as that is known, and none that is no picture', async () => {
    const host = new FakeHost('attic', { apps: ['Chess'] });
    host.art = { type: 'image/png', bytes: Buffer.alloc(ART_BYTES_MAX, 7) };
    await publish(host);
    const art = () => table.reader.get('art', String(CHESS));
    await expect.poll(art).toMatchObject({ type: 'image/png', generation: 1 });
    expect(Buffer.from((await art())?.bytes ?? '', 'base64')).toEqual(host.art.bytes);

    host.isDown = true;
    await expect.poll(async () => (await row('attic'))?.state).toBe('down');
    expect(await art()).toBeDefined();
    host.art = { type: 'image/png', bytes: Buffer.alloc(ART_BYTES_MAX + 1) };
    host.apps = ['Go'];
    host.isDown = false;
    await expect.poll(art).toBeUndefined();
    await expect.poll(() => host.calls.filter((call) => call === 'appasset')).toHaveLength(2);
    expect(await table.reader.list('art')).toEqual([]);
  });
});
