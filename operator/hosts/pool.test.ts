import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../../test/support/fake-host.ts';
import { appIdOf } from './app-id.ts';
import { HostPool } from './pool.ts';
import type { HostRule } from './types.ts';

const log = pino({ level: 'silent' });
const pools: HostPool[] = [];

async function startPool(...hosts: FakeHost[]): Promise<HostPool> {
  return startPoolOf(hosts, []);
}

async function startPoolOf(hosts: FakeHost[], rules: HostRule[]): Promise<HostPool> {
  const pool = new HostPool({
    rules,
    pollMs: 20,
    hosts: hosts.map(({ spec }) => spec),
    driverOf: (spec, key) => {
      const host = hosts.find(({ spec: { name } }) => name === spec.name);
      return host === undefined ? Promise.reject(new Error(spec.name)) : Promise.resolve(host.driver(key));
    },
    log,
  });
  pools.push(pool);
  await pool.start();
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop()));
});

describe('HostPool', () => {
  it('lists each title once, by name, with ids that hosts do not decide', async () => {
    const attic = new FakeHost('attic', { apps: ['Tetris', 'Chess'] });
    const lab = new FakeHost('lab', { apps: ['Tetris'] });
    const pool = await startPool(attic, lab);
    expect(pool.list()).toEqual([
      { id: appIdOf('Chess'), title: 'Chess', isHdrSupported: false },
      { id: appIdOf('Tetris'), title: 'Tetris', isHdrSupported: false },
    ]);
  });

  it('shows the codec flags that all hosts have, and H.264 when there is none', async () => {
    const pool = await startPool(
      new FakeHost('attic', { codecModes: 0x101 }),
      new FakeHost('lab', { codecModes: 0x10101 }),
    );
    expect(pool.codecModes()).toBe(0x101);
    expect((await startPool(new FakeHost('gone', { isDown: true }))).codecModes()).toBe(1);
  });

  it('places sessions on the least loaded host that has the app, until all are full', async () => {
    const pool = await startPool(
      new FakeHost('small', { capacity: 1 }),
      new FakeHost('large', { capacity: 2 }),
    );
    const place = (id: string): unknown => pool.place({ id, user: 'p', appId: appIdOf('Test card') });
    expect([place('1'), place('2'), place('3')]).toMatchObject([
      { hostName: 'small' },
      { hostName: 'large' },
      { hostName: 'large' },
    ]);
    expect(place('4')).toBe('busy');
    pool.release('1');
    expect(place('4')).toMatchObject({ hostName: 'small' });
    expect(pool.place({ id: '5', user: 'p', appId: appIdOf('Nothing') })).toBe('missing');
  });

  it('pairs by itself where the PIN can be typed for it, with one identity per user and app', async () => {
    const host = new FakeHost('attic', { isPaired: false });
    const pool = await startPool(host);
    expect(pool.list()).toHaveLength(1);
    const placement = pool.place({ id: '1', user: 'p-1', appId: appIdOf('Test card') });
    if (typeof placement === 'string') throw new Error(placement);
    await placement.driver();
    expect(host.pairedKeys()).toEqual(['default', `p-1.${appIdOf('Test card')}`]);
  });

  it('shows the PIN that a person must type, and lists no apps until then', async () => {
    const host = new FakeHost('attic', { isPaired: false, hasPerson: true });
    const pool = await startPool(host);
    expect(pool.list()).toEqual([]);
    expect(pool.awaitedPins()).toMatchObject([
      { hostName: 'attic', pin: expect.stringMatching(/^\d{4}$/) as string },
    ]);
    host.typePin(pool.awaitedPins()[0]?.pin ?? '');
    await expect.poll(() => pool.awaitedPins()).toEqual([]);
  });

  it('places users where the rules say, and says that an app is missing rather than break them', async () => {
    const large = new FakeHost('large', {
      apps: ['Test card', 'Chess'],
      labels: { gpu: 'large' },
      capacity: 2,
    });
    const small = new FakeHost('small', { labels: { gpu: 'small' }, capacity: 1 });
    const pool = await startPoolOf(
      [large, small],
      [
        { users: ['anna'], hosts: { gpu: 'large' } },
        { users: ['*'], hosts: { gpu: 'small' } },
      ],
    );
    const place = (id: string, user: string, title = 'Test card'): unknown =>
      pool.place({ id, user, appId: appIdOf(title) });
    expect(place('1', 'anna')).toMatchObject({ hostName: 'large' });
    expect(place('2', 'anna')).toMatchObject({ hostName: 'large' });
    expect(place('3', 'ben')).toMatchObject({ hostName: 'small' });
    expect(place('4', 'carl')).toBe('busy');
    expect(place('5', 'carl', 'Chess')).toBe('missing');
  });

  it('plays one session at a time where the host knows one identity', async () => {
    const host = new FakeHost('attic', { hasPerson: true, capacity: 4 });
    const pool = await startPool(host);
    const place = (id: string): unknown => pool.place({ id, user: id, appId: appIdOf('Test card') });
    expect([place('1'), place('2')]).toMatchObject([{ hostName: 'attic' }, 'busy']);
    expect(pool.hosts()).toMatchObject([{ capacity: 1, used: 1 }]);
  });

  it('shows every host, whatever its state', async () => {
    const pool = await startPool(
      new FakeHost('up', { apps: ['Tetris', 'Chess'], capacity: 3, labels: { gpu: 'large' } }),
      new FakeHost('stranger', { isPaired: false, hasPerson: true }),
      new FakeHost('gone', { isDown: true }),
    );
    pool.place({ id: '1', user: 'u', appId: appIdOf('Chess') });
    const address = '192.0.2.7';
    expect(pool.hosts()).toEqual([
      {
        name: 'gone',
        address,
        state: 'down',
        problem: 'no usable answer',
        capacity: 1,
        used: 0,
        apps: [],
        labels: {},
      },
      {
        name: 'stranger',
        address,
        state: 'unpaired',
        problem: null,
        capacity: 1,
        used: 0,
        apps: [],
        labels: {},
      },
      {
        name: 'up',
        address,
        state: 'up',
        problem: null,
        capacity: 3,
        used: 1,
        apps: ['Chess', 'Tetris'],
        labels: { gpu: 'large' },
      },
    ]);
  });

  it('tells once of a host that goes down, names its sessions, and takes it back by itself', async () => {
    const [host, other] = [new FakeHost('attic'), new FakeHost('lab', { apps: ['Chess'] })];
    const pool = await startPool(host, other);
    pool.place({ id: '1', user: 'u', appId: appIdOf('Test card') });
    pool.place({ id: '2', user: 'u', appId: appIdOf('Chess') });
    const down: string[] = [];
    const stopListening = pool.onHostDown((name) => down.push(name));
    host.isDown = true;
    await expect.poll(() => down).toEqual(['attic']);
    expect(pool.placementsOf('attic')).toEqual(['1']);
    expect(pool.list().map(({ title }) => title)).toEqual(['Chess']);
    const asked = host.calls.length;
    await expect.poll(() => host.calls.length).toBeGreaterThan(asked + 2);
    expect(down).toEqual(['attic']);

    host.isDown = false;
    await expect.poll(() => pool.list()).toHaveLength(2);
    stopListening();
    host.isDown = true;
    await expect.poll(() => pool.list()).toHaveLength(1);
    expect(down).toEqual(['attic']);
  });

  it('tells of a host that never answered', async () => {
    const pool = await startPool(new FakeHost('attic', { isDown: true }));
    const down: string[] = [];
    pool.onHostDown((name) => down.push(name));
    await expect.poll(() => down).toEqual(['attic']);
  });

  it('places nothing on a host that failed to answer a launch before it answers again', async () => {
    const [attic, lab] = [new FakeHost('attic'), new FakeHost('lab')];
    const pool = await startPool(attic, lab);
    const appId = appIdOf('Test card');
    const placement = pool.place({ id: '1', user: 'u', appId });
    if (typeof placement === 'string') throw new Error(placement);
    const driver = await placement.driver();
    pool.release('1');
    attic.isDown = true;
    const request = { appId: 1, rikey: new Uint8Array(16), rikeyid: 0, parameters: {} };
    await expect(driver.launch(request)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    expect(pool.place({ id: '2', user: 'u', appId })).toMatchObject({ hostName: 'lab' });
    expect(pool.place({ id: '3', user: 'v', appId })).toBe('busy');
    attic.isDown = false;
    await expect.poll(() => pool.place({ id: '3', user: 'v', appId })).toMatchObject({ hostName: 'attic' });
  });

  it('offers nothing of a host that is down', async () => {
    const pool = await startPool(new FakeHost('attic', { isDown: true }));
    expect(pool.list()).toEqual([]);
    expect(pool.place({ id: '1', user: 'p', appId: appIdOf('Test card') })).toBe('missing');
  });
});
