/** A console with much to show: hosts, clients, sessions with ten minutes behind them, a history. Made up, always the same. */
import type { HistoryEvent } from '../../core/history/event.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import { SAMPLES_MAX } from '../../proxy/history/streams.ts';
import {
  ATTIC,
  NOW,
  PENDING,
  flowOf,
  openBench,
  pairingOf,
  sessionOf,
  type Bench,
} from '../../proxy/web/test-bench.ts';
import { ClipLibrary } from '../../sim/host/clips.ts';

const APPS = ['Baldur’s Gate 3', 'Celeste', 'Desktop', 'Hades II', 'Test card'];
const LONG = 'Donaudampfschifffahrtsgesellschaftskapitän-Simulator: Game of the Year Edition';

/** Deterministic noise, 0 to 1. */
function noise(seed: number): number {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return value - Math.floor(value);
}

/** What a session's row says at one of its samples. */
function rowAt(id: string, index: number, { bps, lossy }: { bps: number; lossy: boolean }): FlowRecord {
  const wave = 1 + 0.12 * Math.sin(index / 9) + 0.1 * noise(index + bps);
  const hiccup = lossy && index % 37 > 33;
  return flowOf(id, {
    quality: {
      videoBps: bps * (hiccup ? 0.4 : wave),
      audioBps: 512_000,
      videoLost: lossy ? Math.floor(index / 37) * 60 : 0,
      videoDatagrams: index * 9_000,
      jitterMs: 0.4 + 0.5 * noise(index) + (hiccup ? 3 : 0),
      rttMs: (lossy ? 21 : 4) + 3 * noise(index * 7),
      fecReports: lossy ? 3 : 0,
    },
  });
}

/** Open, listening, and with its pictures full. @returns where it listens. */
export async function openBusyConsole(): Promise<{ bench: Bench; origin: string }> {
  const bench = openBench({}, 'Gleipnir');
  const port = await bench.web.start();
  bench.apps = [...APPS, LONG].map((title, index) => ({ id: index + 1, title, isHdrSupported: false }));
  bench.art.set(5, new ClipLibrary().boxArt());
  bench.about = { ...bench.about, addresses: ['192.168.1.7', '10.8.0.1'], awayAddress: '203.0.113.20' };
  bench.hosts = [
    { ...ATTIC, address: '192.168.1.20', used: 2, apps: APPS },
    { ...ATTIC, name: 'cellar', address: '192.168.1.21', state: 'down', used: 0, apps: [], labels: {} },
    { ...ATTIC, name: 'study', address: '192.168.1.22', capacity: 1, used: 1, apps: ['Desktop', LONG] },
    { ...ATTIC, name: 'workshop', address: '192.168.1.23', state: 'unpaired', used: 0, apps: [], labels: {} },
  ];
  bench.pins.set('workshop', '4711');
  await addPlayers(bench);
  bench.events.push(...events());
  return { bench, origin: `http://127.0.0.1:${port}` };
}

async function addPlayers({ pairings, sessions, flow, web }: Bench): Promise<void> {
  const clients = [
    pairingOf('p-1', { clientName: 'Living room TV', userReference: { name: 'alice' } }),
    pairingOf('p-2', { clientName: 'Steam Deck', userReference: { name: 'bob' } }),
    pairingOf('p-3', { clientName: 'Phone', userReference: { name: 'alice' } }),
  ];
  for (const pairing of clients) pairings.set(pairing.metadata.name, pairing);
  const [tv = pairingOf('p'), deck = tv, phone = tv] = clients;
  const play = (id: string, of: typeof tv, appId: number, status: object): void => {
    const session = sessionOf(id, of, status);
    session.spec.gameReference.name = String(appId);
    sessions.set(id, session);
  };
  play('s-1', tv, 1, { hostName: 'attic' });
  play('s-2', deck, 4, { hostName: 'attic', isFrozen: true });
  play('s-3', phone, 6, { hostName: 'study', phase: 'Paused' });
  for (let index = 0; index < SAMPLES_MAX; index += 1) {
    await flow(rowAt('s-1', index, { bps: 38e6, lossy: false }));
    // The second came later.
    if (index > 40) await flow(rowAt('s-2', index, { bps: 14e6, lossy: true }));
    web.streams.sample();
  }
}

function events(): HistoryEvent[] {
  const at = (minutesAgo: number): string => new Date(NOW - minutesAgo * 60_000).toISOString();
  const tv = { client: 'Living room TV', person: 'alice' };
  const deck = { client: 'Steam Deck', person: 'bob', host: 'attic', app: 'Hades II', sessionId: 's-2' };
  const quality = {
    streamedS: 3_000,
    bitrateBps: 21_400_000,
    jitterMs: 0.6,
    rttMs: 11.2,
    videoLost: 412,
    videoDatagrams: 2_400_000,
    fecReports: 4,
  };
  const told: Omit<HistoryEvent, 'id'>[] = [
    { at: at(3_000), kind: 'paired', address: '192.168.1.41', ...tv },
    { at: at(2_990), kind: 'pairingFailed', address: '203.0.113.9', reason: 'The PIN was wrong' },
    { at: at(400), kind: 'started', ...deck, sessionId: 's-0' },
    { at: at(350), kind: 'left', ...deck, sessionId: 's-0', quality },
    {
      at: at(340),
      kind: 'ended',
      ...deck,
      sessionId: 's-0',
      since: at(400),
      reason: 'Nobody came back to this game in time',
      quality,
    },
    { at: at(90), kind: 'refused', ...tv, app: LONG, reason: 'No machine is free right now' },
    { at: at(40), kind: 'removed', client: 'Old tablet' },
    { at: at(11), kind: 'started', ...tv, host: 'attic', app: 'Baldur’s Gate 3', sessionId: 's-1' },
    { at: at(7), kind: 'started', ...deck },
  ];
  return told.map((event, index) => ({ id: `e-${index}`, ...event }));
}

/** Somebody asks to pair. */
export function askToPair({ pending }: Bench): void {
  pending.push({ ...PENDING, address: '192.168.1.42' });
}
