import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../../test/support/fake-host.ts';
import { GleipnirError } from '../../core/runtime/errors.ts';
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

/** What all of them offer. */
function titles(pool: HostPool): string[] {
  return pool.facts().flatMap(({ apps }) => apps.map(({ title }) => title));
}

describe('HostPool', () => {
  it('knows each title of a host once, with ids that hosts do not decide', async () => {
    const pool = await startPool(new FakeHost('attic', { apps: ['Tetris', 'Chess', 'Tetris'] }));
    expect(pool.facts()[0]?.apps).toEqual([
      { id: appIdOf('Tetris'), title: 'Tetris', isHdrSupported: false },
      { id: appIdOf('Chess'), title: 'Chess', isHdrSupported: false },
    ]);
  });

  it('tells of every change of what it knows', async () => {
    const host = new FakeHost('attic');
    const pool = await startPool(host);
    const used: (number | undefined)[] = [];
    const stop = pool.onChange(() => used.push(pool.facts()[0]?.used));
    pool.place({ id: '1', user: 'u', appId: appIdOf('Test card') });
    pool.release('1');
    expect(used).toEqual([1, 0]);
    stop();
    host.isDown = true;
    const states: string[] = [];
    pool.onChange(() => states.push(pool.facts()[0]?.state ?? ''));
    await expect.poll(() => states.at(-1)).toBe('down');
    expect(used).toEqual([1, 0]);
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
    expect(titles(pool)).toHaveLength(1);
    const placement = pool.place({ id: '1', user: 'p-1', appId: appIdOf('Test card') });
    if (typeof placement === 'string') throw new Error(placement);
    await placement.driver();
    expect(host.pairedKeys()).toEqual(['default', `p-1.${appIdOf('Test card')}`]);
  });

  it('shows the PIN that a person must type, and lists no apps until then', async () => {
    const host = new FakeHost('attic', { isPaired: false, hasPerson: true });
    const pool = await startPool(host);
    const pin = () => pool.facts()[0]?.pin;
    expect(titles(pool)).toEqual([]);
    expect(pin()).toMatch(/^\d{4}$/);
    host.typePin(pin() ?? '');
    await expect.poll(pin).toBeUndefined();
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
    expect(pool.facts()).toMatchObject([{ capacity: 1, used: 1 }]);
  });

  it('shows every host, whatever its state', async () => {
    const pool = await startPool(
      new FakeHost('up', { apps: ['Tetris', 'Chess'], capacity: 3, labels: { gpu: 'large' } }),
      new FakeHost('stranger', { isPaired: false, hasPerson: true }),
      new FakeHost('gone', { isDown: true }),
    );
    pool.place({ id: '1', user: 'u', appId: appIdOf('Chess') });
    const address = '192.0.2.7';
    expect(pool.facts()).toMatchObject([
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
        apps: [{ title: 'Tetris' }, { title: 'Chess' }],
        labels: { gpu: 'large' },
      },
    ]);
  });

  it('leaves out what no client can take, and says so', async () => {
    const host = new FakeHost('attic', { apps: ['Doom', '', ' \t', 'Doom'] });
    const pool = await startPool(host);
    expect(titles(pool)).toEqual(['Doom']);
    const notices = ['2 apps left out: no title', '1 app left out: the same title as another'];
    expect(pool.facts()).toMatchObject([{ state: 'up', apps: [{ title: 'Doom' }], notices }]);
  });

  it('keeps a host up whose list is of no use, says why, and takes the list back by itself', async () => {
    const [host, other] = [new FakeHost('attic'), new FakeHost('lab', { apps: ['Chess'] })];
    const pool = await startPool(host, other);
    pool.place({ id: '1', user: 'u', appId: appIdOf('Test card') });
    const down: string[] = [];
    pool.onHostDown((name) => down.push(name));
    host.listFault = new GleipnirError('HOST_ANSWER_INVALID', 'The answer of the host is too large');
    await expect.poll(() => titles(pool)).toEqual(['Chess']);
    const notices = ['No list of apps: The answer of the host is too large'];
    expect(pool.facts()[0]).toMatchObject({ name: 'attic', state: 'up', apps: [], used: 1, notices });
    expect(pool.facts()[1]).toMatchObject({ name: 'lab', state: 'up', notices: [] });
    expect(down).toEqual([]);

    host.listFault = undefined;
    await expect.poll(() => titles(pool)).toHaveLength(2);
    expect(pool.facts()[0]).toMatchObject({ notices: [] });
  });

  it('says that a launch was answered with nonsense, and places sessions elsewhere first', async () => {
    const [host, other] = [new FakeHost('attic', { capacity: 4 }), new FakeHost('lab', { capacity: 4 })];
    const pool = await startPool(host, other);
    const launch = async (id: string) => {
      const placement = pool.place({ id, user: id, appId: appIdOf('Test card') });
      if (typeof placement === 'string') throw new Error(placement);
      const driver = await placement.driver();
      const request = { appId: 1, rikey: new Uint8Array(16), rikeyid: 1, parameters: {} };
      await driver.launch(request).catch(() => undefined);
      return placement.hostName;
    };
    host.refusal = new GleipnirError('HOST_ANSWER_INVALID', 'The host names another machine for its stream');
    const told: (readonly string[] | undefined)[] = [];
    pool.onChange(() => told.push(pool.facts()[0]?.notices));
    expect(await launch('1')).toBe('attic');
    expect(told.at(-1), 'told at once, not when it is asked next').toHaveLength(1);
    pool.release('1');
    const notices = ['The newest launch failed: The host names another machine for its stream'];
    expect(pool.facts()[0]).toMatchObject({ state: 'up', notices });
    const asked = host.calls.length;
    await expect.poll(() => host.calls.length).toBeGreaterThan(asked + 4);
    expect(pool.facts()[0]).toMatchObject({ notices });
    for (const id of ['2', '3', '4', '5']) expect(await launch(id)).toBe('lab');
    host.refusal = undefined;
    expect(await launch('6')).toBe('attic');
    expect(pool.facts()[0]).toMatchObject({ notices: [] });
  });

  it('finds box art at the next host where one has none or fails', async () => {
    const [host, other] = [new FakeHost('attic'), new FakeHost('lab')];
    const pool = await startPool(host, other);
    host.art = new GleipnirError('HOST_ANSWER_INVALID', 'The answer of the host is too large');
    expect(await pool.asset(appIdOf('Test card'))).toBeUndefined();
    other.art = { type: 'image/png', bytes: Buffer.from('png') };
    expect(await pool.asset(appIdOf('Test card'))).toEqual(other.art);
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
    expect(titles(pool)).toEqual(['Chess']);
    const asked = host.calls.length;
    await expect.poll(() => host.calls.length).toBeGreaterThan(asked + 2);
    expect(down).toEqual(['attic']);

    host.isDown = false;
    await expect.poll(() => titles(pool)).toHaveLength(2);
    stopListening();
    host.isDown = true;
    await expect.poll(() => titles(pool)).toHaveLength(1);
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
    expect(titles(pool)).toEqual([]);
    expect(pool.place({ id: '1', user: 'p', appId: appIdOf('Test card') })).toBe('missing');
  });
});
