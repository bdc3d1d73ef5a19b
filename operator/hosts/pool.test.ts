import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeHost } from '../../test/support/fake-host.ts';
import { appIdOf } from './app-id.ts';
import { HostPool } from './pool.ts';

const log = pino({ level: 'silent' });
const pools: HostPool[] = [];

async function startPool(...hosts: FakeHost[]): Promise<HostPool> {
  const pool = new HostPool({
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
    const place = (id: string): unknown => pool.place({ id, pairingName: 'p', appId: appIdOf('Test card') });
    expect([place('1'), place('2'), place('3')]).toMatchObject([
      { hostName: 'small' },
      { hostName: 'large' },
      { hostName: 'large' },
    ]);
    expect(place('4')).toBe('busy');
    pool.release('1');
    expect(place('4')).toMatchObject({ hostName: 'small' });
    expect(pool.place({ id: '5', pairingName: 'p', appId: appIdOf('Nothing') })).toBe('missing');
  });

  it('pairs by itself where the PIN can be typed for it, with one identity per pairing and app', async () => {
    const host = new FakeHost('attic', { isPaired: false });
    const pool = await startPool(host);
    expect(pool.list()).toHaveLength(1);
    const placement = pool.place({ id: '1', pairingName: 'p-1', appId: appIdOf('Test card') });
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

  it('offers nothing of a host that is down', async () => {
    const pool = await startPool(new FakeHost('attic', { isDown: true }));
    expect(pool.list()).toEqual([]);
    expect(pool.place({ id: '1', pairingName: 'p', appId: appIdOf('Test card') })).toBe('missing');
  });
});
