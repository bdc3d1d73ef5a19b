import { describe, expect, it } from 'vitest';
import { GleipnirError } from '../runtime/errors.ts';
import { launchRow, sessionRow } from './contract.ts';
import { TableFollower } from './follow.ts';
import { createMemoryTable } from './memory.ts';
import type { RowKind, RowOf } from './record.ts';
import type { TableChange, TableReader } from './table.ts';

/** A table whose reads the test holds back and answers one by one. */
function heldTable() {
  const { reader, writer } = createMemoryTable();
  const gates: (() => void)[] = [];
  let isHeld = false;
  const hold = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer; // Read now, delivered later.
    if (isHeld) await new Promise<void>((resolve) => gates.push(resolve));
    return value;
  };
  const held: TableReader = {
    get: <K extends RowKind>(kind: K, id: string): Promise<RowOf[K] | undefined> =>
      hold(reader.get(kind, id)),
    list: <K extends RowKind>(kind: K): Promise<RowOf[K][]> => hold(reader.list(kind)),
    watch: reader.watch,
  };
  return { reader: held, writer, gates, holdReads: (hold: boolean) => (isHeld = hold) };
}

describe('TableFollower', () => {
  it('holds what stood before it started', async () => {
    const { reader, writer } = createMemoryTable();
    await writer('session').put(sessionRow());
    const follower = new TableFollower({ reader, kinds: ['session'] });
    await follower.start();
    expect(follower.get('session', 's1')).toEqual(sessionRow());
    expect([...follower.all('session')]).toEqual([sessionRow()]);
  });

  it('follows changes and removals, and says which', async () => {
    const { reader, writer } = createMemoryTable();
    const follower = new TableFollower({ reader, kinds: ['session', 'launch'] });
    await follower.start();
    const seen: [TableChange, unknown][] = [];
    follower.onChange((change) => seen.push([change, follower.get('session', change.id)?.state]));
    await writer('session').put(sessionRow());
    await expect.poll(() => seen).toEqual([[{ kind: 'session', id: 's1' }, 'pending']]);
    await writer('session').remove('s1');
    await expect.poll(() => seen.length).toBe(2);
    expect(follower.get('session', 's1')).toBeUndefined();
    await writer('launch').put(launchRow());
    await expect.poll(() => follower.get('launch', 's1')).toEqual(launchRow());
  });

  it('ignores kinds it does not follow', async () => {
    const { reader, writer } = createMemoryTable();
    const follower = new TableFollower({ reader, kinds: ['session'] });
    await follower.start();
    let told = 0;
    follower.onChange(() => (told += 1));
    await writer('launch').put(launchRow());
    await writer('session').put(sessionRow());
    await expect.poll(() => told).toBe(1);
  });

  it('ends at the newest row, however late the answers come', async () => {
    const table = heldTable();
    const follower = new TableFollower({ reader: table.reader, kinds: ['session'] });
    await follower.start();
    table.holdReads(true);
    for (const generation of [1, 2, 3]) await table.writer('session').put(sessionRow({ generation }));
    await expect.poll(() => table.gates.length).toBe(1);
    table.gates.shift()?.();
    await expect.poll(() => table.gates.length).toBe(1);
    table.gates.shift()?.();
    await expect.poll(() => follower.get('session', 's1')?.generation).toBe(3);
  });

  it('prefers a change to the listing it overtook', async () => {
    const table = heldTable();
    await table.writer('session').put(sessionRow({ generation: 1 }));
    table.holdReads(true);
    const follower = new TableFollower({ reader: table.reader, kinds: ['session'] });
    const started = follower.start();
    await expect.poll(() => table.gates.length).toBe(1);
    table.holdReads(false);
    await table.writer('session').put(sessionRow({ generation: 2 }));
    await expect.poll(() => follower.get('session', 's1')?.generation).toBe(2);
    table.gates.shift()?.();
    await started;
    expect(follower.get('session', 's1')?.generation).toBe(2);
  });

  it('keeps its rows when the table cannot be read, and finds what changed once it can', async () => {
    const { reader, writer } = createMemoryTable();
    let isAway = false;
    let reads = 0;
    const errors: unknown[] = [];
    const away = <T>(read: () => Promise<T>): Promise<T> => {
      reads += 1;
      return isAway ? Promise.reject(new Error('away')) : read();
    };
    const follower = new TableFollower({
      reader: {
        ...reader,
        get: <K extends RowKind>(kind: K, id: string) => away(() => reader.get(kind, id)),
        list: <K extends RowKind>(kind: K) => away(() => reader.list(kind)),
      },
      kinds: ['session'],
      onError: (error) => errors.push(error),
    });
    await writer('session').put(sessionRow());
    await follower.start();
    isAway = true;
    await writer('session').put(sessionRow({ generation: 2 }));
    await expect.poll(() => errors.length).toBe(1);
    await expect.poll(() => reads).toBeGreaterThan(3);
    expect(follower.get('session', 's1')?.generation).toBe(1);
    isAway = false;
    await expect.poll(() => follower.get('session', 's1')?.generation).toBe(2);
    expect(errors).toHaveLength(1);
  });

  it('leaves a row that is damaged as it was until it changes', async () => {
    const { reader, writer } = createMemoryTable();
    let reads = 0;
    const damaged = new GleipnirError('SESSION_TABLE_CORRUPT', 'damaged');
    const errors: unknown[] = [];
    const follower = new TableFollower({
      reader: {
        ...reader,
        get: <K extends RowKind>(kind: K, id: string) => {
          reads += 1;
          return reads === 1 ? Promise.reject(damaged) : reader.get(kind, id);
        },
      },
      kinds: ['session'],
      onError: (error) => errors.push(error),
    });
    await writer('session').put(sessionRow());
    await follower.start();
    await writer('session').put(sessionRow({ generation: 2 }));
    await expect.poll(() => errors).toEqual([damaged]);
    expect(follower.get('session', 's1')?.generation).toBe(1);
    await writer('session').put(sessionRow({ generation: 3 }));
    await expect.poll(() => follower.get('session', 's1')?.generation).toBe(3);
    expect(reads).toBe(2);
  });

  it('refuses to start without a table to read', async () => {
    const { reader, writer } = createMemoryTable();
    const list = () => Promise.reject(new Error('away'));
    const follower = new TableFollower({ reader: { ...reader, list }, kinds: ['session'] });
    await expect(follower.start()).rejects.toThrow('away');
    await writer('session').put(sessionRow());
    expect(follower.get('session', 's1')).toBeUndefined();
  });

  it('isolates a listener that throws', async () => {
    const { reader, writer } = createMemoryTable();
    const errors: unknown[] = [];
    const follower = new TableFollower({
      reader,
      kinds: ['session'],
      onError: (error) => errors.push(error),
    });
    await follower.start();
    let told = 0;
    follower.onChange(() => {
      throw new Error('listener');
    });
    follower.onChange(() => (told += 1));
    await writer('session').put(sessionRow());
    await expect.poll(() => told).toBe(1);
    expect(errors).toHaveLength(1);
  });

  it('says and changes nothing after stop', async () => {
    const { reader, writer } = createMemoryTable();
    const follower = new TableFollower({ reader, kinds: ['session'] });
    await follower.start();
    let told = 0;
    follower.onChange(() => (told += 1));
    follower.stop();
    await writer('session').put(sessionRow());
    expect(follower.get('session', 's1')).toBeUndefined();
    expect(told).toBe(0);
  });
});
