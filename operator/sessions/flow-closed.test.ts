import { beforeEach, describe, expect, it } from 'vitest';
import { createMemoryTable } from '../../core/session/memory.ts';
import type { FlowRecord } from '../../core/session/record.ts';
import type { SessionTable } from '../../core/session/table.ts';
import { waitForFlowClosed } from './flow-closed.ts';

const none = { video: 0, audio: 0, control: 0 };
const COUNTS = { client: {}, pingCounters: none, lastSeenAt: 0, datagrams: none, bytes: none };

let table: SessionTable;
beforeEach(() => {
  table = createMemoryTable();
});

async function put(id: string, generation: number, status: FlowRecord['status']): Promise<void> {
  await table.writer('flow').put({ id, generation, status, ...COUNTS });
}

/** Whether the wait for generation 2 of `s` is over, once everything that could end it has run. */
async function begin(): Promise<() => Promise<boolean>> {
  let isOver = false;
  void waitForFlowClosed(table.reader, 's', 2).then(() => (isOver = true));
  const look = async (): Promise<boolean> => {
    await new Promise(setImmediate);
    return isOver;
  };
  await look();
  return look;
}

describe('waitForFlowClosed', () => {
  it('waits for every relay that has the generation open, and for no other session', async () => {
    await put('s:a', 2, 'live');
    await put('s:b', 2, 'waiting');
    await put('t:a', 2, 'live');
    const isOver = await begin();
    expect(await isOver()).toBe(false);
    await put('s:a', 2, 'closed');
    expect(await isOver()).toBe(false);
    await put('s:b', 2, 'closed');
    expect(await isOver()).toBe(true);
  });

  it.each([
    { name: 'no relay has a flow', rows: [] },
    { name: 'a newer generation runs', rows: [['s:a', 3, 'live']] },
    {
      name: 'the only open one is of a relay that is gone',
      rows: [
        ['s:a', 1, 'live'],
        ['s:b', 2, 'closed'],
      ],
    },
  ] as { name: string; rows: [string, number, FlowRecord['status']][] }[])(
    'does not wait where $name',
    async ({ rows }) => {
      for (const row of rows) await put(...row);
      expect(await (await begin())()).toBe(true);
    },
  );
});
