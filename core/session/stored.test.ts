import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeSessionTable, launchRow, sessionRow } from './contract.ts';
import type { FlowRecord } from './record.ts';
import { createStoredTable, type StoredTable } from './stored.ts';

const HOUR_MS = 3_600_000;

let root: string;
let directory: string;
let logLines: string[];
let log: Logger;
const tables: StoredTable[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gleipnir-table-'));
  directory = join(root, 'table');
  logLines = [];
  log = pino({ level: 'warn' }, { write: (line) => logLines.push(line) });
});
afterEach(async () => {
  await Promise.all(tables.splice(0).map((table) => table.stop()));
  await rm(root, { recursive: true, force: true });
});

/** The table as it stands in the files; rows with counters alone wait for an hour unless told. */
async function open(lazyMs = HOUR_MS): Promise<StoredTable> {
  const table = await createStoredTable({ directory, log, lazyMs });
  tables.push(table);
  return table;
}

function flowRow(changes: Partial<FlowRecord> = {}): FlowRecord {
  const zero = { video: 0, audio: 0, control: 0 };
  return {
    id: 's1',
    generation: 1,
    status: 'live',
    client: { control: { address: '203.0.113.7', port: 5000 } },
    control: { connectID: 7, clientPeerID: 0, highestSeq: 1 },
    pingCounters: { audio: 0, video: 0 },
    lastSeenAt: 1,
    datagrams: zero,
    bytes: zero,
    ...changes,
  };
}

const pathOf = (kind: string, id = 's1'): string => join(directory, kind, `${id}.json`);
const stored = async (kind: string, id = 's1'): Promise<unknown> =>
  readFile(pathOf(kind, id), 'utf8').then(
    (text) => JSON.parse(text) as unknown,
    () => undefined,
  );

describe('createStoredTable', () => {
  describeSessionTable(async () => {
    directory = await mkdtemp(join(root, 'empty-'));
    return open();
  });

  it('opens as it was left, every kind', async () => {
    const { writer, stop } = await open();
    await writer('session').put(sessionRow({ generation: 2, state: 'streaming' }));
    await writer('launch').put(launchRow({ generation: 2 }));
    await writer('stream').put({ id: 's1', generation: 2, isPlaying: true });
    // Of a relay of this version, and of one before it.
    const rows = [flowRow({ generation: 2, id: 's1:local' }), flowRow({ generation: 2 })];
    for (const row of rows) await writer('flow').put(row);
    await stop();

    const { reader, writer: again } = await open();
    expect(await reader.get('session', 's1')).toEqual(sessionRow({ generation: 2, state: 'streaming' }));
    expect(await reader.get('launch', 's1')).toEqual(launchRow({ generation: 2 }));
    expect(await reader.get('stream', 's1')).toEqual({ id: 's1', generation: 2, isPlaying: true });
    for (const row of rows) expect(await reader.get('flow', row.id)).toEqual(row);
    expect(await again('session').put(sessionRow({ generation: 1 }))).toBe('stale');
    expect(logLines).toEqual([]);
  });

  it('has a session row in its file when put answers, and has not when remove does', async () => {
    const { writer } = await open();
    await writer('session').put(sessionRow());
    expect(await stored('session')).toEqual(sessionRow());
    await writer('session').put(sessionRow({ state: 'ready' }));
    expect(await stored('session')).toMatchObject({ state: 'ready' });
    await writer('session').remove('s1');
    await expect(access(pathOf('session'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('stores the newest of many changes', async () => {
    const { writer } = await open();
    const rows = Array.from({ length: 50 }, (_, index) => sessionRow({ generation: index + 1 }));
    await Promise.all(rows.map((row) => writer('session').put(row)));
    expect(await stored('session')).toMatchObject({ generation: 50 });
  });

  it('stores where a client is at once, and what is counted later', async () => {
    const { writer, stop } = await open();
    await writer('session').put(sessionRow());
    const flows = writer('flow');
    await flows.put(flowRow());
    await expect.poll(() => stored('flow')).toEqual(flowRow());
    await flows.put(flowRow({ lastSeenAt: 2 }));
    const moved = flowRow({ lastSeenAt: 3, client: { control: { address: '203.0.113.7', port: 6000 } } });
    await flows.put(moved);
    await expect.poll(() => stored('flow')).toEqual(moved);
    for (const status of ['disconnected', 'closed'] as const) {
      await flows.put({ ...moved, status });
      await expect.poll(() => stored('flow')).toMatchObject({ status });
    }
    const counted = { ...moved, status: 'closed', lastSeenAt: 4, isFrozen: true } as const;
    await flows.put(counted);
    // Another row, asked for later, is written; the counters still wait.
    await writer('session').put(sessionRow({ state: 'paused' }));
    expect(await stored('flow')).toMatchObject({ lastSeenAt: 3 });
    await stop();
    expect(await stored('flow')).toEqual(counted);
  });

  it('stores counters without being told to stop', async () => {
    const { writer } = await open(1);
    await writer('session').put(sessionRow());
    for (const lastSeenAt of [1, 2, 3]) {
      await writer('flow').put(flowRow({ lastSeenAt }));
      await expect.poll(() => stored('flow')).toMatchObject({ lastSeenAt });
    }
  });

  it('keeps names of any kind within the directory', async () => {
    const { writer, stop } = await open();
    for (const id of ['../up', '..', 'a/b', 'A b%']) await writer('session').put(sessionRow({ id }));
    await stop();
    expect(await readdir(directory)).toEqual(['flow', 'launch', 'session', 'stream']);
    const { reader } = await open();
    const ids = (await reader.list('session')).map(({ id }) => id);
    expect(ids.sort()).toEqual(['..', '../up', 'A b%', 'a/b']);
  });
});
