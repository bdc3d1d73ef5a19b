import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../runtime/log.ts';
import { FlowFollower, flowRowId, newestFlow, newestFlows, sessionOf } from './flows.ts';
import { createMemoryTable } from './memory.ts';
import { FlowRecord } from './record.ts';
import type { TableWriter } from './table.ts';

function rowOf(id: string, changes: Partial<FlowRecord> = {}): FlowRecord {
  const none = { video: 0, audio: 0, control: 0 };
  return {
    id,
    generation: 1,
    status: 'waiting',
    client: {},
    pingCounters: none,
    lastSeenAt: 0,
    datagrams: none,
    bytes: none,
    ...changes,
  };
}

describe('the id of a flow row', () => {
  it.each(['edge-1', '192.0.2.7', '2001:db8::7'])('names its session, and the relay %s', (relay) => {
    const id = flowRowId('s1', relay);
    expect(sessionOf(id)).toBe('s1');
    expect(id).not.toBe(flowRowId('s1', 'another'));
  });

  it('has room for the longest names', () => {
    const id = flowRowId('s'.repeat(64), 'r'.repeat(63));
    expect(FlowRecord.safeParse(rowOf(id)).success).toBe(true);
  });

  it('was that of the session in older versions', () => {
    expect(sessionOf('s1')).toBe('s1');
  });
});

describe('the row that tells how a session does', () => {
  const waiting = rowOf('s:a');
  const played = rowOf('s:b', { status: 'live', lastSeenAt: 5 });
  const left = rowOf('s:c', { status: 'live', lastSeenAt: 4 });
  const resumed = rowOf('s:d', { generation: 2 });

  it('is that of the newest generation, and there of the relay that heard the client last', () => {
    expect(newestFlow([])).toBeUndefined();
    for (const rows of [
      [waiting, played, left],
      [left, played, waiting],
    ])
      expect(newestFlow(rows)).toBe(played);
    expect(newestFlow([played, resumed, left])).toBe(resumed);
  });

  it('is one for each session', () => {
    const other = rowOf('t:a');
    const newest = newestFlows([waiting, other, played]);
    expect([...newest]).toEqual([
      ['s', played],
      ['t', other],
    ]);
  });
});

describe('FlowFollower', () => {
  let flows: FlowFollower;
  let writer: TableWriter<'flow'>;
  const told: string[] = [];
  beforeEach(async () => {
    told.length = 0;
    const table = createMemoryTable();
    writer = table.writer('flow');
    await writer.put(rowOf('s:a'));
    flows = new FlowFollower({ table: table.reader, log: createLogger('silent') });
    flows.onChange((session) => told.push(session));
    await flows.start();
  });
  afterEach(() => {
    flows.stop();
  });

  it('follows the rows of all relays, and forgets a session with its last one', async () => {
    expect(flows.newestOf('s')?.id).toBe('s:a');
    await writer.put(rowOf('s:b', { lastSeenAt: 1 }));
    await expect.poll(() => flows.newestOf('s')?.id).toBe('s:b');
    await writer.remove('s:b');
    await expect.poll(() => flows.newestOf('s')?.id).toBe('s:a');
    await writer.remove('s:a');
    await expect.poll(() => [...flows.sessions()]).toEqual([]);
    expect(flows.newestOf('s')).toBeUndefined();
    expect(told).toEqual(['s', 's', 's', 's']);
  });
});
