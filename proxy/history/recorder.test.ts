import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pairing, Session, SessionStatus } from '../../core/crd/types.ts';
import type { HistoryEvent } from '../../core/history/event.ts';
import type { History } from '../../core/history/history.ts';
import { createLogger } from '../../core/runtime/log.ts';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { SessionTable, TableWriter } from '../../core/session/table.ts';
import type { ObjectEvent } from '../../core/store/object-store.ts';
import type { PairingExchanges } from '../pairing/exchange.ts';
import type { PairingOutcome } from '../pairing/outcome.ts';
import { flowOf, pairingOf, sessionOf } from '../web/test-bench.ts';
import { HistoryRecorder } from './recorder.ts';
import { Streams } from './streams.ts';

const alice = pairingOf('p-1', { clientName: 'Sofa', userReference: { name: 'alice' } });
const NOW = Date.parse('2026-02-03T05:00:00Z');

/** A history in memory that keeps each id once, as every store must. */
function keepInMemory(): History & { events: HistoryEvent[] } {
  const events: HistoryEvent[] = [];
  return {
    events,
    append: (event) => {
      if (events.some(({ id }) => id === event.id)) return Promise.resolve('known');
      events.push(event);
      return Promise.resolve('stored');
    },
    read: async function* () {
      for (const event of events.toReversed()) yield await Promise.resolve(event);
    },
  };
}

let history: ReturnType<typeof keepInMemory>;
let table: SessionTable;
let flows: TableWriter<'flow'>;
let standing: Map<string, Session>;
let opened: { recorder: HistoryRecorder; streams: Streams }[];
let announce: {
  session: (event: ObjectEvent<Session>) => void;
  pairing: (event: ObjectEvent<Pairing>) => void;
  exchange: Parameters<PairingExchanges['onEnd']>[0];
}[];

beforeEach(() => {
  history = keepInMemory();
  table = createMemoryTable();
  flows = table.writer('flow');
  standing = new Map();
  opened = [];
  announce = [];
});
afterEach(async () => {
  for (const { recorder, streams } of opened) {
    streams.stop();
    await recorder.stop();
  }
});

/** Another recorder on the same history: of another proxy, or of this one after a restart. */
async function openRecorder(): Promise<(typeof opened)[number]> {
  const streams = new Streams({ table: table.reader, log: createLogger('silent') });
  const own = {} as (typeof announce)[number];
  const recorder = new HistoryRecorder({
    history,
    streams,
    sessions: {
      list: () => Promise.resolve([...standing.values()]),
      watch: (listener) => {
        own.session = listener;
        return () => undefined;
      },
    },
    pairings: {
      watch: (listener) => {
        own.pairing = listener;
        return () => undefined;
      },
    },
    exchanges: {
      onEnd: (listener) => {
        own.exchange = listener;
        return () => undefined;
      },
    },
    describe: (session) =>
      Promise.resolve({ person: 'alice', client: session.status?.playedBy ?? 'Sofa', app: 'Test card' }),
    now: () => NOW,
    log: createLogger('silent'),
  });
  await streams.start();
  recorder.start();
  announce.push(own);
  opened.push({ recorder, streams });
  return { recorder, streams };
}

function tell(status: Partial<SessionStatus>): void {
  const object = sessionOf('s', alice, status);
  standing.set('s', object);
  for (const { session } of announce) session({ type: 'modified', object });
}

function remove(): void {
  const object = standing.get('s');
  standing.delete('s');
  if (object === undefined) return;
  for (const { session } of announce) session({ type: 'deleted', object });
}

const kinds = (): string[] => history.events.map(({ kind }) => kind);

/** A row after the client was there for a while, seen by everybody. */
async function play(counts: {
  lost: number;
  came: number;
  generation?: number;
  seconds?: number;
}): Promise<void> {
  const { lost, came, generation = 1, seconds = 5 } = counts;
  const { quality } = flowOf('s');
  const row = quality && { ...quality, videoLost: lost, videoDatagrams: came, fecReports: lost };
  await flows.put(flowOf('s', { generation, ...(row === undefined ? {} : { quality: row }) }));
  await new Promise(setImmediate);
  for (const { streams } of opened) for (let s = 0; s < seconds; s += 5) streams.sample();
}

describe('the recorder', () => {
  it('tells a game from its start to its end, and how it was all in all', async () => {
    const { recorder } = await openRecorder();
    tell({ phase: 'Provisioning' });
    tell({ phase: 'Ready' });
    tell({ phase: 'Streaming' });
    await recorder.stop();
    expect(kinds()).toEqual(['started']);
    await play({ lost: 10, came: 990, seconds: 30 });
    tell({ phase: 'Paused' });
    tell({ phase: 'Provisioning', launchGeneration: 2, playedBy: 'Phone' });
    await recorder.stop();
    await play({ lost: 0, came: 1_000, generation: 2, seconds: 10 });
    tell({ phase: 'Streaming', launchGeneration: 2, playedBy: 'Phone' });
    tell({ phase: 'Ended', launchGeneration: 2, message: 'The game was ended on its machine' });
    remove();
    await recorder.stop();
    expect(kinds()).toEqual(['started', 'left', 'resumed', 'ended']);
    expect(history.events).toMatchObject([
      { id: 's/1/started', person: 'alice', client: 'Sofa', app: 'Test card', host: 'attic' },
      { id: 's/1/left', client: 'Sofa', quality: { videoLost: 10, videoDatagrams: 990, streamedS: 30 } },
      { id: 's/2/resumed', client: 'Phone' },
      {
        id: 's/ended',
        reason: 'The game was ended on its machine',
        since: '2026-02-03T04:00:00.000Z',
        quality: { videoLost: 10, videoDatagrams: 1_990, fecReports: 10, streamedS: 40, bitrateBps: 2e7 },
      },
    ]);
  });

  it('says who ended a game', async () => {
    const { recorder } = await openRecorder();
    tell({ phase: 'Streaming' });
    await recorder.noteEndedBy('s', 'carol');
    remove();
    await recorder.stop();
    expect(history.events.at(-1)).toMatchObject({ kind: 'ended', reason: 'Ended on the console by carol' });
    expect(kinds()).toEqual(['started', 'ended']);
  });

  it('calls a game that never came to its player refused', async () => {
    const { recorder } = await openRecorder();
    tell({ phase: 'Provisioning' });
    tell({ phase: 'Ended', message: 'No machine is free', reason: 'NO_HOST_FREE' });
    remove();
    await recorder.stop();
    expect(history.events).toMatchObject([{ kind: 'refused', reason: 'No machine is free' }]);
  });

  it('says that a player quit, or gave up waiting', async () => {
    const { recorder } = await openRecorder();
    tell({ phase: 'Streaming' });
    remove();
    await recorder.stop();
    expect(history.events.at(-1)).toMatchObject({ kind: 'ended', reason: 'The game was quit' });
    history.events.length = 0;
    tell({ phase: 'Pending' });
    remove();
    await recorder.stop();
    expect(history.events).toMatchObject([{ kind: 'refused', reason: 'Given up before the game was ready' }]);
  });

  it('goes on after a restart as if there had been none', async () => {
    await openRecorder();
    tell({ phase: 'Streaming' });
    await play({ lost: 1, came: 99, seconds: 10 });
    tell({ phase: 'Paused' });
    tell({ phase: 'Streaming', launchGeneration: 2 });
    await play({ lost: 2, came: 98, generation: 2 });
    tell({ phase: 'Paused', launchGeneration: 2 });
    await opened[0]?.recorder.stop();
    const before = kinds();
    announce.length = 0;

    const { recorder } = await openRecorder();
    await recorder.stop();
    expect(kinds()).toEqual(before);
    remove();
    await recorder.stop();
    const { quality } = history.events.at(-1) ?? {};
    expect(quality).toMatchObject({ videoLost: 3, videoDatagrams: 197, streamedS: 15 });
  });

  it('says everything once when two proxies see it', async () => {
    await openRecorder();
    await openRecorder();
    tell({ phase: 'Streaming' });
    tell({ phase: 'Paused' });
    remove();
    for (const { recorder } of opened) await recorder.stop();
    expect(kinds().sort()).toEqual(['ended', 'left', 'started']);
  });

  it.each<{ outcome: PairingOutcome; event: Partial<HistoryEvent> }>([
    { outcome: 'paired', event: { kind: 'paired', client: 'TV', person: 'bob', address: '192.0.2.9' } },
    { outcome: 'pinWrong', event: { kind: 'pairingFailed', reason: 'The PIN was wrong' } },
    { outcome: 'clientLeft', event: { kind: 'pairingFailed', reason: 'The client went away' } },
  ])('tells of pairing that ends $outcome', async ({ outcome, event }) => {
    const { recorder } = await openRecorder();
    const names = { clientName: 'TV', userName: 'bob' };
    announce[0]?.exchange(outcome, { id: 'x', address: '192.0.2.9', fingerprint: 'ab', names });
    await recorder.stop();
    expect(history.events).toMatchObject([event]);
  });

  it('tells of a client that was removed', async () => {
    const { recorder } = await openRecorder();
    announce[0]?.pairing({ type: 'deleted', object: alice });
    await recorder.stop();
    expect(history.events).toMatchObject([{ kind: 'removed', client: 'Sofa', person: 'alice' }]);
  });

  it('goes on when an event cannot be written', async () => {
    const { recorder } = await openRecorder();
    const { append } = history;
    history.append = () => Promise.reject(new Error('no space'));
    tell({ phase: 'Streaming' });
    await recorder.stop();
    history.append = append;
    remove();
    await recorder.stop();
    expect(kinds()).toEqual(['ended']);
  });
});
