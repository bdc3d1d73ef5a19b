import { describe, expect, it } from 'vitest';
import { describeSessionTable, sessionRow } from './contract.ts';
import { createMemoryTable } from './memory.ts';

describe('createMemoryTable', () => {
  describeSessionTable(() => Promise.resolve(createMemoryTable()));

  it('tells listeners before put returns', () => {
    const { reader, writer } = createMemoryTable();
    let told = 0;
    reader.watch(() => (told += 1));
    void writer('session').put(sessionRow());
    expect(told).toBe(1);
  });

  it('announces nothing when there was nothing to remove', async () => {
    const { reader, writer } = createMemoryTable();
    let told = 0;
    reader.watch(() => (told += 1));
    await writer('session').remove('s1');
    expect(told).toBe(0);
  });

  it('tells every listener of a cause before its consequence', async () => {
    const { reader, writer } = createMemoryTable();
    const first: string[] = [];
    const second: string[] = [];
    reader.watch(({ kind, id }) => {
      first.push(kind);
      if (kind === 'session') void writer('stream').put({ id, generation: 1, isPlaying: false });
    });
    reader.watch(({ kind }) => second.push(kind));
    await writer('session').put(sessionRow());
    expect(first).toEqual(['session', 'stream']);
    expect(second).toEqual(['session', 'stream']);
  });

  it('isolates a listener that throws', async () => {
    const errors: unknown[] = [];
    const { reader, writer } = createMemoryTable({ onListenerError: (error) => errors.push(error) });
    const told: string[] = [];
    reader.watch(() => {
      throw new Error('listener');
    });
    reader.watch(({ id }) => told.push(id));
    expect(await writer('session').put(sessionRow())).toBe('stored');
    expect(await writer('session').put(sessionRow({ id: 's2' }))).toBe('stored');
    expect(told).toEqual(['s1', 's2']);
    expect(errors).toHaveLength(2);
  });

  it('hands out frozen rows', async () => {
    const { reader, writer } = createMemoryTable();
    await writer('session').put(sessionRow());
    const row = await reader.get('session', 's1');
    expect(Object.isFrozen(row)).toBe(true);
    expect(Object.isFrozen(row?.tokens)).toBe(true);
  });
});
