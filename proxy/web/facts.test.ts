import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientView, HostView, Listing, SessionView } from './facts.ts';
import { ATTIC, flowOf, openBench, pairingOf, sessionOf, type Bench } from './test-bench.ts';

const alice = { userReference: { name: 'alice' } };
const sofa = pairingOf('p-1', { clientName: 'Sofa', ...alice });
const phone = pairingOf('p-2', { clientName: 'Phone', ...alice });
const loner = pairingOf('p-3');

let bench: Bench;
beforeEach(() => {
  bench = openBench();
  for (const pairing of [loner, sofa, phone]) bench.pairings.set(pairing.metadata.name, pairing);
});
afterEach(() => bench.web.stop());

async function read<T>(path: string): Promise<Listing<T>> {
  const response = await bench.get(path);
  expect(response.headers['content-type']).toMatch(/^application\/json/);
  return response.json();
}

describe('GET /api/sessions', () => {
  const list = () => read<SessionView>('/api/sessions');

  it('says who plays what where since when, and how the stream does', async () => {
    bench.sessions.set('s', sessionOf('s', sofa, {}));
    bench.flows.set('s', flowOf('s'));
    expect((await list()).items).toEqual([
      {
        id: 's',
        person: 'alice',
        client: 'Sofa',
        app: 'Test card',
        appId: 7,
        host: 'attic',
        phase: 'Streaming',
        isFrozen: false,
        since: '2026-02-03T04:00:00.000Z',
        message: null,
        quality: {
          bitrateBps: 20_000_000,
          videoBps: 19_500_000,
          audioBps: 500_000,
          lossPercent: 0.5,
          jitterMs: 0.42,
          rttMs: 12.4,
          fecReports: 3,
        },
      },
    ]);
  });

  it('names the client that took over', async () => {
    bench.sessions.set('s', sessionOf('s', sofa, { playedBy: 'p-2' }));
    expect((await list()).items).toMatchObject([{ person: 'alice', client: 'Phone' }]);
  });

  it('makes do with what there is of a session', async () => {
    bench.sessions.set('s', sessionOf('s', loner));
    bench.sessions.set('t', sessionOf('t', pairingOf('p-gone')));
    const rest = { person: null, host: null, phase: 'Pending', quality: null };
    expect((await list()).items).toMatchObject([
      { ...rest, client: 'Unnamed client' },
      { ...rest, client: 'Removed client' },
    ]);
  });

  it.each([
    { name: 'of an earlier generation', row: { generation: 2 } },
    { name: 'of a client that left', row: { status: 'disconnected' as const } },
  ])('shows no figures $name', async ({ row }) => {
    bench.sessions.set('s', sessionOf('s', sofa, {}));
    bench.flows.set('s', flowOf('s', row));
    expect((await list()).items).toMatchObject([{ quality: null }]);
  });

  it('divides nothing by nothing, and knows no RTT before the relay does', async () => {
    bench.sessions.set('s', sessionOf('s', sofa, {}));
    const nothing = { videoBps: 0, audioBps: 0, videoLost: 0, videoDatagrams: 0, jitterMs: 0, fecReports: 0 };
    bench.flows.set('s', flowOf('s', { quality: nothing }));
    expect((await list()).items).toMatchObject([{ quality: { lossPercent: 0, rttMs: null } }]);
  });

  it('keeps its version while only figures move', async () => {
    bench.sessions.set('s', sessionOf('s', sofa, {}));
    bench.flows.set('s', flowOf('s'));
    const { version } = await list();
    const { quality } = flowOf('s');
    if (quality !== undefined) bench.flows.set('s', flowOf('s', { quality: { ...quality, videoBps: 1 } }));
    expect((await list()).version).toBe(version);
    expect((await bench.get('/sessions')).body).toContain(`data-version="${version}"`);
    bench.sessions.set('s', sessionOf('s', sofa, { phase: 'Paused' }));
    expect((await list()).version).not.toBe(version);
  });
});

describe('GET /api/clients', () => {
  it('lists the clients by name, with what they play now', async () => {
    bench.sessions.set('s', sessionOf('s', sofa, { playedBy: 'p-2' }));
    bench.sessions.set('t', sessionOf('t', loner, { phase: 'Ended' }));
    const { items } = await read<ClientView>('/api/clients');
    expect(items).toMatchObject([
      { id: 'p-2', name: 'Phone', person: 'alice', playing: 'Test card' },
      { id: 'p-1', name: 'Sofa', person: 'alice', playing: null },
      { id: 'p-3', name: null, person: null, playing: null },
    ]);
    expect(JSON.stringify(items)).not.toContain('pem');
  });
});

describe('GET /api/hosts', () => {
  it('lists the hosts with the PIN to type there', async () => {
    const before = await read<HostView>('/api/hosts');
    expect(before.items).toEqual([{ ...ATTIC, pin: null }]);
    const pairing = await read('/api/pairings');
    bench.pins.set('attic', '4711');
    const after = await read<HostView>('/api/hosts');
    expect(after.items).toEqual([{ ...ATTIC, pin: '4711' }]);
    expect(after.version).not.toBe(before.version);
    expect((await read('/api/pairings')).version).not.toBe(pairing.version);
  });
});
