/** The session table's contract as a suite: every implementation's spec runs it on its own tables. */
import { expect, it } from 'vitest';
import { describeClaims } from './contract-claims.ts';
import type { LaunchRecord, SessionRecord, StreamRecord } from './record.ts';
import type { SessionTable, TableChange } from './table.ts';

/** A valid session row, to vary. */
export function sessionRow(changes: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: 's1',
    generation: 1,
    state: 'pending',
    client: { address: '203.0.113.7' },
    keys: { rikey: 'sealed', rikeyid: -5 },
    tokens: {
      pingPayload: "ab'c,{~}#0123456",
      connectData: 0xfedc_ba98,
      rtspSession: 'RTSPSESSION1',
      rtspLabel: 'label-0001',
      peerId: 17,
    },
    upstream: { address: '0.0.0.0', slot: 3 },
    ...changes,
  };
}

/** A valid launch row, to vary. */
export function launchRow(changes: Partial<LaunchRecord> = {}): LaunchRecord {
  return {
    id: 's1',
    generation: 1,
    verb: 'launch',
    appId: 1,
    parameters: { mode: '1280x720x60' },
    rikey: 'sealed',
    rikeyid: -5,
    corever: 0,
    clientAddress: '203.0.113.7',
    ...changes,
  };
}

const streamRow = (changes: Partial<StreamRecord> = {}): StreamRecord => ({
  id: 's1',
  generation: 1,
  isPlaying: false,
  ...changes,
});

/**
 * Declares the suite; call it inside a `describe`.
 *
 * @param createTable an empty table each time.
 */
export function describeSessionTable(createTable: () => Promise<SessionTable>): void {
  describeRows(createTable);
  describeGenerations(createTable);
  describeChanges(createTable);
  describeClaims(createTable);
}

function describeRows(createTable: () => Promise<SessionTable>): void {
  it('answers nothing for a row that is not there', async () => {
    const { reader } = await createTable();
    expect(await reader.get('session', 's1')).toBeUndefined();
    expect(await reader.list('session')).toEqual([]);
  });

  it('answers each row under its own kind', async () => {
    const { reader, writer } = await createTable();
    await writer('session').put(sessionRow());
    await writer('launch').put(launchRow());
    expect(await reader.get('session', 's1')).toEqual(sessionRow());
    expect(await reader.get('launch', 's1')).toEqual(launchRow());
    expect(await reader.get('stream', 's1')).toBeUndefined();
  });

  it('lists every row of a kind', async () => {
    const { reader, writer } = await createTable();
    for (const id of ['a', 'b', 'c']) await writer('stream').put(streamRow({ id }));
    const ids = (await reader.list('stream')).map((row) => row.id);
    expect(ids.sort()).toEqual(['a', 'b', 'c']);
  });

  it('forgets a removed row, however often it is removed', async () => {
    const { reader, writer } = await createTable();
    await writer('session').put(sessionRow());
    await writer('session').remove('s1');
    await writer('session').remove('s1');
    expect(await reader.get('session', 's1')).toBeUndefined();
  });

  it('keeps what was put, whatever the writer does with its object later', async () => {
    const { reader, writer } = await createTable();
    const row = sessionRow();
    await writer('session').put(row);
    row.client.address = '198.51.100.1';
    expect((await reader.get('session', 's1'))?.client.address).toBe('203.0.113.7');
  });

  it('keeps what was put, whatever a reader does with the answer', async () => {
    const { reader, writer } = await createTable();
    await writer('session').put(sessionRow());
    const row = await reader.get('session', 's1');
    try {
      if (row !== undefined) row.tokens.peerId = 99;
    } catch {
      // A frozen row is as good as a private copy.
    }
    expect((await reader.get('session', 's1'))?.tokens.peerId).toBe(17);
  });
}

function describeGenerations(createTable: () => Promise<SessionTable>): void {
  it('refuses an older generation and changes nothing', async () => {
    const { reader, writer } = await createTable();
    await writer('session').put(sessionRow({ generation: 2, state: 'ready' }));
    expect(await writer('session').put(sessionRow({ generation: 1, state: 'ended' }))).toBe('stale');
    expect(await reader.get('session', 's1')).toMatchObject({ generation: 2, state: 'ready' });
  });

  it('takes the same generation and a newer one', async () => {
    const { reader, writer } = await createTable();
    expect(await writer('session').put(sessionRow({ state: 'pending' }))).toBe('stored');
    expect(await writer('session').put(sessionRow({ state: 'ready' }))).toBe('stored');
    expect(await writer('session').put(sessionRow({ generation: 2 }))).toBe('stored');
    expect(await reader.get('session', 's1')).toMatchObject({ generation: 2, state: 'pending' });
  });

  it('compares generations within one row only', async () => {
    const { writer } = await createTable();
    await writer('session').put(sessionRow({ generation: 5 }));
    expect(await writer('stream').put(streamRow({ generation: 1 }))).toBe('stored');
    expect(await writer('session').put(sessionRow({ id: 's2', generation: 1 }))).toBe('stored');
  });

  it('takes any generation after a removal', async () => {
    const { writer } = await createTable();
    await writer('session').put(sessionRow({ generation: 5 }));
    await writer('session').remove('s1');
    expect(await writer('session').put(sessionRow({ generation: 1 }))).toBe('stored');
  });
}

function describeChanges(createTable: () => Promise<SessionTable>): void {
  it('announces puts and removals in order, refused puts not at all', async () => {
    const { reader, writer } = await createTable();
    const changes: TableChange[] = [];
    reader.watch((change) => changes.push(change));
    await writer('launch').put(launchRow());
    await writer('session').put(sessionRow({ generation: 2 }));
    await writer('session').put(sessionRow({ generation: 1 }));
    await writer('session').remove('s1');
    await writer('stream').put(streamRow({ id: 's2' }));
    const expected = [
      { kind: 'launch', id: 's1' },
      { kind: 'session', id: 's1' },
      { kind: 'session', id: 's1' },
      { kind: 'stream', id: 's2' },
    ];
    await expect.poll(() => changes).toEqual(expected);
  });

  it('announces a row after it can be read', async () => {
    const { reader, writer } = await createTable();
    const seen: Promise<SessionRecord | undefined>[] = [];
    reader.watch(({ id }) => seen.push(reader.get('session', id)));
    await writer('session').put(sessionRow());
    await expect.poll(() => seen.length).toBe(1);
    expect(await seen[0]).toEqual(sessionRow());
  });

  it('tells a stopped listener nothing more, and the others everything', async () => {
    const { reader, writer } = await createTable();
    const stopped: TableChange[] = [];
    const lasting: TableChange[] = [];
    const stop = reader.watch((change) => stopped.push(change));
    reader.watch((change) => lasting.push(change));
    await writer('session').put(sessionRow());
    await expect.poll(() => lasting.length).toBe(1);
    stop();
    await writer('session').remove('s1');
    await expect.poll(() => lasting.length).toBe(2);
    expect(stopped.length).toBe(1);
  });
}
