import { describe, expect, it } from 'vitest';
import { sessionRow } from './contract.ts';
import { TableFollower } from './follow.ts';
import { readerOf } from './followed.ts';
import { createMemoryTable } from './memory.ts';

describe('readerOf', () => {
  it('answers what the follower knows, also after it was stopped', async () => {
    const table = createMemoryTable();
    const kinds = ['session', 'flow'] as const;
    const follower = new TableFollower({ reader: table.reader, kinds });
    await follower.start();
    const reader = readerOf(follower, kinds);
    const told: string[] = [];
    reader.watch(({ id }) => told.push(id));
    await table.writer('session').put(sessionRow());
    await expect.poll(() => told).toEqual(['s1']);
    follower.stop();
    await table.writer('session').remove('s1');
    expect(await reader.get('session', 's1')).toEqual(sessionRow());
    expect(await reader.list('session')).toEqual([sessionRow()]);
    expect(await reader.list('flow')).toEqual([]);
    expect(await reader.get('launch', 's1')).toBeUndefined();
  });
});
